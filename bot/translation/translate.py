"""From a text to the Chinese of it, where it is one of the bot's own. Pure; never raises. And cheap: a storm of alerts
shows thousands of lines."""

from __future__ import annotations

import re
from functools import lru_cache

from bot.translation.catalogue import STATES, candidates
from bot.translation.sentence import Sentence

DEEP = 4  # sentences within sentences; what is deeper stays as it is
_KEPT, _LONG = 4096, 1000  # texts that are remembered, and their longest: the same ones come again and again
_OF = re.compile(r"([^\s:]{0,80}): (.+)", re.DOTALL)  # `host: error`, and `RuntimeError: …`
_APART = re.compile(r"; (?!then: )(?=[^\s:]{0,80}: )")  # between one `host: error` and the next
_RUN = 3  # pieces of a list that belong together at most, where an error has in it what looks like the next


def translated(text: str, lang: str) -> str:
    """The text in that language ("zh" or "en") where it is a sentence of the bot's; anything else as it is."""
    if lang == "en":
        return text
    return (_remembered if len(text) <= _LONG else _chinese)(text)


def _chinese(text: str) -> str:
    return _said(text) or text


_remembered = lru_cache(maxsize=_KEPT)(_chinese)


def _said(text: str, depth: int = 0, within: bool = False) -> str | None:
    """None: not one of the bot's. within: it stands in another sentence, where parts of sentences are known too."""
    if depth > DEEP:
        return None
    return _listed(text, depth, within) or _one(text, depth, within)


def _listed(text: str, depth: int, within: bool) -> str | None:
    """`host: error; host: error`, as a failed shift has its hosts; what is not the bot's own within stays as it is."""
    parts = _APART.split(text) if _OF.match(text) else [text]
    if len(parts) == 1:
        return None
    shown, before, n = "", True, 0
    while n < len(parts):
        said, taken = _next(parts[n : n + _RUN], depth, within)
        between = "" if not n else "；" if said and before else "; "
        shown += between + (said or parts[n])
        before, n = bool(said), n + taken
    return shown if shown != text else None


def _next(parts: list[str], depth: int, within: bool) -> tuple[str | None, int]:
    """The first of them, and how many it takes."""
    for taken in range(1, len(parts) + 1):
        if said := _one("; ".join(parts[:taken]), depth, within):
            return said, taken
    return None, 1


def _one(text: str, depth: int, within: bool) -> str | None:
    for known in candidates(text):
        if known.part and not within:
            continue
        found = known.pattern.fullmatch(text)
        if found and (values := _values(known, found, depth + 1)) is not None:
            return known.filled(values)
    of = _OF.fullmatch(text)
    said = _said(of[2], depth + 1, within) if of else None
    if of is None or said is None:
        return None
    return f"{of[1]}：{said}" if of[1] else said


def _values(known: Sentence, found: re.Match[str], depth: int) -> dict[str, str] | None:
    """None: what has to be the bot's own is not."""
    values = {}
    for name, kind in known.kinds.items():
        text: str = found[name]
        match kind.rpartition("-")[2]:
            case "ours":
                said = _said(text, depth, within=True)
                if said is None:
                    return None
                values[name] = said
            case "said":
                values[name] = _said(text, depth, within=True) or text
            case "items":
                values[name] = "；".join(_said(item, depth, within=True) or item for item in text.split("; "))
            case "state":
                values[name] = STATES.get(text, text)
            case "names":
                values[name] = text.replace(" and ", "、")
            case _:
                values[name] = text
    return values
