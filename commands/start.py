"""`start SERVICE VERSION [reason]`: begins a rollout; the first stage then asks for its approval."""

from __future__ import annotations

from bot.engine.ports import Outgoing
from commands.desk import Room, answer
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
    reason = " ".join(room.words[2:])
    submitted = await room.desk.start(service, wanted, room.call.actor, reason, room.call.cause)
    return await answer(room, service, submitted, "started")
