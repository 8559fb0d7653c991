"""What people are shown, in its words: rendered by one part, and sent by another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A rendered message: `text` is the fallback and the notification; blocks are Block Kit dicts."""

    text: str
    blocks: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification in words. short: for SMS: what, where, since when."""

    subject: str
    text: str
    html: str
    short: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to be shown. name: with its ending, by which a picture is known to be one. title: for people."""

    name: str
    title: str
    data: bytes
