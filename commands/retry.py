"""`retry [SERVICE]`: tries again what a held rollout stopped at: the shift, the bake or the asking."""

from __future__ import annotations

from bot.engine.ports.rendered import Outgoing
from bot.rollout.intents import Retry
from commands.desk import Room, answer
from commands.which import service_alone


async def handle(room: Room) -> Outgoing:
    service = await service_alone(room)
    if isinstance(service, Outgoing):
        return service
    submitted = await room.desk.submit(service, Retry(room.call.actor), room.call.cause)
    return await answer(room, service, submitted, "retried")
