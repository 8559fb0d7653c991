"""What a piece of work says of itself, in the words of one language. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.release.said_en import ERRORS
from bot.rollout.work import Said
from bot.slack.messages.markup import Mrkdwn, outside
from bot.slack.messages.words import Words

ROOM, SHORT = 180, 30  # characters of all long facts together; a fact of up to SHORT is never cut


def told(w: Words, what: Sequence[Said], text: str) -> Mrkdwn:
    """Each takes up what those before it said. text: instead, quoted, where it is in nobody's code or a newer one's."""
    keys = [f"said.{one.code}" for one in what]
    if not what or not all(w.has(key) for key in keys):
        return w.say("said.quoted", said=w.translated(text, 200)) if text.strip() else Mrkdwn("")
    long = sum(len(value) > SHORT for one in what for _, value in one.facts)
    most = max(SHORT, ROOM // max(1, long))
    before = Mrkdwn("")
    for key, one in zip(keys, what, strict=True):
        facts = {name: outside(value, most) for name, value in one.facts}
        facts |= {name: w.translated(value, most) for name, value in one.facts if (one.code, name) in ERRORS}
        facts |= {name: w.span(seconds) for name, seconds in one.spans}
        before = w.say(key, **facts, before=before)
    return before
