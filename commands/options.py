"""Options in a line: `--name VALUE` or `--name=VALUE`, wherever they stand before the free text."""

from __future__ import annotations

import re

from commands.words import bare, name

SALT = "--sticky-salt"
_OPTION = re.compile(r"--[a-z][a-z-]*(=.*)?")


def take(words: tuple[str, ...], option: str) -> tuple[str | None, tuple[str, ...]]:
    """(the value, the words without option and value); None = it was not given, "" = given without a value."""
    for at, word in enumerate(words):
        typed, equals, value = word.partition("=")
        if name(typed) != option:
            continue
        if equals:
            return bare(value), (*words[:at], *words[at + 1 :])
        following = words[at + 1 : at + 2]
        if not following or following[0].startswith("--"):
            return "", (*words[:at], *words[at + 1 :])
        return bare(following[0]), (*words[:at], *words[at + 2 :])
    return None, words


def unknown(words: tuple[str, ...]) -> str:
    """The first word if it looks like an option, else "": what nobody knows must not pass for the reason."""
    return words[0] if words and _OPTION.fullmatch(words[0]) else ""
