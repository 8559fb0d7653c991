"""From what a phone sends to words: quotes, dashes and spaces of every kind are what the person meant."""

from __future__ import annotations

import html
import re
import unicodedata

VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]{0,63}")
QUOTES = "\"'`"
MARKS = ".,;:!?。，；：、！？…"
_STRAIGHT = str.maketrans(dict.fromkeys("“”„‟«»「」『』", '"') | dict.fromkeys("‘’‚‛`´", "'"))
_UNSEEN = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")  # come with a paste
_LINKED = re.compile(r"<(?:https?://|mailto:)?[^|<>]*\|([^<>]*)>")  # Slack makes links of what looks like one
_BARE_LINK = re.compile(r"<(https?://[^|<>]*)>")
_HYPHENS = re.compile("[\u2010-\u2015\u2212]")
_DASHES = re.compile(r"(^|\s)[\u2010-\u2015\u2212]+(?=\w)")  # an autocorrected `--`; a Chinese dash is two of them
_WORD = re.compile(r""""([^"]*)"[,.;:。、]*|'([^']*)'[,.;:。、]*|(\S+)""")


def tidy(text: str) -> str:
    """One line: full-width forms folded, smart quotes straight, unseen characters gone, long dashes made `--`."""
    text = html.unescape(_BARE_LINK.sub(r"\1", _LINKED.sub(r"\1", text)))
    text = unicodedata.normalize("NFKC", _UNSEEN.sub("", text)).translate(_STRAIGHT)
    return " ".join(_DASHES.sub(r"\1--", text).split())


def split(text: str) -> tuple[str, ...]:
    """Words, a quoted one whole; an open quote is a mark like any other. Never raises."""
    found = (next((group for group in m.groups() if group is not None), "") for m in _WORD.finditer(tidy(text)))
    return tuple(word for word in found if word)


def bare(word: str) -> str:
    """Without the quotes around it, the comma or full stop after it, and what a link adds; with plain hyphens."""
    plain = _HYPHENS.sub("-", word.strip(QUOTES).rstrip(MARKS + QUOTES))
    return re.sub("^https?://", "", plain)


def version(word: str) -> str | None:
    """The version as typed; None when it cannot be one."""
    found = bare(word)
    return found if VERSION.fullmatch(found) else None


def name(word: str) -> str:
    """A service or command as typed, without what autocorrection adds."""
    return bare(word).lower()
