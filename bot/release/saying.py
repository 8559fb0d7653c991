"""What a piece of work says of itself, in no language, and how that reads in English: a result's summary. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from bot.notify.faults import shown
from bot.release.said_en import SAID
from bot.rollout.work import SUMMARY, Said

NONE: Mapping[str, float] = MappingProxyType({})


class Telling(Exception):
    """An error that says in no language what is wrong, and the mend."""

    def __init__(self, *what: Said) -> None:
        super().__init__(english(what))
        self.said = what


def said(code: str, spans: Mapping[str, float] = NONE, **facts: str) -> Said:
    """code: of SAID. spans: facts that are seconds; the others are shown as they are, on one line and not too long."""
    return Said(code, tuple((k, shown(v, SUMMARY)) for k, v in facts.items()), tuple(spans.items()))


def english(what: Iterable[Said]) -> str:
    """Each may take up what those before it said."""
    text = ""
    for one in what:
        spans = {name: age(seconds) for name, seconds in one.spans}
        text = SAID[one.code].format(**dict(one.facts), **spans, before=text)
    return text


def age(seconds: float) -> str:
    """For people."""
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= (2 * length if unit == "d" else length):
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.3g} s"
