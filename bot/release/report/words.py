"""The report's inlines in a language: a run of pieces, each of one kind, ready to be escaped by a writer. Pure."""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from babel.dates import format_date

from bot.release.report import phrases_en, phrases_zh
from bot.release.report.model import (
    Inline,
    Items,
    Moment,
    Quantity,
    Report,
    Sources,
    Span,
    Term,
    Text,
    Tone,
    Who,
)
from bot.slack.messages.markup import clean, mentioned
from bot.slack.messages.numbers import NONE as DASH
from bot.slack.messages.numbers import number
from bot.slack.messages.words import Lang
from bot.slack.messages.words import Words as Spoken
from bot.translation import translated

PHRASES: Mapping[Lang, Mapping[str, str]] = {"en": phrases_en.PHRASES, "zh": phrases_zh.PHRASES}
MARK: Mapping[Tone, str] = {"": "", "good": "✓", "bad": "✗", "warn": "⚠"}
LONG = 10_000  # characters of one text
TINY = 0.001  # a p below it is said to be below it


@dataclass(frozen=True, slots=True)
class Piece:
    """text, not escaped. fact: the inline it stands for; None = words of ours. tone: of the whole it belongs to."""

    text: str
    fact: Quantity | Span | Moment | Text | Who | None = None
    tone: Tone = ""


class Speech:
    """lang: of every phrase. Raises ZoneInfoNotFoundError for an unknown zone, KeyError for an unknown phrase."""

    def __init__(self, lang: Lang, report: Report) -> None:
        self.lang: Lang = lang
        self._names = dict(report.names)
        self._brisk = report.brisk
        self._spoken = Spoken(lang, report.zone)

    def phrase(self, key: str) -> str:
        """A phrase without facts."""
        return PHRASES[self.lang][key]

    def pieces(self, inline: Inline, tone: Tone = "") -> Iterator[Piece]:
        match inline:
            case Term(key, facts, own):
                if own and not tone:
                    yield Piece(f"{MARK[own]}\N{NO-BREAK SPACE}", tone=own)
                yield from self._filled(key, dict(facts), tone or own)
            case Items(items, apart):
                for i, item in enumerate(items):
                    if i:
                        yield Piece(self.phrase(apart), tone=tone)
                    yield from self.pieces(item, tone)
            case _:
                yield Piece(self.value(inline), inline, tone)

    def _filled(self, key: str, facts: Mapping[str, Inline], tone: Tone) -> Iterator[Piece]:
        for literal, name in _parsed(PHRASES[self.lang][key]):
            if literal:
                yield Piece(literal, tone=tone)
            if name is not None:
                yield from self.pieces(facts[name], tone)

    def value(self, fact: Quantity | Span | Moment | Text | Who) -> str:
        match fact:
            case Quantity():
                return self._quantity(fact)
            case Span():
                return str(self._spoken.span(fact.seconds))
            case Moment():
                return self._moment(fact)
            case Text(text, error=error):
                return self._named(translated(text, self.lang) if error else text)
            case Who():
                return self._who(fact.user)

    def _quantity(self, q: Quantity) -> str:
        if q.value is None:
            return DASH
        if q.how == "welch" and q.value < TINY:
            return f"< {TINY}"
        text = number(q.value, q.unit, q.against, q.trim)
        if q.signed:
            text = f"+{text}" if q.value > 0 else text
            text = text.replace("%", self.phrase("points"))  # a difference of percents is not a percentage
        return f"{q.op} {text}" if q.op else text

    def _moment(self, m: Moment) -> str:
        when = self._spoken.local(m.at)
        if m.day:
            return str(format_date(when.date(), "long", locale="zh_CN" if self.lang == "zh" else "en_GB"))
        return when.strftime("%Y-%m-%d %H:%M:%S" if m.clock or self._brisk else "%Y-%m-%d %H:%M")

    def _who(self, user: str) -> str:
        if user in ("", "trigger", "policy"):
            return self.phrase(f"who.{user or 'bot'}")
        return clean(self._names.get(user) or user, LONG)

    def _named(self, text: str) -> str:
        """One line; Slack's mentions within a person's words by name."""
        for user in mentioned(text):
            text = text.replace(f"<@{user}>", f"@{self._who(user)}")
        return clean(text, LONG)

    def plain(self, inline: Inline) -> str:
        return "".join(piece.text for piece in self.pieces(inline))

    def sources(self, of: Iterable[Sources]) -> str:
        """`log #4–#9, #12; plan`; "" where there are none."""
        every = {source for some in of for source in some}
        seqs = sorted(s for s in every if isinstance(s, int) and s > 0)
        said = [self.phrase("source.log").format(seqs=_ranges(seqs))] if seqs else []
        said += [self.phrase(f"source.{name}") for name in sorted(s for s in every if isinstance(s, str))]
        return self.phrase("evidence").format(sources=self.phrase("list.comma").join(said)) if said else ""


@lru_cache(maxsize=1024)
def _parsed(phrase: str) -> tuple[tuple[str, str | None], ...]:
    return tuple((literal, name) for literal, name, _, _ in string.Formatter().parse(phrase))


def _ranges(seqs: list[int]) -> str:
    runs: list[list[int]] = []
    for seq in seqs:
        if runs and seq == runs[-1][-1] + 1:
            runs[-1].append(seq)
        else:
            runs.append([seq])
    return ", ".join(f"#{run[0]}" if len(run) == 1 else f"#{run[0]}–#{run[-1]}" for run in runs)


def facts_of(inline: Inline) -> Iterator[Quantity | Span | Moment | Text | Who]:
    """Everything in it that is not ours."""
    match inline:
        case Term(_, facts, _):
            for _, fact in facts:
                yield from facts_of(fact)
        case Items(items, _):
            for item in items:
                yield from facts_of(item)
        case _:
            yield inline
