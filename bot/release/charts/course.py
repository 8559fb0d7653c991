"""The course of a rollout as a picture: share, errors and latency of both pools, and what happened meanwhile. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.alerts.model import Alert
from bot.release.charts.model import Band, Chart, Limit, Line, Mark, MarkKind, Panel, PanelKind, Series
from bot.release.charts.readings import Readings, drawn
from bot.release.charts.thin import Point
from bot.rollout import events as ev
from bot.rollout.plan import Metric, Plan

# The order in which they are drawn, the most telling last.
ORDER: tuple[Line, ...] = ("ordered", "recent", "stable", "canary")
MARKS: dict[type[ev.Event], MarkKind] = {
    ev.StageApproved: "approval",
    ev.StageHeld: "hold",
    ev.StageForced: "forced",
    ev.RollbackOrdered: "rollback",
    ev.RolloutCompleted: "completed",
}


def course(
    rows: Sequence[tuple[int, ev.Event]],
    readings: Sequence[Readings],
    plan: Plan,
    alerts: Sequence[Alert],
    zone: str,
) -> Chart | None:
    """rows: (seq, event) of one rollout alone. readings: one a stage. None: nothing was measured, nothing to draw."""
    found = sorted((r for r in readings if r.lines), key=lambda r: r.starts)
    started = next((e for _, e in rows if isinstance(e, ev.RolloutStarted)), None)
    if not found or started is None:
        return None
    events = [e for _, e in rows]
    ends = [points[-1][0] for r in found for points in r.lines.values()]
    end = max([*ends, *(e.at for e in events if isinstance(e, (*MARKS, ev.RolledBack)))])
    start = min([found[0].starts, *(e.at for e in events if isinstance(e, ev.ShiftDone))])
    bands = _bands(events, end)
    panels = [Panel("share", "", "", "percent", (_ordered(bands), *_lines("share", found)))]
    for kind, metric in drawn(plan).items():
        limits = tuple(_limits(metric, plan, bands, end))
        panels.append(Panel(kind, metric.title, metric.name, metric.unit, tuple(_lines(kind, found)), limits))
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


def _lines(kind: PanelKind, found: Sequence[Readings]) -> Iterator[Series]:
    """The stages' pieces of each line, with a gap between them: a stage's window begins anew."""
    for line in ORDER:
        pieces = [r.lines[kind, line] for r in found if (kind, line) in r.lines]
        points: list[Point] = []
        for piece in sorted(pieces):
            if points:
                points.append((piece[0][0], None))
            points += piece
        if points:
            yield Series(line, tuple(points))


def _ordered(bands: Sequence[Band]) -> Series:
    return Series("ordered", tuple((at, band.weight) for band in bands for at in (band.start, band.end)))


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
    return (
        tuple(Band(name, at, to, weight) for (at, name, weight), to in zip(turns, ends, strict=True)) if turns else ()
    )


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
