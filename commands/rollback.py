"""`rollback [SERVICE] [REASON]`: back to the old version now. No approval, and no line is too sloppy for it."""

from __future__ import annotations

from bot.engine.ports import Outgoing
from bot.rollout.intents import RollBack
from bot.rollout.model import Status
from commands.desk import Room, answer
from commands.which import service_to_roll_back


async def handle(room: Room) -> Outgoing:
    found = await service_to_roll_back(room)
    if isinstance(found, Outgoing):
        return found
    service, rest = found
    submitted = await room.desk.submit(service, RollBack(room.call.actor, " ".join(rest)), room.call.cause)
    rollout = submitted.state.rollout
    cancelled = rollout is not None and rollout.status is Status.CANCELLED
    return await answer(room, service, submitted, "cancelled" if cancelled else "rolling_back")
