"""`override [SERVICE] NAME REASON`: goes on without what failed. By a role, with a reason, said to everybody."""

from __future__ import annotations

from bot.engine.ports.rendered import Outgoing
from bot.rollout.intents import Override
from bot.rollout.model import Hold, Rollout
from commands.desk import Room, answer
from commands.which import alike, service_of
from commands.words import name

HELD = (Hold.PREPARATION_FAILED, Hold.STEP_FAILED)


async def handle(room: Room) -> Outgoing:
    found = await service_of(room, prose=True)
    if isinstance(found, Outgoing):
        return found
    service, words = found
    failed = failing((await room.desk.state(service)).rollout)
    if not words and failed:
        return room.messages.usage_error("missing_name", room.usage, names=failed)
    wanted, reason = _split(words, failed)
    submitted = await room.desk.submit(service, Override(room.call.actor, wanted, reason), room.call.cause)
    return await answer(room, service, submitted, "overridden", work=wanted or ", ".join(failed))


def failing(rollout: Rollout | None) -> list[str]:
    """What holds it, by name; nothing where no failed work does."""
    detail = rollout.hold_detail if rollout and rollout.hold in HELD else ""
    return [one for one in detail.split(", ") if one]


def _split(words: tuple[str, ...], failed: list[str]) -> tuple[str, str]:
    """(name, reason). A name that is a slip away from one that failed is that one; any other is left to be refused:
    whoever answers for it has to name it.
    """
    for one in failed:
        if words and name(words[0]) == one.lower():
            return one, " ".join(words[1:])
    near = alike(words[:1], failed) if words else ""
    return (near or (words[0] if words else "")), " ".join(words[1:])
