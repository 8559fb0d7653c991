"""`tick [SERVICE] ITEM` and `untick [SERVICE] ITEM`: the checklist before the start, each item by its owner."""

from __future__ import annotations

from collections.abc import Sequence

from bot.engine.ports.rendered import Outgoing
from bot.rollout.intents import TickItem
from bot.rollout.model import Rollout
from bot.rollout.runbook import ChecklistItem
from commands.desk import Room, answer
from commands.which import service_of
from commands.words import bare


async def tick(room: Room) -> Outgoing:
    return await _set(room, True, "ticked")


async def untick(room: Room) -> Outgoing:
    return await _set(room, False, "unticked")


async def _set(room: Room, ticked: bool, kind: str) -> Outgoing:
    found = await service_of(room, prose=True)
    if isinstance(found, Outgoing):
        return found
    service, words = found
    items = room.desk.plans[service].runbook.checklist
    typed = " ".join(words)
    meant = named(typed, items) if typed else []
    if items and not typed:
        left = _waiting((await room.desk.state(service)).rollout, items, ticked)
        return room.messages.usage_error("missing_item", room.usage, items=left or [item.name for item in items])
    if len(meant) > 1:
        return room.messages.usage_error("which_item", room.usage, word=typed, items=[item.name for item in meant])
    intent = TickItem(room.call.actor, meant[0].name if meant else bare(typed), ticked)
    submitted = await room.desk.submit(service, intent, room.call.cause)
    return await answer(room, service, submitted, kind, item=meant[0].title or meant[0].name if meant else typed)


def named(typed: str, items: Sequence[ChecklistItem]) -> list[ChecklistItem]:
    """The item of that name, title or number; else every one whose name or title has what was typed in it."""
    wanted = bare(typed).lower()
    if wanted.isdecimal() and 0 < int(wanted) <= len(items):
        return [items[int(wanted) - 1]]
    exact = [item for item in items if wanted in (item.name.lower(), item.title.lower())]
    return exact or [item for item in items if wanted in item.name.lower() or wanted in item.title.lower()]


def _waiting(rollout: Rollout | None, items: Sequence[ChecklistItem], ticked: bool) -> list[str]:
    """What can still be ticked, or taken back."""
    done = {tick.item for tick in rollout.ticks} if rollout else set()
    return [item.name for item in items if (item.name in done) is not ticked]
