"""One sentence of the bot's with holes: recognised in English, said in Chinese. Pure.

    "{host:word}: no answer to {verb} ({why:said})"      ->      "{host}：{verb} 没有应答（{why}）"

A hole is any text and ends at the first chance. It may name its shape: `word` has no space, `name` no colon, `number`
is digits, `long` ends at the last chance; and what is in it: `said` is perhaps, and `ours` certainly, itself a sentence
of the bot's, `items` are several, apart by "; ", `names` are apart by " and ", `state` is a host's; or both, as
`name-said`. The second hole of a name has to hold the same.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass

CJK = "\u2e80"  # the first of the characters that are as wide as they are high
Hole = tuple[str, str, str]  # name, kind, the text that follows it
_SHAPES = {"word": r"\S+", "name": r"[^:]+", "number": r"[0-9.e+-]+"}


@dataclass(frozen=True, slots=True)
class Sentence:
    """pattern: of the whole text. kinds: of its holes, by name. chinese: texts and the name of the hole after each.

    words: those that every text of this sentence has between spaces; a text that lacks one is not looked at further.
    part: stands only within another sentence. rank: the higher is tried first: what joins two sentences, then what has
    one in it for certain, then what has the most characters that are not holes.
    """

    pattern: re.Pattern[str]
    kinds: dict[str, str]
    chinese: tuple[tuple[str, str | None], ...]
    words: tuple[str, ...]
    rank: tuple[bool, bool, int]
    part: bool

    def filled(self, values: Mapping[str, str]) -> str:
        """In Chinese. A space beside a hole goes where what is in the hole is Chinese as well."""
        said = ""
        for text, name in self.chinese:
            said = _joined(said, text)
            said = said if name is None else _joined(said, values[name])
        return said


def _joined(before: str, after: str) -> str:
    if before[-1:] == " " and before[-2:-1] >= CJK and after[:1] >= CJK:
        return before[:-1] + after
    return before + (after[1:] if after[:1] == " " and before[-1:] >= CJK and after[1:2] >= CJK else after)


def sentence(english: str, chinese: str, part: bool = False) -> Sentence:
    """Raises ValueError where the two have not the same holes."""
    start, holes = _taken_apart(english)
    kinds = {name: kind for name, kind, _ in reversed(holes)}
    said = tuple((text, name) for text, name, _, _ in string.Formatter().parse(chinese))
    if {name for _, name in said if name is not None} != set(kinds):
        raise ValueError(f"{english!r} and {chinese!r} have not the same holes")
    every, words = " ".join(kinds.values()), _words(start, holes)
    weight = len(start) + sum(len(after) for _, _, after in holes)
    rank = ("long" in every, "ours" in every and words != (), weight)
    return Sentence(re.compile(_pattern(start, holes), re.DOTALL), kinds, said, words, rank, part)


def _taken_apart(template: str) -> tuple[str, list[Hole]]:
    """What comes before the first hole, and each hole with what follows it."""
    start, holes = "", list[Hole]()
    for literal, name, kind, _ in string.Formatter().parse(template):
        if holes:
            holes[-1] = (*holes[-1][:2], holes[-1][2] + literal)
        else:
            start += literal
        if name is not None:
            holes.append((name, kind or "", ""))
    return start, holes


def _pattern(start: str, holes: list[Hole]) -> str:
    """A hole ends at the first chance and is not tried again further on, so that no text costs more than a look along
    it. The last one ends with the text, a `long` one before it at its last chance.
    """
    pattern, seen = re.escape(start), set[str]()
    for n, (name, kind, after) in enumerate(holes):
        shape = _SHAPES.get(kind.partition("-")[0], ".*")
        hole = f"(?P={name})" if name in seen else f"(?P<{name}>{shape})"
        follows = re.escape(after)
        if name not in seen and not kind.startswith("long") and n < len(holes) - 1:
            pattern += f"(?>(?P<{name}>{shape}?){follows})"
        else:
            pattern += hole + follows
        seen.add(name)
    return pattern


def _words(start: str, holes: list[Hole]) -> tuple[str, ...]:
    """A word at the edge of a hole may be longer in the text, so it is none."""
    text = start + "".join(f"\0{after}" for _, _, after in holes)
    return tuple(word for word in text.split() if "\0" not in word)
