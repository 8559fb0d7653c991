"""Labels of an alert, what makes two alerts the same, and matchers over labels. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, cast

Labels = tuple[tuple[str, str], ...]  # sorted by name, each name once, no empty values
MatchOp = Literal["=", "!=", "=~", "!~"]

_MATCHER: Final = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)
_LONGEST: Final = 200  # characters of a regular expression; a longer one is a mistake, or an attack


class MatcherError(ValueError):
    """`what` is wrong and the `mend`, each one line."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what} — {mend}")
        self.what, self.mend = what, mend


def labels_of(given: Mapping[str, str] | Iterable[tuple[str, str]]) -> Labels:
    """Sorted, without those that are empty: to Prometheus an empty label is none."""
    return tuple(sorted((name, value) for name, value in dict(given).items() if value))


def value_of(labels: Labels, name: str) -> str:
    """ "" where the label is not there."""
    return next((value for known, value in labels if known == name), "")


def fingerprint(source: str, labels: Labels) -> str:
    """Sixteen hex digits: the same alert of the same source, whenever it comes."""
    return _digest([source, labels])[:16]


def group_key(route: str, labels: Labels) -> str:
    """Twelve hex digits of a route and the labels it groups by."""
    return _digest([route, labels])[:12]


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Matcher:
    """As Alertmanager's: a regular expression has to fit the whole value; a label that is not there is empty."""

    name: str
    op: MatchOp
    value: str

    def matches(self, labels: Labels) -> bool:
        found = value_of(labels, self.name)
        match self.op:
            case "=":
                return found == self.value
            case "!=":
                return found != self.value
            case "=~":
                return _compiled(self.value).fullmatch(found) is not None
            case "!~":
                return _compiled(self.value).fullmatch(found) is None

    def __str__(self) -> str:
        return f"{self.name}{self.op}{self.value}"


def all_match(matchers: Iterable[Matcher], labels: Labels) -> bool:
    return all(matcher.matches(labels) for matcher in matchers)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def parse_matcher(text: str) -> Matcher:
    """`severity = critical`, `instance =~ "10\\..*"`; quotes around the value are optional. Raises MatcherError."""
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise MatcherError(f"`{text[:60]}` is not a matcher", "write label, comparison, value: severity = critical")
    name, op, value = found.groups()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    if op in ("=~", "!~"):
        if len(value) > _LONGEST:
            raise MatcherError(f"the regular expression of `{name}` is too long", f"{_LONGEST} characters at most")
        try:
            _compiled(value)
        except re.error as error:
            raise MatcherError(
                f"`{value[:60]}` is not a regular expression: {error}", "mend it, or compare with ="
            ) from error
    return Matcher(name, cast(MatchOp, op), value)
