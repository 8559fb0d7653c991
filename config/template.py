"""Texts with holes: `${to}` is filled in by the bot, `${env:SMS_KEY}` by the environment, `$$` is a dollar. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from config.problems import show, suggest

_HOLE: Final = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>[^{}]*)\}|(?P<open>\{))")
_ENV: Final = re.compile(r"env:(?P<variable>[A-Za-z_][A-Za-z0-9_]*)")


class TemplateError(ValueError):
    """`what` is wrong and the `mend`, each one line."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what} — {mend}")
        self.what, self.mend = what, mend


@dataclass(frozen=True, slots=True)
class Template:
    """parts: by turns text and the name of a hole, beginning and ending with text."""

    parts: tuple[str, ...]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.parts[1::2])

    @property
    def variables(self) -> frozenset[str]:
        """Environment variables it needs."""
        return frozenset(name.removeprefix("env:") for name in self.names if name.startswith("env:"))

    def fill(self, values: Mapping[str, str], encode: Callable[[str], str] = str) -> str:
        """encode: of what is filled in; the text between stays as it was written. Raises KeyError for an unknown."""
        return "".join(encode(values[part]) if index % 2 else part for index, part in enumerate(self.parts))


def parse_template(text: str, known: frozenset[str]) -> Template:
    """known: the names the bot fills in. Raises TemplateError."""
    parts, at = [""], 0
    for hole in _HOLE.finditer(text):
        parts[-1] += text[at : hole.start()]
        at = hole.end()
        if hole["dollar"]:
            parts[-1] += "$"
            continue
        if hole["open"]:
            raise TemplateError("a `${` is not closed", "write ${name}, or $${ for the characters themselves")
        name = hole["name"]
        if not _ENV.fullmatch(name) and name not in known:
            raise TemplateError(f"{show('${' + name + '}')} is not known", _mend(name, known))
        parts += [name, ""]
    parts[-1] += text[at:]
    return Template(tuple(parts))


def _mend(name: str, known: frozenset[str]) -> str:
    if name.isupper():
        return f"write ${{env:{name}}} for the environment variable {name}"
    return suggest(name, sorted(known)) + " An environment variable is ${env:NAME}"
