"""Which service a line is about, when it may be left out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from bot.engine.ports.rendered import Outgoing
from bot.rollout.model import Rollout, Status
from commands.desk import Room
from commands.words import name

Found = tuple[str, tuple[str, ...]]
ALIKE = 0.8  # of difflib: a slip of the thumb, and not `stop` for `shop`
SURELY = 0.85  # a slip for certain: a reason for a rollback may begin with a word a little like a service


async def service_of(room: Room, *, prose: bool = False) -> Found | Outgoing:
    """(service, the other words), or the private sentence that names the choice.

    prose: what follows is free text, whose first word may well look like a service.
    """
    services = tuple(room.desk.plans)
    if room.words and (named := match(room.words[0], services)):
        return named, room.words[1:]
    active = [s for s in services if (await room.desk.state(s)).active]
    likely = active if len(active) == 1 else list(services)
    if len(likely) != 1:
        return unknown(room, active)
    meant = "" if prose else alike(room.words, services)
    if meant and meant != likely[0]:
        return unknown(room, active)  # a misspelt service must not become an act on another one
    return likely[0], room.words[1:] if meant else room.words


async def service_alone(room: Room) -> str | Outgoing:
    """service_of, for commands that take nothing else."""
    found = await service_of(room)
    if isinstance(found, Outgoing):
        return found
    service, rest = found
    return room.messages.usage_error("unexpected_word", room.usage, word=rest[0]) if rest else service


async def service_to_roll_back(room: Room) -> Found | Outgoing:
    """The service wherever it stands in the line, or the one that can only be meant; all the rest is the reason."""
    services = tuple(room.desk.plans)
    if room.words and (first := match(room.words[0], services)):
        return first, room.words[1:]
    rollouts = [r for s in services if (r := (await room.desk.state(s)).rollout) and _undoable(r)]
    active = [r.service for r in rollouts if r.active]
    named = {service for word in room.words if (service := match(word, services))}
    meant = alike(room.words, [r.service for r in rollouts])
    if not named and not meant and (idle := alike(room.words, services, SURELY)):
        return idle, room.words[1:]  # refused, as it would be when spelt well: not another service in its place
    for likely in (named, [meant] if meant else [], active, services):
        if len(likely) == 1:
            return next(iter(likely)), room.words
    if rollouts and not active:
        return max(rollouts, key=lambda r: r.finished_at or 0.0).service, room.words
    return unknown(room, active)


def _undoable(rollout: Rollout) -> bool:
    return rollout.active or rollout.status is Status.COMPLETED


def known_service(room: Room) -> str | Outgoing:
    """The first word as a service; for commands in which it cannot be left out."""
    services = sorted(room.desk.plans)
    if not room.words:
        return room.messages.usage_error("missing_service", room.usage, services=services)
    return match(room.words[0], services) or unknown(room, [])


def match(word: str, services: Iterable[str]) -> str:
    """The service of that name, in whatever case; "" = none."""
    wanted = name(word)
    return next((s for s in services if s.lower() == wanted), "")


def alike(words: tuple[str, ...], services: Iterable[str], least: float = ALIKE) -> str:
    """The service that the first word misspells; "" = none."""
    every = {s.lower(): s for s in services}
    near = difflib.get_close_matches(name(words[0]), every, 1, least) if words else []
    return every[near[0]] if near else ""


def unknown(room: Room, active: list[str]) -> Outgoing:
    """Which service? The usage names the one that was probably meant."""
    services = sorted(active or room.desk.plans)
    if not room.words or room.words[0].startswith("-"):
        return room.messages.usage_error("which_service", room.usage, services=services)
    near = difflib.get_close_matches(name(room.words[0]), list(room.desk.plans), 1, 0.5)
    usage = room.usage.replace("[SERVICE]", "SERVICE").replace("SERVICE", near[0]) if near else room.usage
    return room.messages.usage_error("unknown_service", usage, word=room.words[0], services=sorted(room.desk.plans))
