"""The report as a value: sections of blocks of facts, in no language yet. Pure, frozen.

Whatever is shown is one of the inlines below, and each that carries a figure says where it is from: the reader can look
it up, and a test does. What it says in Chinese or English is `words`; what it looks like, `as_markdown` and `as_html`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from bot.rollout.plan import Unit

# seq of an event in the service's log; or "plan", "measurements", "alerts": the log of alerts; "files": what the bot
# writes to the hosts
Source = int | Literal["plan", "measurements", "alerts", "files"]
Sources = tuple[Source, ...]
PLAN: Sources = ("plan",)
# How a figure comes from its sources. "": it stands in them. difference: of two numbers in them (the later less the
# earlier). count: of the sources. length: of something listed in them. passed: how many verdicts in them are a pass.
# welch: the p of that test on the two figures in them. method: a constant of that test.
# seq: the source itself.
How = Literal["", "difference", "count", "length", "passed", "welch", "method", "seq"]
Tone = Literal["", "good", "bad", "warn"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """value in its unit; None = nothing was measured. against: a threshold it must not be rounded across.

    signed: shown with + or -. op: `<` and the like, shown before it (a threshold).
    """

    value: float | None
    unit: Unit
    of: Sources
    how: How = ""
    against: float | None = None
    signed: bool = False
    op: str = ""
    trim: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time in seconds."""

    seconds: float
    of: Sources
    how: How = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """Unix seconds. day: the date alone. clock: to the second."""

    at: float
    of: Sources
    day: bool = False
    clock: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """Words from outside as they are: a person's, a host's, the plan's. code: as they stand, in a fixed font.

    error: may be a sentence of the bot's own, which the log has in English. What a signature is bound to is without it.
    """

    text: str
    of: Sources
    code: bool = False
    error: bool = field(default=False, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Who:
    """A user id; "" = the bot itself, or one of its ways to act: "trigger", "policy"."""

    user: str
    of: Sources


@dataclass(frozen=True, slots=True)
class Term:
    """A phrase of ours with its facts, by name. tone: how it is meant, never by colour alone."""

    key: str
    facts: tuple[tuple[str, Inline], ...] = ()
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Items:
    """Some inlines in a row. apart: the phrase between them."""

    items: tuple[Inline, ...]
    apart: str = "list.comma"


Inline = Quantity | Span | Moment | Text | Who | Term | Items
NONE = Items(())


def term(key: str, tone: Tone = "", **facts: Inline) -> Term:
    return Term(key, tuple(facts.items()), tone)


@dataclass(frozen=True, slots=True)
class Para:
    text: Inline
    look: Literal["", "lead", "warning", "note"] = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """Within a section. deep: within another heading's part."""

    text: Inline
    deep: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Names (phrase keys) and what they are."""

    rows: tuple[tuple[str, Inline], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """head: phrase keys. live: columns that may change after a signature without voiding it."""

    head: tuple[str, ...]
    rows: tuple[tuple[Inline, ...], ...]
    live: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Code:
    """Lines as they are. kind: a diff is shown as one."""

    text: str
    of: Sources
    kind: Literal["diff", "output"] = "output"


@dataclass(frozen=True, slots=True)
class Picture:
    """The place of a chart, by name."""

    name: str
    caption: Inline


Block = Para | Heading | Facts | Table | Code | Picture


@dataclass(frozen=True, slots=True)
class Section:
    """key: of its title's phrase. live: may change after a signature without voiding it."""

    key: str
    blocks: tuple[Block, ...]
    live: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """names: (user id, name) of whoever is mentioned. zone: an IANA name; times are shown in it.

    brisk: all of it lasted so short that its moments are told apart by their seconds.
    """

    rollout: str
    title: Inline
    outcome: Inline
    sections: tuple[Section, ...]
    built_at: float
    zone: str
    names: tuple[tuple[str, str], ...] = ()
    brisk: bool = False

    def section(self, key: str) -> Section | None:
        return next((s for s in self.sections if s.key == key), None)
