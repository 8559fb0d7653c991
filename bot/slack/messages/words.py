"""One language and one time zone: phrases, durations, moments, lists. Pure."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from bot.slack.messages import phrases_en, phrases_zh
from bot.slack.messages.markup import Mrkdwn, addressed, mention, outside
from bot.translation import translated

Lang = Literal["zh", "en"]

PHRASES: Mapping[Lang, Mapping[str, str]] = {"en": phrases_en.PHRASES, "zh": phrases_zh.PHRASES}
_LATEST = 4_102_444_800.0  # the year 2100: a time beyond it is a mistake, and must not break the message that shows it


MISSING = "?"  # a fact that is not there is shown as missing, never as a placeholder


@cache
def _parts_of(phrase: str) -> tuple[tuple[str, str], ...]:
    """(text, name of the fact after it, "" = none). Taken apart once: a burst of alerts says the same thousands of
    times.

    Facts are texts, so a phrase has no format of its own. ValueError where it has.
    """
    parts = []
    for literal, name, form, conversion in string.Formatter().parse(phrase):
        if form or conversion:
            raise ValueError(f"{phrase!r} formats {name}")
        parts.append((literal, name or ""))
    return tuple(parts)


def _second(at: float) -> int:
    """As it may be shown: a time that none can be becomes the nearest that can."""
    return int(min(max(at if at == at else 0.0, 0.0), _LATEST))


@lru_cache(maxsize=256)
def _clock(zone: ZoneInfo, at: int, now: int | None) -> str:
    """Kept, since a burst of alerts began at one time and is told at one."""
    when = datetime.fromtimestamp(at, zone)
    same = now is not None and datetime.fromtimestamp(now, zone).date() == when.date()
    return when.strftime("%H:%M" if same else "%Y-%m-%d %H:%M")


class Words:
    """lang: of every phrase. timezone: IANA name; raises ZoneInfoNotFoundError for an unknown one.

    people: by role, the ids of its people (`U…`) and user groups (`S…`).
    """

    def __init__(self, lang: Lang, timezone: str, people: Mapping[str, Sequence[str]] | None = None) -> None:
        self.lang: Lang = lang
        self._people = people or {}
        self.zone = ZoneInfo(timezone)
        self._phrases = PHRASES[lang]

    def has(self, key: str) -> bool:
        return key in self._phrases

    def say(self, key: str, **facts: object) -> Mrkdwn:
        """The phrase with its facts. A bare `str` fact is escaped, a Mrkdwn one is not. KeyError: no such phrase.

        Where n is one, and a language has a phrase `.one` for that: this one.
        """
        if facts.get("n") == 1 and (one := f"{key}.one") in self._phrases:
            key = one
        said = []
        for literal, name in _parts_of(self._phrases[key]):
            said.append(literal)
            if name:
                fact = facts.get(name, MISSING)
                said.append(fact if isinstance(fact, Mrkdwn) else outside(fact if isinstance(fact, str) else str(fact)))
        return Mrkdwn("".join(said))

    def complete(self, key: str, facts: Mapping[str, object]) -> bool:
        """Whether every fact the phrase names is there."""
        return all(name in facts for _, name in _parts_of(self._phrases[key]) if name)

    def one_of(self, group: str, value: str) -> Mrkdwn:
        """The word for a value of a closed set (`status.baking`); an unknown value is shown as it is."""
        key = f"{group}.{value}"
        return self.say(key) if self.has(key) else outside(value, 60)

    def translated(self, text: str, most: int = 300) -> Mrkdwn:
        """Text from outside that may be a sentence of the bot's own, which the log has in English."""
        return text if isinstance(text, Mrkdwn) else outside(translated(text, self.lang), most)

    def join(self, parts: Iterable[str]) -> Mrkdwn:
        """A list within a sentence. Its parts have to be mrkdwn already."""
        return Mrkdwn(self._phrases["list.comma"].join(parts))

    def some(self, parts: Iterable[str], most: int = 6) -> Mrkdwn:
        """The first `most` of a list, and how many more there are."""
        every = list(parts)
        shown = self.join(outside(p) for p in every[:most])
        return self.say("list.more", shown=shown, n=len(every) - most) if len(every) > most else shown

    def who(self, user: str) -> Mrkdwn:
        """A person as a mention; the bot's own ways to act by name."""
        if user in ("", "trigger", "policy"):
            return self.say(f"who.{user or 'bot'}")
        return mention(user)

    def people(self, users: Iterable[str]) -> Mrkdwn:
        every = list(users)
        return self.some([self.who(u) for u in every], 10) if every else self.say("who.nobody")

    def holders(self, roles: Iterable[str]) -> Mrkdwn:
        """Who has one of the roles, as mentions that notify; "" where nobody is known."""
        every = dict.fromkeys(id for role in roles for id in self._people.get(role, ()))
        return self.some([addressed(id) for id in every], 10) if every else Mrkdwn("")

    def span(self, seconds: float) -> Mrkdwn:
        """A duration: `0.8 s`, `45 s`, `12 min`, `23 h 12 min`, `3 d 4 h`; a smaller part of 0 is left out."""
        seconds = max(0.0, seconds) if seconds == seconds else 0.0
        if seconds < 9.95 and round(seconds, 1) != int(seconds):
            return self._parts((f"{seconds:.1f}", "s"))
        whole = round(min(seconds, _LATEST))
        if whole < 60:
            return self._parts((whole, "s"))
        if whole < 3600:
            return self._parts((whole // 60, "min"), (whole % 60 if whole < 600 else 0, "s"))
        if whole < 72 * 3600:
            return self._parts((whole // 3600, "h"), (whole % 3600 // 60, "min"))
        return self._parts((whole // 86400, "d"), (whole % 86400 // 3600, "h"))

    def _parts(self, *parts: tuple[object, str]) -> Mrkdwn:
        shown = [f"{amount} {self._phrases[f'unit.{unit}']}" for amount, unit in parts[:1]]
        shown += [f"{amount} {self._phrases[f'unit.{unit}']}" for amount, unit in parts[1:] if amount]
        return Mrkdwn(" ".join(shown))

    def local(self, at: float) -> datetime:
        return datetime.fromtimestamp(min(max(at if at == at else 0.0, 0.0), _LATEST), self.zone)

    def clock(self, at: float, now: float | None = None) -> Mrkdwn:
        """Plain text in the configured zone: `14:03` on the day of `now`, else `2026-03-02 14:03`."""
        return Mrkdwn(_clock(self.zone, _second(at), None if now is None else _second(now)))

    def moment(self, at: float, now: float | None = None) -> Mrkdwn:
        """The same, in the reader's own zone where Slack can; the configured zone's is the fallback."""
        when = self.local(at)
        same = now is not None and self.local(now).date() == when.date()
        form = "{time}" if same else "{date_num} {time}"
        return Mrkdwn(f"<!date^{int(when.timestamp())}^{form}|{self.clock(at, now)}>")
