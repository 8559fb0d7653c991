"""`approve [SERVICE]`: how one approves, and where. It approves nothing: that is a reaction, which everybody sees."""

from __future__ import annotations

from bot.engine.ports.rendered import Outgoing
from bot.rollout.intents import refuse
from bot.rollout.model import Status
from commands.desk import Room
from commands.which import service_alone


async def handle(room: Room) -> Outgoing:
    service = await service_alone(room)
    if isinstance(service, Outgoing):
        return service
    plan, rollout = room.desk.plans[service], (await room.desk.state(service)).active
    if rollout is None:
        why = refuse("no_rollout", service=service)
    elif rollout.status is not Status.AWAITING_APPROVAL:
        why = refuse("nothing_to_approve", service=service, stage=rollout.stage, status=rollout.status)
    elif rule := next((stage.approval for stage in plan.stages if stage.name == rollout.stage), None):
        why = refuse(
            "approved_by_reaction", stage=rollout.stage, yes=rule.emoji, no=rule.veto, roles=", ".join(rule.roles)
        )
    else:
        why = refuse("stage_gone", stage=rollout.stage)
    return room.messages.error(room.messages.refusal(why, rollout, plan))
