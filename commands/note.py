"""`note TEXT`: writes something into the rollout's timeline, for the report. `good: …`, `bad: …`, `feedback: …`."""

from __future__ import annotations

import re

from bot.engine.ports.rendered import Outgoing
from bot.rollout.events import NoteKind
from bot.rollout.intents import AddNote
from commands.desk import Room, answer
from commands.which import service_of

KINDS: dict[str, NoteKind] = {
    "good": "good",
    "well": "good",
    "好": "good",
    "bad": "bad",
    "坏": "bad",
    "不好": "bad",
    "差": "bad",
    "feedback": "feedback",
    "反馈": "feedback",
}
_KIND = re.compile(rf"({'|'.join(KINDS)})\s*:\s*(.*)", re.IGNORECASE | re.DOTALL)


async def handle(room: Room) -> Outgoing:
    if not room.words:
        return room.messages.usage_error("empty_note", room.usage)
    found = await service_of(room, prose=True)
    if isinstance(found, Outgoing):
        return found
    service, rest = found
    kind, text = kind_of(" ".join(rest))
    submitted = await room.desk.submit(service, AddNote(room.call.actor, text, kind), room.call.cause)
    return await answer(room, service, submitted, "noted")


def kind_of(text: str) -> tuple[NoteKind, str]:
    """What the report files it under, and the text without that word; only with its colon is it meant so."""
    found = _KIND.fullmatch(text)
    return (KINDS[found[1].lower()], found[2]) if found else ("", text)
