"""Slack's markup, and keeping what people typed from becoming part of it. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

USER = re.compile(r"[UW][A-Z0-9]{2,20}")
GROUP = re.compile(r"S[A-Z0-9]{2,20}")
_MENTION = re.compile(r"<@([UW][A-Z0-9]{2,20})>")


class Mrkdwn(str):
    """Text that already is mrkdwn, outside text in it escaped. A bare `str` is not, and is escaped before it is shown.

    Anything done to it (slicing, joining) gives a bare `str` again, so a mistake shows markup instead of obeying it.
    """

    __slots__ = ()


def clean(text: str, most: int = 300) -> str:
    """One line without control, direction and private characters, at most `most` characters.

    A backtick becomes an apostrophe, so that nothing closes a code span or opens a fence. What is cut is counted.
    """
    words = " ".join(text.split()).replace("`", "'")
    # What is printable has none of them, and is most of what comes; a burst of alerts has thousands of lines.
    kept = words if words.isprintable() else "".join(c for c in words if unicodedata.category(c)[0] != "C")
    if len(kept) <= most:
        return kept
    note = f"… (+{len(kept) - most})"
    return kept[:most] + note


def escape(text: str) -> Mrkdwn:
    """Slack's three reserved characters as entities: no `<!channel>`, no link, no mention can come of it."""
    return Mrkdwn(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def outside(text: str, most: int = 300) -> Mrkdwn:
    """Text from outside (a person, a host, Prometheus) for use within mrkdwn; text that is mrkdwn stays as it is."""
    return text if isinstance(text, Mrkdwn) else escape(clean(text, most))


def code(text: str, most: int = 120) -> Mrkdwn:
    return Mrkdwn(f"`{outside(text, most) or ' '}`")


def codes(names: Iterable[str]) -> Mrkdwn:
    return Mrkdwn(", ".join(code(n) for n in names))


def fence(lines: Iterable[str]) -> Mrkdwn:
    """A code block. Line breaks and indentation are kept; fences inside are defused."""
    body = "\n".join(_line(line) for line in lines)
    return Mrkdwn(f"```\n{escape(body)}\n```")


def _line(line: str) -> str:
    flat = line.replace("\t", "    ").replace("`", "'")
    return "".join(c for c in flat if unicodedata.category(c)[0] != "C")


def emoji(name: str) -> Mrkdwn:
    """A plan's emoji, with or without its colons."""
    return Mrkdwn(f":{outside(name.strip(':'), 60)}:")


def mention(user: str) -> Mrkdwn:
    """A user id as a mention; anything else (a name, an id of another kind) as plain outside text."""
    return Mrkdwn(f"<@{user}>") if USER.fullmatch(user) else outside(user, 80)


def addressed(id: str) -> Mrkdwn:
    """A person or a user group as a mention: all of the group's members are notified."""
    return Mrkdwn(f"<!subteam^{id}>") if GROUP.fullmatch(id) else mention(id)


def mentioned(text: str) -> tuple[str, ...]:
    """The user ids in a text made of mentions, as `decide` puts them into a refusal's facts."""
    return tuple(_MENTION.findall(text))


def width(text: str) -> int:
    """Columns in a monospace font: wide (CJK, emoji) characters take two, combining ones none."""
    return sum(_columns(c) for c in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def pad(text: str, columns: int, right: bool = False) -> str:
    """`text` filled with spaces to `columns`; `right` aligns it to the right. Longer text is left as it is."""
    fill = " " * max(0, columns - width(text))
    return fill + text if right else text + fill


def wrap(text: str, columns: int) -> list[str]:
    """`text` in lines of at most `columns`, broken at spaces where there are any. Nothing is lost."""
    lines, line = [], ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if width(joined) <= columns:
            line = joined
            continue
        if line:
            lines.append(line)
        line = ""
        for char in word:
            if width(line) + _columns(char) > columns:
                lines.append(line)
                line = ""
            line += char
    return [*lines, line] if line or not lines else lines
