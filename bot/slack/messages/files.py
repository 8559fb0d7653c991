"""What is said where a server takes no files: the report's Markdown in pieces, and where the pictures are. Pure."""

from __future__ import annotations

from bot.engine.ports.rendered import Outgoing
from bot.slack.messages.blocks import section
from bot.slack.messages.limits import SECTION
from bot.slack.messages.markup import Mrkdwn, fence, outside
from bot.slack.messages.words import Words

MOST_PIECES = 15
ROOM = SECTION - 100


def report_as_text(w: Words, rollout: str, markdown: str) -> tuple[Outgoing, ...]:
    """One message that says so, then the text, whole lines where possible; what is too much is said."""
    first = w.say("report.no_files", rollout=outside(rollout, 60))
    found = _pieces(markdown)
    messages = [Outgoing(first, (section(first),))]
    for rows in found[:MOST_PIECES]:
        said = fence(rows)
        messages.append(Outgoing(outside(rows[0], 200) or Mrkdwn("…"), (section(said),)))
    if len(found) > MOST_PIECES:
        rest = w.say("cut.lines", n=sum(map(len, found[MOST_PIECES:])))
        messages.append(Outgoing(rest, (section(rest),)))
    return tuple(messages)


def no_chart(w: Words, rollout: str) -> Outgoing:
    said = w.say("chart.no_files", rollout=outside(rollout, 60))
    return Outgoing(said, (section(said),))


def _pieces(markdown: str) -> list[list[str]]:
    pieces: list[list[str]] = [[]]
    size = 0
    for row in markdown.splitlines():
        for part in [row[i : i + 500] for i in range(0, len(row), 500)] or [""]:
            more = len(part) + 1 + 4 * sum(part.count(c) for c in "<>&")
            if size + more > ROOM and pieces[-1]:
                pieces.append([])
                size = 0
            pieces[-1].append(part)
            size += more
    return [piece for piece in pieces if any(part.strip() for part in piece)]
