"""The report as one HTML file that needs nothing else, made for A4 paper and for a screen. Pure but for its template.

Each figure is an element that says where it is from: `<data value=… data-unit=… data-from="#12" data-how=…>`, moments
likewise as `<time>`, words from outside as `<span class="said">`; whatever is not in one of these is a phrase of ours,
and has no digit. Whoever doubts a figure can look it up by pointing at it, and a test looks them all up.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from bot.release.report.as_markdown import built, evidence, printable
from bot.release.report.model import (
    NONE,
    Block,
    Code,
    Facts,
    Heading,
    Inline,
    Moment,
    Para,
    Picture,
    Quantity,
    Report,
    Sources,
    Span,
    Table,
    Text,
    Who,
)
from bot.release.report.words import Piece, Speech
from bot.slack.messages.numbers import NONE as DASH
from bot.slack.messages.words import Lang

HERE = Path(__file__).parent
SHORT = 10  # rows of a table that is not broken across pages
PNG = "data:image/png;base64,"


def html(report: Report, lang: Lang, charts: Mapping[str, bytes | str] | None = None) -> str:
    """charts: the PNG of each picture by name, or a sentence why there is none."""
    s = Speech(lang, report)
    pictures = charts or {}
    sections = [
        {
            "number": number,
            "key": section.key,
            "title": s.phrase(f"section.{section.key}"),
            "blocks": [_block(s, block, pictures) for block in section.blocks],
        }
        for number, section in enumerate(report.sections, 1)
    ]
    return _frame().render(
        lang="zh-CN" if lang == "zh" else "en",
        style=Markup(_style()),
        heading=s.plain(report.title),
        title=_inline(s, report.title),
        built=_inline(s, built(report)),
        sections=sections,
    )


@cache
def _frame() -> Template:
    found = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return found.get_template("frame.html")


@cache
def _style() -> str:
    return (HERE / "report.css").read_text("utf-8")


def _block(s: Speech, block: Block, pictures: Mapping[str, bytes | str]) -> Markup:
    match block:
        case Para(text, look):
            return Markup("<p{}>{}</p>").format(_class(look), _inline(s, text))
        case Heading(text, deep):
            tag = Markup("h4" if deep else "h3")
            return Markup("<{}>{}</{}>").format(tag, _inline(s, text), tag)
        case Facts(rows):
            found = [Markup("<dt>{}</dt><dd>{}</dd>").format(s.phrase(k), _inline(s, what)) for k, what in rows]
            return Markup("<dl>\n{}\n</dl>").format(Markup("\n").join(found))
        case Table():
            return _table(s, block)
        case Code(text, of, kind):
            lines = Markup("\n").join(_code(line, kind) for line in printable(text))
            return Markup('<pre class="{}" data-from="{}">{}</pre>').format(kind, _from(of), lines)
        case Picture():
            return _picture(s, block, pictures.get(block.name, s.phrase("chart.none")))


def _class(name: str) -> Markup:
    return Markup(' class="{}"').format(name) if name else Markup("")


def _table(s: Speech, table: Table) -> Markup:
    wide = " wide" if len(table.head) > 6 else ""
    whole = "whole" if len(table.rows) <= SHORT else ""
    heads = Markup("").join(Markup("<th>{}</th>").format(s.phrase(key)) for key in table.head)
    rows = Markup("\n").join(_row(s, row) for row in table.rows)
    said = evidence(s, table)
    foot = Markup('<p class="evidence">{}</p>').format(said) if said else Markup("")
    shape = '<div{}><table class="t{}">\n<thead><tr>{}</tr></thead>\n<tbody>\n{}\n</tbody>\n</table>\n{}</div>'
    return Markup(shape).format(_class(whole), wide, heads, rows, foot)


def _row(s: Speech, row: tuple[Inline, ...]) -> Markup:
    cells = [
        Markup("<td{}>{}</td>").format(_class("n" if isinstance(cell, (Quantity, Span)) else ""), _cell(s, cell))
        for cell in row
    ]
    return Markup("<tr>{}</tr>").format(Markup("").join(cells))


def _cell(s: Speech, cell: Inline) -> Markup:
    return Markup(DASH) if cell == NONE else _inline(s, cell)


def _code(line: str, kind: str) -> Markup:
    """Of a diff, added and removed lines are marked by their sign and a shade."""
    sort = {"+": "ins", "-": "del", "@": "at"}.get(line[:1], "") if kind == "diff" else ""
    sort = "at" if sort and line[:3] in ("---", "+++") else sort
    return Markup('<span class="{}">{}</span>').format(sort, line) if sort else Markup.escape(line)


def _picture(s: Speech, picture: Picture, drawn: bytes | str) -> Markup:
    if isinstance(drawn, str):
        missing = s.phrase("chart.missing").format(why="{}")
        return Markup('<p class="note">{}</p>').format(Markup.escape(missing).format(drawn))
    data = PNG + base64.b64encode(drawn).decode("ascii")
    caption = _inline(s, picture.caption)
    alt = s.plain(picture.caption)
    return Markup('<figure><img src="{}" alt="{}"><figcaption>{}</figcaption></figure>').format(data, alt, caption)


def _inline(s: Speech, inline: Inline) -> Markup:
    """Neighbouring pieces of one tone are marked together."""
    runs: list[tuple[str, list[Markup]]] = []
    for piece in s.pieces(inline):
        if not runs or runs[-1][0] != piece.tone:
            runs.append((piece.tone, []))
        runs[-1][1].append(_piece(piece))
    shown = (Markup("").join(parts) for _, parts in runs)
    return Markup("").join(
        Markup('<span class="mark {}">{}</span>').format(tone, part) if tone else part
        for (tone, _), part in zip(runs, shown, strict=True)
    )


def _piece(piece: Piece) -> Markup:
    fact, text = piece.fact, piece.text
    match fact:
        case None:
            return Markup.escape(text)
        case Quantity(value=None):
            return Markup.escape(text)
        case Quantity(value, unit, of, how):
            return _data(repr(value), unit, of, how, text)
        case Span(seconds, of, how):
            return _data(repr(seconds), "span", of, how, text)
        case Moment(at, of):
            stamp = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
            shape = Markup('<time datetime="{}" data-at="{!r}" data-from="{}">{}</time>')
            return shape.format(stamp, at, _from(of), text)
        case Text(_, of, code):
            tag = Markup("code") if code else Markup("span")
            return Markup('<{} class="said" data-from="{}">{}</{}>').format(tag, _from(of), text, tag)
        case Who(user):
            return Markup('<span class="who" data-user="{}">{}</span>').format(user, text)


def _data(value: str, unit: str, of: Sources, how: str, text: str) -> Markup:
    shape = Markup('<data value="{}" data-unit="{}" data-from="{}" data-how="{}"{}>{}</data>')
    return shape.format(value, unit, _from(of), how, _title(of), text)


def _title(of: Sources) -> Markup:
    """What shows on pointing at a figure."""
    seqs = " ".join(f"#{s}" for s in of if isinstance(s, int))
    return Markup(' title="{}"').format(seqs) if seqs else Markup("")


def _from(of: Sources) -> str:
    return " ".join(f"#{s}" if isinstance(s, int) else s for s in of)
