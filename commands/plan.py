"""`plan SERVICE VERSION`: a dry run: stages, gates, who must approve, what nginx would get. Changes nothing."""

from __future__ import annotations

from bot.engine.ports import Final, Outgoing, Retryable
from bot.rollout.decide import simulate
from bot.rollout.intents import Refusal
from commands.desk import Room
from commands.which import known_service
from commands.words import version


async def handle(room: Room) -> Outgoing:
    service = known_service(room)
    if isinstance(service, Outgoing):
        return service
    if len(room.words) < 2:
        return room.messages.usage_error("missing_version", room.usage, service=service)
    wanted = version(room.words[1])
    if wanted is None:
        return room.messages.usage_error("bad_version", room.usage, word=room.words[1])
    plan = room.desk.plans[service]
    state = await room.desk.state(service)
    rollout = simulate(state, wanted, plan)
    if isinstance(rollout, Refusal):
        return room.messages.error(room.messages.refusal(rollout, state.rollout, plan))
    try:
        return room.messages.plan(rollout, plan, await room.desk.diff(service, wanted), "")
    except (Retryable, Final) as error:
        return room.messages.plan(rollout, plan, None, str(error))
