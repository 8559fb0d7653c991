"""`note TEXT`: writes something into the rollout's timeline, for the report."""

from __future__ import annotations

from bot.engine.ports import Outgoing
from bot.rollout.intents import AddNote
from commands.desk import Room, answer
from commands.which import service_of


async def handle(room: Room) -> Outgoing:
    if not room.words:
        return room.messages.usage_error("empty_note", room.usage)
    found = await service_of(room, prose=True)
    if isinstance(found, Outgoing):
        return found
    service, rest = found
    submitted = await room.desk.submit(service, AddNote(room.call.actor, " ".join(rest)), room.call.cause)
    return await answer(room, service, submitted, "noted")
