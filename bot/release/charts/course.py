"""The course of a rollout as a picture: share, errors and latency of both pools, and what happened meanwhile. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from bot.alerts.model import Alert
from bot.engine.ports import Measurement
from bot.release.charts.model import Band, Chart, Limit, Line, Mark, MarkKind, Panel, Series
from bot.release.charts.thin import Point, thin
from bot.rollout import events as ev
from bot.rollout import share
from bot.rollout.plan import Metric, Plan

GAP = 4.0  # times the usual distance of two points: farther apart, the line is broken
_RECENT = re.compile(r"(.+)\[(\d+(?:\.\d+)?(?:e[+-]?\d+)?)s\]")
ABOVE, BELOW = (">", ">="), ("<", "<=")
MARKS: dict[type[ev.Event], MarkKind] = {
    ev.StageApproved: "approval",
    ev.StageHeld: "hold",
    ev.StageForced: "forced",
    ev.RollbackOrdered: "rollback",
    ev.RolloutCompleted: "completed",
}


def course(
    rows: Sequence[tuple[int, ev.Event]],
    measurements: Sequence[Measurement],
    plan: Plan,
    alerts: Sequence[Alert],
    zone: str,
) -> Chart | None:
    """rows: (seq, event) of one rollout alone. None: nothing was measured yet, so there is nothing to draw."""
    found = sorted((m for m in measurements if m.value is not None), key=lambda m: m.at)
    started = next((e for _, e in rows if isinstance(e, ev.RolloutStarted)), None)
    if not found or started is None:
        return None
    events = [e for _, e in rows]
    shifts = [e.at for e in events if isinstance(e, ev.ShiftDone)]
    start = min([found[0].at, *shifts])
    end = max([found[-1].at, *(e.at for e in events if isinstance(e, (*MARKS, ev.RolledBack)))])
    bands = _bands(events, end)
    panels = [_share(found, plan, bands)]
    for kind, metric in (("errors", errors_of(plan)), ("latency", latency_of(plan))):
        if metric:
            panels.append(_metric(kind, metric, found, plan, bands, end))
    return Chart(
        service=plan.title or plan.service,
        name=plan.service,
        old=started.stable_version,
        new=started.version,
        zone=zone,
        start=start,
        end=end,
        panels=tuple(p for p in panels if any(s.points for s in p.series)),
        bands=bands,
        marks=tuple(_marks(events, alerts, start, end)),
    )


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


def _bands(events: Sequence[ev.Event], end: float) -> tuple[Band, ...]:
    """From the read-back of a stage's share to that of the next, or to the way back."""
    weights = {e.generation: e.weight for e in events if isinstance(e, ev.ShiftOrdered)}
    turns: list[tuple[float, str, float]] = []
    for e in events:
        if isinstance(e, ev.ShiftDone):
            turns.append((e.at, e.stage, weights.get(e.generation, 0.0)))
        elif isinstance(e, ev.StepDownDone):
            turns.append((e.at, turns[-1][1] if turns else "", e.weight))
        elif isinstance(e, ev.RolledBack):
            turns.append((e.at, "", 0.0))
    ends = [*(at for at, _, _ in turns[1:]), end]
    return tuple(Band(name, at, to, weight) for (at, name, weight), to in zip(turns, ends, strict=True))


def _share(found: Sequence[Measurement], plan: Plan, bands: Sequence[Band]) -> Panel:
    metric = share.metric_of(plan)
    pools: dict[tuple[float, str], dict[str, float]] = defaultdict(dict)
    for m in found:
        if m.metric == metric and m.value is not None:
            pools[m.at, m.stage][m.pool] = m.value
    points = []
    for (at, stage), counts in pools.items():
        whole = sum(counts.values())
        if whole > 0 and (len(counts) == 2 or plan.share is not None):
            points.append((at, stage, 100 * counts.get("canary", 0.0) / whole))
    ordered: list[Point] = []
    for band in bands:
        ordered += [(band.start, band.weight), (band.end, band.weight)]
    series = (Series("ordered", tuple(ordered)), Series("canary", thin(_broken(points, plan))))
    return Panel("share", "", "", "percent", series)


def _metric(
    kind: str, metric: Metric, found: Sequence[Measurement], plan: Plan, bands: Sequence[Band], end: float
) -> Panel:
    lines: dict[Line, list[tuple[float, str, float]]] = {"recent": [], "stable": [], "canary": []}
    shortest = min((w for m in found if (w := _window(m.metric, metric.name))), default=None)
    for m in found:
        assert m.value is not None
        if m.metric == metric.name:
            lines["canary" if m.pool == "canary" else "stable"].append((m.at, m.stage, m.value))
        elif shortest and _window(m.metric, metric.name) == shortest and m.pool == "canary":
            lines["recent"].append((m.at, m.stage, m.value))
    series = tuple(Series(line, thin(_broken(points, plan))) for line, points in lines.items() if points)
    return Panel(kind, metric.title, metric.name, metric.unit, series, tuple(_limits(metric, plan, bands, end)))  # type: ignore[arg-type]


def _window(name: str, metric: str) -> float | None:
    """Seconds, of a reading over a trigger's own window (`error_rate[60s]`)."""
    match = _RECENT.fullmatch(name)
    return float(match[2]) if match and match[1] == metric else None


def _broken(points: Sequence[tuple[float, str, float]], plan: Plan) -> list[Point]:
    """A gap between stages, whose windows begin anew, and where nothing was measured for long."""
    if not points:
        return []
    apart = [b[0] - a[0] for a, b in pairwise(points)]
    longest = GAP * max(median(apart) if apart else 0.0, plan.interval)
    found: list[Point] = []
    for before, (at, stage, value) in zip([None, *points], points, strict=False):
        if before and (before[1] != stage or at - before[0] > longest):
            found.append(((before[0] + at) / 2, None))
        found.append((at, value))
    return found


def _limits(metric: Metric, plan: Plan, bands: Sequence[Band], end: float) -> Iterator[Limit]:
    for band in bands:
        stage = next((s for s in plan.stages if s.name == band.name), None)
        for gate in stage.gates if stage else ():
            if gate.metric == metric.name:
                yield Limit("gate", gate.threshold, band.start, band.end)
    start = bands[0].start if bands else end
    for trigger in plan.triggers:
        if trigger.metric == metric.name:
            yield Limit("trigger", trigger.threshold, start, end)


def _marks(events: Sequence[ev.Event], alerts: Sequence[Alert], start: float, end: float) -> Iterator[Mark]:
    for e in events:
        kind = MARKS.get(type(e))
        if kind == "approval" or (kind and e.at >= start):
            yield Mark(kind, max(e.at, start))
    for alert in alerts:
        if start <= alert.started_at <= end:
            yield Mark("alert", alert.started_at)
