"""From all that was measured in a stage to the few values that a picture and a report need of it. Pure.

A day at 15 s is a hundred thousand rows: they are looked at stage by stage, and not kept.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from bot.engine.ports.records import Measurement
from bot.release.charts.model import Line, PanelKind
from bot.release.charts.thin import BUCKETS, Point, thin
from bot.rollout import share
from bot.rollout.plan import Metric, Plan

GAP = 4.0  # times the usual distance of two points: farther apart, the line is broken
_RECENT = re.compile(r"(.+)\[(\d+(?:\.\d+)?(?:e[+-]?\d+)?)s\]")
ABOVE, BELOW = (">", ">="), ("<", "<=")
Lines = dict[tuple[PanelKind, Line], tuple[Point, ...]]


@dataclass(frozen=True, slots=True)
class Readings:
    """Of one stage. lines: by panel and line, thinned. last: the newest value of each metric and pool."""

    lines: Lines
    last: tuple[Measurement, ...]

    @property
    def starts(self) -> float:
        """Of the first point; infinite where there is none."""
        return min((points[0][0] for points in self.lines.values() if points), default=float("inf"))


def read(measurements: Sequence[Measurement], plan: Plan, buckets: int = BUCKETS) -> Readings:
    """measurements: of one stage, in any order."""
    found = sorted((m for m in measurements if m.value is not None), key=lambda m: m.at)
    raw: dict[tuple[PanelKind, Line], list[tuple[float, float]]] = {("share", "canary"): list(_share(found, plan))}
    for kind, metric in drawn(plan).items():
        for line, points in _metric(metric, found).items():
            raw[kind, line] = points
    last = {(m.metric, m.pool): m for m in found}
    lines = {key: thin(_broken(points, plan), buckets) for key, points in raw.items() if points}
    return Readings(lines, tuple(last.values()))


def drawn(plan: Plan) -> dict[PanelKind, Metric]:
    """Which metric is the errors, and which the latency."""
    both: tuple[tuple[PanelKind, Metric | None], ...] = (("errors", errors_of(plan)), ("latency", latency_of(plan)))
    return {kind: metric for kind, metric in both if metric}


def errors_of(plan: Plan) -> Metric | None:
    """The percentage that must stay low: the first of a trigger, else of a gate, that is bounded from above."""
    feared = [c.metric for c in plan.triggers if c.op in ABOVE]
    bounded = [c.metric for s in plan.stages for c in s.gates if c.op in BELOW]
    return _first([*feared, *bounded], plan, "percent")


def latency_of(plan: Plan) -> Metric | None:
    """The first metric in seconds: of a trigger, else of a gate, else of all."""
    judged = [c.metric for c in plan.triggers] + [c.metric for s in plan.stages for c in s.gates]
    return _first([*judged, *(m.name for m in plan.metrics)], plan, "seconds")


def _first(names: Sequence[str], plan: Plan, unit: str) -> Metric | None:
    return next((plan.metric(n) for n in names if plan.metric(n).unit == unit), None)


def _share(found: Sequence[Measurement], plan: Plan) -> Iterator[tuple[float, float]]:
    """Percent of all requests that the new version got, at each reading of both pools."""
    metric = share.metric_of(plan)
    pools: dict[float, dict[str, float]] = defaultdict(dict)
    for m in found:
        if m.metric == metric and m.value is not None:
            pools[m.at][m.pool] = m.value
    for at, counts in pools.items():
        whole = sum(counts.values())
        # With a rule for the share, a pool that nobody asked has no series; without one, what is missing is unknown.
        if whole > 0 and (len(counts) == 2 or plan.share is not None):
            yield at, 100 * counts.get("canary", 0.0) / whole


def _metric(metric: Metric, found: Sequence[Measurement]) -> dict[Line, list[tuple[float, float]]]:
    lines: dict[Line, list[tuple[float, float]]] = {"recent": [], "stable": [], "canary": []}
    windows = {name: _window(name, metric.name) for name in {m.metric for m in found}}
    shortest = min((w for w in windows.values() if w), default=None)
    for m in found:
        assert m.value is not None
        if m.metric == metric.name:
            lines["canary" if m.pool == "canary" else "stable"].append((m.at, m.value))
        elif shortest and windows[m.metric] == shortest and m.pool == "canary":
            lines["recent"].append((m.at, m.value))
    return lines


def _window(name: str, metric: str) -> float | None:
    """Seconds, of a reading over a trigger's own window (`error_rate[60s]`)."""
    match = _RECENT.fullmatch(name)
    return float(match[2]) if match and match[1] == metric else None


def _broken(points: Sequence[tuple[float, float]], plan: Plan) -> list[Point]:
    """A gap where nothing was measured for long."""
    apart = [b[0] - a[0] for a, b in pairwise(points)]
    longest = GAP * max(median(apart) if apart else 0.0, plan.interval)
    found: list[Point] = list(points[:1])
    for (before, _), (at, value) in pairwise(points):
        if at - before > longest:
            found.append(((before + at) / 2, None))
        found.append((at, value))
    return found
