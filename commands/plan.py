"""`plan SERVICE VERSION [--sticky-salt SALT]`: a dry run: stages, gates, approvers, nginx's change. Changes nothing."""

from __future__ import annotations

from dataclasses import replace

from bot.engine.ports.errors import Final, Retryable
from bot.engine.ports.rendered import Outgoing
from bot.rollout.decide import simulate
from bot.rollout.intents import Refusal
from commands.desk import Room
from commands.options import SALT, take
from commands.which import known_service
from commands.words import version


async def handle(room: Room) -> Outgoing:
    salt, words = take(room.words, SALT)
    room = replace(room, words=words)
    service = known_service(room)
    if isinstance(service, Outgoing):
        return service
    if len(words) < 2:
        return room.messages.usage_error("missing_version", room.usage, service=service)
    wanted = version(words[1])
    if wanted is None:
        return room.messages.usage_error("bad_version", room.usage, word=words[1])
    if salt == "":
        return room.messages.usage_error("missing_salt", room.usage)
    plan = room.desk.plans[service]
    state = await room.desk.state(service)
    rollout = simulate(state, wanted, plan, salt or "")
    if isinstance(rollout, Refusal):
        return room.messages.error(room.messages.refusal(rollout, state.rollout, plan))
    try:
        return room.messages.plan(rollout, plan, await room.desk.diff(service, wanted, salt or ""), "")
    except (Retryable, Final) as error:
        return room.messages.plan(rollout, plan, None, str(error))
