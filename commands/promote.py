"""`promote [SERVICE] [--force REASON]`: asks for the next stage's approval; forced, without waiting for the gates."""

from __future__ import annotations

import re

from bot.engine.ports.rendered import Outgoing
from bot.rollout.intents import Promote
from commands.desk import Room, answer
from commands.which import service_of
from commands.words import QUOTES

FORCE = re.compile(r"[-\s]*(?:force(?![\w.])|强制)[=:,\s]*(.*)", re.IGNORECASE)


async def handle(room: Room) -> Outgoing:
    found = await service_of(room)
    if isinstance(found, Outgoing):
        return found
    service, rest = found
    reason = ""
    if rest:
        forced = FORCE.fullmatch(" ".join(rest))
        if forced is None:
            return room.messages.usage_error("unexpected_word", room.usage, word=rest[0])
        reason = forced[1].strip(QUOTES + " ")
        if not reason:
            return room.messages.usage_error("force_without_reason", room.usage)
    submitted = await room.desk.submit(service, Promote(room.call.actor, reason), room.call.cause)
    return await answer(room, service, submitted, "promoted")
