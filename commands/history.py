"""`history [SERVICE]`: the last rollouts and how they ended."""

from __future__ import annotations

from bot.engine.ports.rendered import Outgoing
from commands.desk import Room
from commands.which import known_service


async def handle(room: Room) -> Outgoing:
    service: str | None = None
    if room.words:
        found = known_service(room)
        if isinstance(found, Outgoing):
            return found
        service = found
    return room.messages.history(await room.desk.history(service, 10), room.desk.now())
