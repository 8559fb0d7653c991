"""What a piece of work says of itself, as inlines. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.release.report.model import NONE, Inline, Sources, Span, Term, Text
from bot.release.said_en import ERRORS, SAID
from bot.rollout.work import Said


def told(what: Sequence[Said], text: str, of: Sources) -> Inline:
    """Each takes up what those before it said. text: instead, where it is in nobody's code or a newer one's."""
    if not what or any(one.code not in SAID for one in what):
        return Text(text, of, error=True)
    before: Inline = NONE
    for one in what:
        facts: dict[str, Inline] = {n: Text(value, of, error=(one.code, n) in ERRORS) for n, value in one.facts}
        facts |= {name: Span(seconds, of) for name, seconds in one.spans}
        before = Term(f"said.{one.code}", tuple((facts | {"before": before}).items()))
    return before
