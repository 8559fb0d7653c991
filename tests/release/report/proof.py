"""Holds a finished HTML report against the log, the measurements and the plan: what in it cannot be found there?

Knows nothing of how the report is built. Each figure in the file says where it is from and how it came of that; here
it is looked up there anew, and what is shown is compared with what was found. Outside of such elements no digit may be.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from html.parser import HTMLParser
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

from bot.engine.ports.records import Measurement
from bot.release.report import noise
from bot.rollout.model import GateResult, Verdict
from bot.rollout.plan import Plan
from bot.rollout.work import Figure
from bot.slack.messages.markup import clean
from bot.translation import translated

NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
VOID = ("meta", "img", "br")
SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "秒": 1, "分": 60, "小时": 3600, "天": 86400}
SCALE = {"ms": 0.001, "M": 1e6}


@dataclass
class Found:
    tag: str
    facts: Mapping[str, str]
    text: str = ""


@dataclass
class Page(HTMLParser):
    """The elements that carry figures or words from outside, and the text that is in none of them."""

    found: list[Found] = field(default_factory=list)
    ours: list[str] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    whole: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[tuple[str, Found | None, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {k: v or "" for k, v in attrs}
        self.tags.append(tag)
        if tag in VOID:
            return
        carries = "data-from" in facts or "data-user" in facts
        self._open.append((tag, Found(tag, facts) if carries else None, facts.get("class", "")))
        if carries:
            self.found.append(self._open[-1][1])  # type: ignore[arg-type]

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open[-1][0] == tag, f"</{tag}> closes nothing"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _, _ in self._open]
        if "style" in tags or "head" in tags:
            return
        if "nav" not in tags and "pre" not in tags:
            self.whole.append(data)
        carrier = next((f for _, f, _ in self._open if f), None)
        if carrier:
            carrier.text += data
        elif any(c == "evidence" for _, _, c in self._open):
            self.evidence.append(data)
        elif not any(c == "no" for _, _, c in self._open):
            self.ours.append(data)


def read(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    return page


def walk(thing: Any) -> Iterator[Any]:
    """Everything within a value: itself, its fields, their parts."""
    yield thing
    if dataclasses.is_dataclass(thing):
        for f in dataclasses.fields(thing):
            yield from walk(getattr(thing, f.name))
    elif isinstance(thing, Mapping):
        for key, value in thing.items():
            yield from walk(key)
            yield from walk(value)
    elif isinstance(thing, (tuple, list)):
        for part in thing:
            yield from walk(part)


def numbers(things: Iterable[Any]) -> set[float]:
    return {float(x) for x in things if isinstance(x, (int, float)) and not isinstance(x, (bool, Enum))}


@dataclass
class Log:
    """What there is to find. diffs: the nginx changes as generated."""

    rows: Sequence[tuple[int, Any]]
    measurements: Sequence[Measurement]
    plan: Plan
    zone: str
    alerts: Sequence[Any] = ()
    diffs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._parts: dict[str, list[Any]] = {f"#{seq}": list(walk(event)) for seq, event in self.rows}
        self._parts["plan"] = [*walk(self.plan), self.plan.hash]
        self._parts["measurements"] = [m.value for m in self.measurements]
        self._parts["alerts"] = list(walk(tuple(self.alerts)))
        self._parts["files"] = list(walk(self.diffs))

    def at(self, sources: str) -> list[Any]:
        """Everything in these sources; KeyError where one does not exist."""
        return [x for name in sources.split() for x in self._parts[name]]


def unproven(html: str, log: Log) -> list[str]:
    """Each figure or text in the page that log, measurements and plan do not bear out; [] = all are found."""
    page = read(html)
    problems = [f"{f.facts} {f.text!r}" for f in page.found if not _proven(f, log)]
    problems += [f"a digit of nobody's: {text!r}" for text in page.ours if any(c.isdigit() for c in text)]
    for said in page.evidence:
        problems += [f"no such event: {n}" for n in re.findall(r"#\d+", said) if n not in log._parts]
    return problems


def _proven(f: Found, log: Log) -> bool:
    if "data-user" in f.facts:
        return True  # whom an id belongs to is not in the log
    sources = f.facts["data-from"]
    if not sources:  # when and where it was made
        return True
    try:
        within = log.at(sources)
    except KeyError:
        return False
    if f.tag == "data":
        value = float(f.facts["value"])
        return _borne_out(value, f.facts["data-how"], sources, within) and shown(f.text, value, f.facts["data-unit"])
    if f.tag == "time":
        return _moment(f, log, within)
    return _said(f, within)


def near(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-6)


def _borne_out(value: float, how: str, sources: str, within: list[Any]) -> bool:
    known = numbers(within)
    match how:
        case "":
            return any(near(value, x) for x in known)
        case "difference":
            return any(near(value, a - b) for a, b in product(known, known))
        case "count":
            return value == len(sources.split())
        case "length":
            return value in {len(x) for x in within if isinstance(x, tuple)}
        case "passed":
            tables = [x for x in within if isinstance(x, tuple) and x and isinstance(x[0], GateResult)]
            return value in {sum(g.verdict is Verdict.PASS for g in found) for found in tables}
        case "welch":
            return _welch(value, [x for x in within if isinstance(x, Figure)])
        case "method":
            return value in (noise.ALPHA, noise.LEAST)
        case "seq":
            return sources == f"#{value:g}"
    return False


def _welch(p: float, figures: Sequence[Figure]) -> bool:
    """Of some metric's two figures; the tail is integrated here, not taken from the code under test."""
    for a, b in product(figures, figures):
        if a.metric == b.metric and a is not b and None not in (a.mean, b.mean, a.spread, b.spread):
            va, vb = a.spread**2 / a.samples, b.spread**2 / b.samples
            if va + vb == 0:  # nothing varied: then they are alike, or surely not
                if p == float(a.mean == b.mean):
                    return True
                continue
            freedom = (va + vb) ** 2 / (va**2 / (a.samples - 1) + vb**2 / (b.samples - 1))
            if math.isclose(p, tail(abs(a.mean - b.mean) / math.sqrt(va + vb), freedom), rel_tol=1e-4, abs_tol=1e-7):
                return True
    return False


def tail(t: float, freedom: float, steps: int = 4000) -> float:
    """Two-sided P(|T| > t) of Student's t: 1 less the middle, by Simpson's rule."""
    log = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(freedom * math.pi)

    def density(x: float) -> float:
        return math.exp(log - (freedom + 1) / 2 * math.log1p(x * x / freedom))

    width = t / steps
    inner = sum((4 if i % 2 else 2) * density(i * width) for i in range(1, steps))
    return 1 - 2 * (width / 3) * (density(0) + inner + density(t))


def shown(text: str, value: float, unit: str) -> bool:
    """Whether the text is the value, rounded to what it shows."""
    if unit == "span":
        return _span(text, value)
    match = re.fullmatch(r"(?:(?:<|<=|>|>=|==|!=) )?([+-]?)([\d,]+(?:\.(\d+))?)(?: (\S+))?", text)
    if match is None:
        return False
    if text == "< 0.001":
        return value < 0.001
    scale = SCALE.get(match[4] or "", 1.0)
    read_back = float(match[2].replace(",", "")) * scale * (-1 if match[1] == "-" else 1)
    return abs(read_back - value) <= 0.5000001 * scale * 10 ** -len(match[3] or "")


def _span(text: str, value: float) -> bool:
    parts = re.findall(r"([\d.]+) (\S+)", text)
    if not parts:
        return False
    smallest = SECONDS[parts[-1][1]] * (0.1 if "." in parts[-1][0] else 1.0)
    # The smaller unit is left out where it is nought, so what is not shown may be up to one of the next smaller one.
    return abs(sum(float(n) * SECONDS[u] for n, u in parts) - value) <= max(smallest, 1.0)


def _moment(f: Found, log: Log, within: list[Any]) -> bool:
    at = float(f.facts["data-at"])
    known = numbers(within)
    found = any(near(at, x) for x in known) or any(near(at, a + b) for a, b in product(known, known))
    when = datetime.fromtimestamp(at, ZoneInfo(log.zone))
    parts = {when.year, when.month, when.day, when.hour, when.minute, when.second}
    return found and {int(n) for n in re.findall(r"\d+", f.text)} <= parts


def _said(f: Found, within: list[Any]) -> bool:
    texts = {clean(said, 10_000) for x in within if isinstance(x, str) for said in (x, translated(x, "zh"))}
    said = f.text
    if f.tag == "pre":
        lines = {line.rstrip() for x in within if isinstance(x, str) for line in x.splitlines()}
        return all(line.rstrip() in lines for line in said.splitlines())
    return said in texts or all(part in texts for part in said.split(" @ "))


def figures(text: str) -> list[str]:
    """Every number in it, in order, as it is written."""
    return NUMBER.findall(text)
