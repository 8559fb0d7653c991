"""`report [SERVICE]`: the report as it is now, as a draft in the rollout's thread. Nobody signs a draft."""

from __future__ import annotations

from bot.engine.ports.rendered import Outgoing
from bot.rollout.effects import PublishReport
from bot.rollout.intents import refuse
from commands.desk import Room
from commands.which import service_alone


async def handle(room: Room) -> Outgoing:
    service = await service_alone(room)
    if isinstance(service, Outgoing):
        return service
    plan, rollout = room.desk.plans[service], (await room.desk.state(service)).rollout
    code = "no_rollout" if rollout is None else "no_report" if plan.runbook.report is None else ""
    if rollout is None or code:
        return room.messages.error(room.messages.refusal(refuse(code, service=service), rollout, plan))
    serial = room.call.cause or f"at{room.desk.now()}"
    # The same line delivered twice orders one draft, and is answered the same.
    await room.desk.record(service, room.call.cause, (PublishReport(rollout.id, 0, serial),))
    return room.messages.done("drafted", service=service, rollout=rollout.id)
