"""PromQL as far as the plan needs it: placeholders, balance, one canonical line. Not a parser of PromQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from config.problems import suggest

PLACEHOLDERS: Final = ("service", "version", "pool", "instances", "window")
_PAIRS: Final = {")": "(", "]": "[", "}": "{"}
_TOKEN: Final = re.compile(
    r"""(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`[^`]*`)|(?P<open>["'`])|(?P<comment>\#[^\n]*)"""
    r"""|(?P<space>\s+)|(?P<bracket>[()\[\]{}])|(?P<other>[^"'`\#\s()\[\]{}]+)"""
)
_PLACEHOLDER: Final = re.compile(r"\$(\{?[A-Za-z_][A-Za-z0-9_]*\}?)?")


class Fault(NamedTuple):
    what: str
    mend: str


def normalise(query: str) -> str:
    """The query on one line: comments gone, white space outside strings one blank. The meaning is the same."""
    parts = []
    for token in _TOKEN.finditer(query):
        parts.append(" " if token.lastgroup in ("space", "comment") else token.group())
    out: list[str] = []
    for part in parts:
        if part != " " or (out and out[-1] != " "):
            out.append(part)
    return "".join(out).strip()


def placeholders(query: str) -> frozenset[str]:
    """The placeholders outside comments, without the `$`; known or not."""
    names = (found[1] or "" for found in _PLACEHOLDER.finditer(normalise(query)))
    return frozenset(names)


def fixed_windows(query: str) -> list[str]:
    """Ranges such as `[5m]` that do not follow $window: a gate with one does not look over its whole bake."""
    bare = "".join(t.group() for t in _TOKEN.finditer(normalise(query)) if t.lastgroup != "string")
    return [found[0] for found in re.finditer(r"\[(?!\s*\$window\b)[^\]]*\]", bare)]


def faults(query: str, known: tuple[str, ...] = PLACEHOLDERS) -> Iterator[Fault]:
    """Everything wrong with a query that can be seen without a Prometheus. known: placeholders that are filled in."""
    if not normalise(query):
        yield Fault("the query is empty", "write the PromQL")
        return
    yield from _balance(query)
    for name in sorted(placeholders(query) - set(known)):
        bare = name.strip("{}")
        if bare in known:
            yield Fault(f"`${name}` has braces", f"write ${bare}")
        else:
            yield Fault(f"the query uses `${name}`, which is never filled in", suggest(bare, known))
    yield from _places(query)


def _balance(query: str) -> Iterator[Fault]:
    stack: list[str] = []
    for token in _TOKEN.finditer(query):
        if token.lastgroup == "open":
            yield Fault(f"the quote {token.group()} is not closed", "close it on the same line")
            return
        if token.lastgroup != "bracket":
            continue
        bracket = token.group()
        if bracket not in _PAIRS:
            stack.append(bracket)
        elif not stack or stack.pop() != _PAIRS[bracket]:
            yield Fault(
                f"`{bracket}` closes nothing", f"balance the brackets: a `{_PAIRS[bracket]}` is missing or out of place"
            )
            return
    if stack:
        closing = next(close for close, opened in _PAIRS.items() if opened == stack[-1])
        yield Fault(f"`{stack[-1]}` is never closed", f"balance the brackets: a `{closing}` is missing")


def _places(query: str) -> Iterator[Fault]:
    """A placeholder is escaped for the place it stands in, so it must stand there."""
    inside, outside = "", ""
    for token in _TOKEN.finditer(normalise(query)):
        if token.lastgroup == "string":
            inside += token.group()
        else:
            outside += token.group()
    for name in PLACEHOLDERS:
        if name == "window" and re.search(r"\$window\b", inside):
            yield Fault("`$window` stands in quotes", "write it as a range: [$window]")
        elif name != "window" and re.search(rf"\${name}\b", outside):
            yield Fault(f"`${name}` stands outside quotes", f'write it as a label value: {name}="${name}"')
    if re.search(r"""[^=!]=\s*["'`][^"'`]*\$instances""", normalise(query)):
        yield Fault("`$instances` is compared with `=`", 'it is a list of alternatives: write instance=~"$instances"')
