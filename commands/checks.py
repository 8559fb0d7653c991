"""`checks [SERVICE]`: what was checked, backed up and run, with what came of it."""

from __future__ import annotations

from bot.engine.ports.rendered import Outgoing
from bot.rollout.intents import refuse
from commands.desk import Room
from commands.which import service_alone


async def handle(room: Room) -> Outgoing:
    service = await service_alone(room)
    if isinstance(service, Outgoing):
        return service
    plan, rollout = room.desk.plans[service], (await room.desk.state(service)).rollout
    if rollout is None:
        return room.messages.error(room.messages.refusal(refuse("no_rollout", service=service), None, plan))
    return room.messages.checks(rollout, plan, room.desk.now())
