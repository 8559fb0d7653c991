"""What is wrong with the configuration, in a form a person can act on: where, what, and the mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

ENVIRONMENT = "environment"  # the `file` of a problem that no file has


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to mend (or, in a list of warnings, to think about).

    file: as the operator named it, or `environment`. line: from 1; 0 where a line makes no sense.
    what, mend: one line each, never with a secret in them.
    """

    file: str
    line: int
    what: str
    mend: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.what} — {self.mend}"


class ConfigError(Exception):
    """The configuration cannot be used. `problems` holds every problem of every file, in order of file and line."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(format_problems(problems))
        self.problems = problems


def format_problems(problems: Iterable[Problem]) -> str:
    """One line per problem, sorted by file and line, each once; no newline at the end; "" for none."""
    return "\n".join(" ".join(str(problem).split("\n")) for problem in sorted(set(problems)))


def show(value: object) -> str:
    """A value as it may stand in a message: one line, in backticks, at most 60 characters."""
    text = " ".join(str(value).split())
    return f"`{text if len(text) <= 60 else text[:57] + '…'}`"


def suggest(word: str, known: Iterable[str]) -> str:
    """`did you mean …?` where a known word is near, else the list of what there is."""
    names = list(dict.fromkeys(known))
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"known here: {', '.join(names)}" if names else "nothing is defined here yet"
