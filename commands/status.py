"""`status [SERVICE]`, and the bare command: where everything is, and what to do next."""

from __future__ import annotations

from bot.engine.ports.rendered import Outgoing
from commands.desk import Room
from commands.which import known_service


async def handle(room: Room) -> Outgoing:
    services = sorted(room.desk.plans)
    if room.words:
        service = known_service(room)
        if isinstance(service, Outgoing):
            return service
        services = [service]
    states = []
    for service in services:
        rollout = (await room.desk.state(service)).rollout
        if rollout:
            states.append((rollout, room.desk.plans[service], await room.desk.board(service)))
    return room.messages.status(states, services, room.desk.now())
