"""`pause [SERVICE] [reason]`: nothing moves forward until it is resumed; triggers still act."""

from __future__ import annotations

from bot.engine.ports.rendered import Outgoing
from bot.rollout.intents import Pause
from commands.desk import Room, answer
from commands.which import service_of


async def handle(room: Room) -> Outgoing:
    found = await service_of(room)
    if isinstance(found, Outgoing):
        return found
    service, rest = found
    submitted = await room.desk.submit(service, Pause(room.call.actor, " ".join(rest)), room.call.cause)
    return await answer(room, service, submitted, "paused")
