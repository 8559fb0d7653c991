"""Slack's limits. What does not fit is cut, and what was cut is said: never silently, never an error on sending.

Limits (docs.slack.dev/reference/block-kit, and sizes measured in slackapi/bolt-js#2509): 50 blocks a message,
3000 characters a section, 10 fields of 2000, 10 context elements of 2000, 150 a header, 75 a button's label, 25
elements an actions block; a dialog's title 100, text 300, buttons 30; 13,000 characters in all, a block itself weighing
125.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.engine.ports.rendered import Outgoing
from bot.slack.messages.blocks import Block, context, plain
from bot.slack.messages.markup import Mrkdwn
from bot.slack.messages.words import PHRASES, Lang

BLOCKS = 50
SECTION, FIELD, FIELDS, CONTEXT, ELEMENTS, HEADER, LABEL = 3000, 2000, 10, 2000, 10, 150, 75
BUTTONS = 25
VALUE = 2000
DIALOG = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
TOTAL, PER_BLOCK = 13_000, 125
TEXT = 3000  # of the fallback; Slack advises under 4000

_HALF_FENCE = re.compile(r"(?<!`)`{1,2}$")
_OPEN = re.compile(r"(<[^<>\n]*|&[a-z]{0,4})$")


def fit(outgoing: Outgoing, lang: Lang = "en") -> Outgoing:
    """The message as Slack takes it. Blocks at the end give way first, except the buttons."""
    fitted = [_fit_block(dict(b), lang) for b in outgoing.blocks]
    blocks = _fewer([b for b in fitted if b], BLOCKS, lang)
    while blocks and weigh(blocks) > TOTAL:
        blocks = _lighter(blocks, lang)
    return Outgoing(cut(outgoing.text or "…", TEXT, lang), tuple(blocks))


def weigh(blocks: list[Block]) -> int:
    """Characters as Slack counts them."""
    return PER_BLOCK * len(blocks) + _characters(blocks)


def _characters(value: object) -> int:
    if isinstance(value, Mapping):
        own = len(value["text"]) if isinstance(value.get("text"), str) else 0
        return own + sum(_characters(v) for v in value.values() if not isinstance(v, str))
    return sum(_characters(v) for v in value) if isinstance(value, list) else 0


def cut(text: str, most: int, lang: Lang) -> Mrkdwn:
    """At most `most` characters: whole lines where possible, no half entity or mention, no code block left open."""
    if len(text) <= most:
        return Mrkdwn(text)
    room = most - 40  # for the note and a closing fence
    kept = text[: max(0, room)]
    breaks = kept.rfind("\n")
    kept = kept[:breaks] if breaks > room // 2 else _OPEN.sub("", kept)
    kept = _HALF_FENCE.sub("", kept)
    left = text[len(kept) :]
    if kept.count("```") % 2:
        kept = kept[:-3] if kept.endswith("```") else kept + "\n```"
    more = left.count("\n") if "\n" in left else 0
    note = _more("cut.lines", more, lang) if more else _more("cut.characters", len(left), lang)
    return Mrkdwn(f"{kept}\n{note}")


def _more(key: str, n: int, lang: Lang) -> str:
    return PHRASES[lang][key].format(n=n)


def _label(holder: Block, key: str, most: int) -> None:
    """Cuts a plain text; a label has no room for a count, the mark says that it goes on."""
    text = holder[key]["text"]
    if len(text) > most:
        holder[key] = {**holder[key], "text": text[: most - 1] + "…"}


def _text(made: Block, most: int, lang: Lang) -> Block:
    return {**made, "text": cut(made["text"], most, lang)}


def _fit_block(block: Block, lang: Lang) -> Block | None:
    """The block within its own limits; None when nothing would be left of it."""
    match block["type"]:
        case "header":
            _label(block, "text", HEADER)
        case "section":
            return _fit_section(block, lang)
        case "context":
            elements = _first(block["elements"], ELEMENTS, lang)
            block["elements"] = [_text(e, CONTEXT, lang) for e in elements]
            return block if elements else None
        case "actions":
            block["elements"] = [_fit_button(dict(b), lang) for b in block["elements"][:BUTTONS]]
    return block


def _fit_section(block: Block, lang: Lang) -> Block | None:
    if "text" in block:
        block["text"] = _text(block["text"], SECTION, lang)
    if "fields" in block:
        block["fields"] = [_text(f, FIELD, lang) for f in _first(block["fields"], FIELDS, lang)]
    if "accessory" in block:
        block["accessory"] = _fit_button(dict(block["accessory"]), lang)
    return block if block.get("text") or block.get("fields") else None


def _first(parts: list[Block], most: int, lang: Lang) -> list[Block]:
    if len(parts) <= most:
        return parts
    note = {"type": "mrkdwn", "text": _more("cut.parts", len(parts) - most + 1, lang)}
    return [*parts[: most - 1], note]


def _fit_button(button: Block, lang: Lang) -> Block:
    _label(button, "text", LABEL)
    button["value"] = button["value"][:VALUE]
    if "confirm" in button:
        dialog: dict[str, Any] = dict(button["confirm"])
        for part in ("title", "confirm", "deny"):
            _label(dialog, part, DIALOG[part])
        dialog["text"] = _text(dialog["text"], DIALOG["text"], lang)
        button["confirm"] = dialog
    return button


def _fewer(blocks: list[Block], most: int, lang: Lang) -> list[Block]:
    """Drops from the end what is no button, and says how many went."""
    if len(blocks) <= most:
        return blocks
    buttons = [b for b in blocks if b["type"] == "actions"]
    others = [b for b in blocks if b["type"] != "actions"]
    kept = others[: max(0, most - len(buttons) - 1)]
    note = context([Mrkdwn(_more("cut.parts", len(others) - len(kept), lang))])
    return [*kept, note, *buttons]


def _lighter(blocks: list[Block], lang: Lang) -> list[Block]:
    """One step lighter: the longest section gives up what is too much; when all are short, a block goes."""
    over = weigh(blocks) - TOTAL
    longest = max(range(len(blocks)), key=lambda i: _length(blocks[i]))
    length = _length(blocks[longest])
    if length <= 400:
        return _fewer(blocks, len(blocks) - 2, lang) if len(blocks) > 3 else _stub(blocks, lang)
    text = blocks[longest]["text"]
    blocks[longest] = {**blocks[longest], "text": _text(text, max(300, length - over - 60), lang)}
    return blocks


def _length(block: Block) -> int:
    return len(block["text"]["text"]) if block["type"] == "section" and "text" in block else 0


def _stub(blocks: list[Block], lang: Lang) -> list[Block]:
    """The last resort: one sentence, and the buttons if they are not themselves too much."""
    made: Block = {"type": "section", "text": plain(PHRASES[lang]["cut.all"])}
    kept = [made, *(b for b in blocks if b["type"] == "actions")]
    return kept if weigh(kept) <= TOTAL else [made]
