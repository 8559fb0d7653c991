"""`rollback [SERVICE] [--gradual] [REASON]`: back to the old version now. No approval, no line is too sloppy for it.

Only a plain `--gradual` asks for the plan's steps; what is a little like it is part of the reason, and goes at once.
"""

from __future__ import annotations

from dataclasses import replace

from bot.engine.ports.rendered import Outgoing
from bot.rollout.intents import RollBack
from bot.rollout.model import Status
from commands.desk import Room, answer
from commands.which import service_to_roll_back
from commands.words import name

GRADUAL = "--gradual"
KINDS: dict[Status | None, str] = {Status.CANCELLED: "cancelled", Status.STEPPING_DOWN: "stepping_down"}


async def handle(room: Room) -> Outgoing:
    words = tuple(word for word in room.words if name(word) != GRADUAL)
    gradual = len(words) < len(room.words)
    room = replace(room, words=words)
    found = await service_to_roll_back(room)
    if isinstance(found, Outgoing):
        return found
    service, rest = found
    intent = RollBack(room.call.actor, " ".join(rest), gradual)
    submitted = await room.desk.submit(service, intent, room.call.cause)
    rollout = submitted.state.rollout
    return await answer(room, service, submitted, KINDS.get(rollout.status if rollout else None, "rolling_back"))
