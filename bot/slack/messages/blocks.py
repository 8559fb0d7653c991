"""Block Kit, as far as these messages need it. Pure; the limits are `limits.fit`'s."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from bot.slack.messages.markup import Mrkdwn, clean, outside

Block = dict[str, Any]


def plain(text: str) -> Block:
    return {"type": "plain_text", "text": clean(text, 3000) or " ", "emoji": True}


def mrkdwn(text: str) -> Block:
    # verbatim: otherwise Slack makes mentions and channel links of bare words in what people typed (`@here`, `#ops`).
    return {"type": "mrkdwn", "text": (text if isinstance(text, Mrkdwn) else outside(text)) or " ", "verbatim": True}


def header(text: str) -> Block:
    return {"type": "header", "text": plain(text)}


def section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text)}


def lines(parts: Iterable[str]) -> Block:
    """A section with one line a part; the parts have to be mrkdwn already, empty ones are left out."""
    return section(Mrkdwn("\n".join(p for p in parts if p)))


def fields(parts: Sequence[str]) -> Block:
    return {"type": "section", "fields": [mrkdwn(p) for p in parts if p]}


def context(parts: Iterable[str]) -> Block:
    return {"type": "context", "elements": [mrkdwn(p) for p in parts if p]}


def divider() -> Block:
    return {"type": "divider"}


def confirm(title: str, text: str, yes: str, no: str, danger: bool = True) -> Block:
    dialog = {"title": plain(title), "text": mrkdwn(text), "confirm": plain(yes), "deny": plain(no)}
    return {**dialog, "style": "danger"} if danger else dialog


def button(
    label: str,
    action: str,
    value: str,
    style: Literal["", "primary", "danger"] = "",
    dialog: Block | None = None,
) -> Block:
    made: Block = {"type": "button", "text": plain(label), "action_id": action, "value": value}
    if style:
        made["style"] = style
    if dialog:
        made["confirm"] = dialog
    return made


def actions(buttons: Sequence[Block]) -> list[Block]:
    """No block at all where there is nothing to press: Slack refuses an empty one."""
    return [{"type": "actions", "elements": list(buttons)}] if buttons else []
