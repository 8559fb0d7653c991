"""`followup [SERVICE] add TEXT @owner DATE P1`, `list`, `done F1`: what is still to do after a rollout.

Owner, date and priority may stand in any order before or after the text; without them it is the typer's, in a week, P2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from bot.engine.ports.rendered import Outgoing
from bot.rollout.intents import AddFollowUp, CloseFollowUp, refuse
from bot.rollout.model import Rollout
from commands import dates
from commands.desk import Room, answer
from commands.which import match, service_of
from commands.words import bare, name, tidy

ADD = ("add", "new", "添加", "新增", "加")
LIST = ("list", "show", "ls", "列出", "列表")
DONE = ("done", "close", "closed", "完成", "关闭")
DAYS = 7  # until it is due, where no date is given
_PERSON = re.compile(r"<@([UW][A-Z0-9]{2,20})(?:\|[^<>]*)?>")
_NAMED = re.compile(r"<@([UW][A-Z0-9]{2,20})\|([^<>|]+)>")
_NOBODY: Mapping[str, str] = {}
_ID = re.compile(r"[#fF]?(\d{1,4})")
_PRIORITY = re.compile(r"[pP]\d{1,2}")


async def handle(room: Room) -> Outgoing:
    found = await _service(room)
    if isinstance(found, Outgoing):
        return found
    service, words = found
    rollout = (await room.desk.state(service)).rollout
    if rollout is None:
        return room.messages.error(
            room.messages.refusal(refuse("no_rollout", service=service), None, room.desk.plans[service])
        )
    verb = name(words[0]) if words else "list"
    if verb in LIST and len(words) < 2:
        return room.messages.follow_ups(rollout, room.desk.plans[service], room.desk.now())
    if verb in DONE:
        return await _done(room, service, rollout, words[1:])
    return await _add(room, service, words[1:] if verb in ADD else words)


async def _service(room: Room) -> tuple[str, tuple[str, ...]] | Outgoing:
    """The service stands before the verb, or right after it."""
    verbs = (*ADD, *LIST, *DONE)
    if len(room.words) > 1 and name(room.words[0]) in verbs and (service := match(room.words[1], room.desk.plans)):
        return service, (room.words[0], *room.words[2:])
    return await service_of(room, prose=True)


@dataclass(frozen=True, slots=True)
class Typed:
    text: str
    owner: str
    due: str
    priority: str


async def _add(room: Room, service: str, words: tuple[str, ...]) -> Outgoing:
    today = room.desk.today()
    typed = read(words, room.call.actor.user, today, people(room.call.text))
    if isinstance(typed, str):
        return room.messages.usage_error(typed, room.usage)
    if not typed.text:
        return room.messages.usage_error("missing_follow_up", room.usage)
    if dates.past(typed.due, today):
        return room.messages.usage_error("past_date", room.usage, word=typed.due)
    intent = AddFollowUp(room.call.actor, typed.text, typed.owner, typed.due, typed.priority)
    submitted = await room.desk.submit(service, intent, room.call.cause)
    rollout = submitted.state.rollout
    id = rollout.follow_ups[-1].id if rollout and rollout.follow_ups else ""
    facts = {"id": id, "text": typed.text, "due": typed.due, "priority": typed.priority}
    return await answer(room, service, submitted, "followup", **facts)


def people(text: str) -> dict[str, str]:
    """Ids by the name that a mention comes with: a tidied line has only the name."""
    return {tidy(found[2]).lower(): found[1] for found in _NAMED.finditer(text)}


def read(words: tuple[str, ...], typer: str, today: date, named: Mapping[str, str] = _NOBODY) -> Typed | str:
    """What was typed, or the code of what is wrong with it.

    Taken off both ends, so that a date or a name within the text stays part of it. A date that is none stays as it was
    typed, and is refused with the mend.
    """
    found: dict[str, str] = {}
    owners: list[str] = []
    rest = list(words)
    for end in (-1, 0):
        while rest and (part := _part(rest[end], today, named)):
            kind, value = part
            if kind == "owner" and not value:
                return "unknown_owner"
            if kind == "owner":
                owners.append(value)
            elif kind in found:
                break
            found[kind] = value
            rest.pop(end)
    if len(set(owners)) > 1:
        return "two_owners"
    due = found.get("due") or (today + timedelta(days=DAYS)).isoformat()
    return Typed(" ".join(rest), found.get("owner", typer), due, found.get("priority", "P2"))


def _part(word: str, today: date, named: Mapping[str, str]) -> tuple[str, str] | None:
    """(owner | due | priority, the value); None = a word of the text."""
    plain = bare(word)
    if person := _PERSON.fullmatch(plain):
        return "owner", person[1]
    if plain.lower() in named:
        return "owner", named[plain.lower()]
    if plain.startswith("@"):
        return "owner", ""  # a name that Slack made no mention of
    if _PRIORITY.fullmatch(plain):
        return "priority", plain.upper()
    if dates.looks_like(plain):
        return "due", dates.parse(plain, today) or plain
    return None


async def _done(room: Room, service: str, rollout: Rollout, words: tuple[str, ...]) -> Outgoing:
    open_ = [f.id for f in rollout.follow_ups if f.done_at is None]
    if not words and len(open_) != 1:
        if not open_:
            return room.messages.usage_error("no_follow_up", room.usage)
        return room.messages.usage_error("which_follow_up", room.usage, ids=open_)
    if len(words) > 1:
        return room.messages.usage_error("too_many", room.usage, word=words[1])
    typed = bare(words[0]) if words else open_[0]
    number = _ID.fullmatch(typed)
    id = f"F{int(number[1])}" if number else typed
    submitted = await room.desk.submit(service, CloseFollowUp(room.call.actor, id), room.call.cause)
    return await answer(room, service, submitted, "closed", id=id)
