"""`start SERVICE VERSION [--sticky-salt SALT] [reason]`: begins a rollout; the first stage then asks for approval."""

from __future__ import annotations

from dataclasses import replace

from bot.engine.ports.rendered import Outgoing
from commands.desk import Room, answer
from commands.options import SALT, take, unknown
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
    if unknown(words[2:]):
        return room.messages.usage_error("unknown_option", room.usage, word=words[2])
    reason = " ".join(words[2:])
    submitted = await room.desk.start(service, wanted, room.call.actor, reason, room.call.cause, salt or "")
    return await answer(room, service, submitted, "started")
