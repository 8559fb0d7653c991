"""The report as Markdown (CommonMark with tables). Pure. Text from outside stays text: no markup can come of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bot.release.report.model import Block, Code, Facts, Heading, Inline, Moment, Para, Picture, Report, Table, Text
from bot.release.report.model import term as t
from bot.release.report.words import Speech, facts_of
from bot.slack.messages.numbers import NONE as DASH
from bot.slack.messages.words import Lang

# What begins markup within a line; of `:`, `.`, `@` and `_` only what could: an address would become a link.
_INLINE = re.compile(
    r"([\\`*\[\]|~&$]|<(?=[a-z/!?])|:(?=//)|(?<=www)\.|(?<=\w)@(?=\w)|(?<![^\W_])_|_(?![^\W_]))", re.IGNORECASE
)
_LINE = re.compile(r"^(\s*)([-+#>=]|\d+(?=[.)]))")


def markdown(report: Report, lang: Lang) -> str:
    """lang: "zh" or "en"; of every word of ours."""
    s = Speech(lang, report)
    parts = [f"# {_text(s, report.title)}", _built(s, report)]
    for number, section in enumerate(report.sections, 1):
        parts.append(f"## {number}. {escape(s.phrase(f'section.{section.key}'))}")
        parts += [_block(s, block) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def built(report: Report) -> Inline:
    """When it was made, of what."""
    at, zone = Moment(report.built_at, ()), Text(report.zone, ())
    return t("built", at=at, rollout=Text(report.rollout, ()), zone=zone)


def _built(s: Speech, report: Report) -> str:
    return f"*{_text(s, built(report))}*"


def _block(s: Speech, block: Block) -> str:
    match block:
        case Para(text, look):
            return _para(_text(s, text), look)
        case Heading(text, deep):
            return f"{'####' if deep else '###'} {_text(s, text)}"
        case Facts(rows):
            return "\n".join(f"- **{escape(s.phrase(key))}**{s.phrase('colon')}{_text(s, what)}" for key, what in rows)
        case Table():
            return _table(s, block)
        case Code(text, _, kind):
            return _fence(text, kind)
        case Picture():
            return f"*{_text(s, block.caption)} {escape(s.phrase('chart.apart'))}*"


def _para(text: str, look: str) -> str:
    start = _LINE.sub(r"\1\\\2", text) if not _LINE.match(text) or not text[:1].isdigit() else _numbered(text)
    shapes = {"lead": f"**{text}**", "warning": f"> {start}", "note": f"*{text}*"}
    return shapes.get(look, start)


def _numbered(text: str) -> str:
    """`1. x` would begin a list."""
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", text)


def _table(s: Speech, table: Table) -> str:
    lines = [_line(escape(s.phrase(key)) for key in table.head), "|" + " --- |" * len(table.head)]
    lines += [_line(_text(s, cell) or DASH for cell in row) for row in table.rows]
    said = evidence(s, table)
    return "\n".join(lines) + (f"\n\n*{escape(said)}*" if said else "")


def evidence(s: Speech, table: Table) -> str:
    """Where the figures of a table are from; one that names its events line by line needs nothing else."""
    if table.head[:1] == ("col.seq",):
        return ""
    facts = (fact for row in table.rows for cell in row for fact in facts_of(cell))
    return s.sources(fact.of for fact in facts)


def _line(cells: Iterator[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _fence(text: str, kind: str) -> str:
    """A fence longer than any run of backticks within, so that nothing inside can close it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}{'diff' if kind == 'diff' else 'text'}", *printable(text), fence])


def printable(text: str) -> Sequence[str]:
    """Lines without control characters but tabs; a carriage return or a colour would be obeyed by a terminal."""
    kept = "".join(c for c in text if c in "\n\t" or c.isprintable())
    return kept.strip("\n").split("\n")


def _text(s: Speech, inline: Inline) -> str:
    return escape(s.plain(inline).replace("\N{NO-BREAK SPACE}", " ").strip())


def escape(text: str) -> str:
    return _INLINE.sub(r"\\\1", text)
