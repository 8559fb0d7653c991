"""Judging measurements: pure. Readings in, a new Board out; what follows from it is `decide`'s.

The rule all of this serves (DESIGN §6.4): a gate passes only on data measured over its whole bake with enough samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bot.rollout import share
from bot.rollout.model import Board, GateResult, Rollout, TriggerResult, Verdict
from bot.rollout.plan import Condition, Metric, Plan, Pool, Stage
from bot.rollout.promql import fill


@dataclass(frozen=True, slots=True)
class Need:
    """One value wanted: a metric of a pool over the last `window` seconds."""

    metric: str
    pool: Pool
    window: float
    promql: str


@dataclass(frozen=True, slots=True)
class Value:
    """What came back. None without error = an answer with nothing in it."""

    value: float | None = None
    error: str = ""


Values = Mapping[Need, Value]
NOTHING = Value(None, "")


def gate_window(plan: Plan, board: Board, now: float) -> float:
    """Seconds a gate looks back: its bake so far, but never less than rate() needs to say anything."""
    return float(round(max(now - board.started_at, 4 * plan.interval, 4.0)))


def needs(plan: Plan, rollout: Rollout, stage: Stage, board: Board, now: float) -> tuple[Need, ...]:
    """Every value one evaluation wants, each once."""
    found: dict[tuple[str, Pool, float], Need] = {}

    def want(metric: Metric, pool: Pool, window: float) -> None:
        if (metric.name, pool, window) not in found:
            version = rollout.version if pool == "canary" else rollout.stable_version
            instances = rollout.canary if pool == "canary" else rollout.stable
            promql = fill(
                metric.query, service=plan.service, version=version, pool=pool, instances=instances, window=window
            )
            found[metric.name, pool, window] = Need(metric.name, pool, window, promql)

    whole = gate_window(plan, board, now)
    for gate in stage.gates:
        metric = plan.metric(gate.metric)
        want(metric, "canary", whole)
        if metric.per_pool:
            want(metric, "stable", whole)
        if metric.samples:
            want(plan.metric(metric.samples), "canary", whole)
    for trigger in plan.triggers:
        metric = plan.metric(trigger.metric)
        want(metric, "canary", trigger.window)
        if metric.samples:
            want(plan.metric(metric.samples), "canary", trigger.window)
    requests = next((m for m in plan.metrics if m.name == share.metric_of(plan) and m.per_pool), None)
    if requests:
        want(requests, "canary", whole)
        want(requests, "stable", whole)
    return tuple(found.values())


Look = Callable[[str, Pool, float], Value]


def _look(values: Values) -> Look:
    table = {(n.metric, n.pool, n.window): _sound(v) for n, v in values.items()}
    return lambda metric, pool, window: table.get((metric, pool, window), Value(None, "not measured"))


def _sound(got: Value) -> Value:
    """NaN and infinity are not values (NaN is `!=` every threshold), nor is what comes with an error."""
    return got if got.value is None or (math.isfinite(got.value) and not got.error) else Value(None, got.error)


def _asked_window(plan: Plan, values: Values, window: float) -> float:
    """The gates' window as it was asked for: while Prometheus answers, the bake grows and its window with it."""
    asked = {need.window for need in values}
    own = asked - {t.window for t in plan.triggers}
    return max(own or {w for w in asked if w <= window}, default=window)


def judge(plan: Plan, stage: Stage, board: Board, values: Values, now: float, *, counting: bool) -> Board:
    """The next board. `counting`: whether time measured now counts towards the bake (not while paused or drifted)."""
    look = _look(values)
    window = _asked_window(plan, values, gate_window(plan, board, now))
    gates = tuple(_gate(plan, stage, g, _before(board, g), look, window) for g in stage.gates)
    triggers = tuple(_trigger(plan, t, _held(board, t), look, now) for t in plan.triggers)
    measured = _measured(plan, look, window)
    waits = share.awaited(plan, stage, board)
    blind = any(g.verdict is Verdict.BLIND for g in gates) or any(t.error for t in triggers)
    blind = blind or (waits and bool(measured.error))
    empty = any(g.canary is None for g in gates)
    # The first evaluation speaks for one interval; after a gap (restart, outage) only one interval is known measured.
    past = now - (board.started_at if board.last_at is None else board.last_at)
    since = min(past, 2 * plan.interval)
    judged = replace(
        board,
        baked=board.baked + (since if counting and not blind and not empty else 0.0),
        last_at=now,
        blind_since=(now if board.blind_since is None else board.blind_since) if blind else None,
        blind_total=board.blind_total + (past if blind else 0.0),
        idle_total=board.idle_total + (0.0 if blind else past - since if counting else past),
        gates=gates,
        triggers=triggers,
        share=measured.share if measured.share is not None else board.share,
        share_requests=measured.requests if measured.share is not None else board.share_requests,
        share_error=measured.error,
    )
    if not waits:
        return judged
    return _await(judged, counting and not blind and share.settled(plan, stage, measured), now)


def _await(judged: Board, settled: bool, now: float) -> Board:
    """Nothing counts before the canary gets its share; once it does, the bake and its window begin then."""
    gates = tuple(
        g if g.verdict is Verdict.BLIND else replace(g, verdict=Verdict.NOT_ENOUGH_DATA, readings=0)
        for g in judged.gates
    )
    judged = replace(judged, baked=0.0, gates=gates)
    if not settled:
        return judged
    return replace(judged, settled_at=now, started_at=now, blind_total=0.0, idle_total=0.0)


def _before(board: Board, gate: Condition) -> GateResult | None:
    return next((g for g in board.gates if g.text == gate.text), None)


def _held(board: Board, trigger: Condition) -> float | None:
    return next((t.holding_since for t in board.triggers if t.text == trigger.text), None)


def _gate(
    plan: Plan, stage: Stage, gate: Condition, before: GateResult | None, look: Look, window: float
) -> GateResult:
    metric = plan.metric(gate.metric)
    canary = look(metric.name, "canary", window)
    stable = look(metric.name, "stable", window) if metric.per_pool else NOTHING
    counted = look(metric.samples, "canary", window) if metric.samples else None
    error = canary.error or (counted.error if counted else "")
    readings = (before.readings if before else 0) + (canary.value is not None and not error)
    result = GateResult(
        gate.text, gate.metric, Verdict.BLIND, canary.value, stable.value, counted.value if counted else None, readings
    )
    if error:
        return replace(result, canary=None, error=error)
    return replace(result, verdict=_verdict(stage, metric, gate, canary.value, counted, readings))


def _verdict(
    stage: Stage, metric: Metric, gate: Condition, value: float | None, counted: Value | None, readings: int
) -> Verdict:
    least = stage.min_samples if metric.min_samples is None else metric.min_samples
    if value is None or readings < stage.min_readings:
        return Verdict.NOT_ENOUGH_DATA
    if counted is not None and (counted.value is None or counted.value < least):
        return Verdict.NOT_ENOUGH_DATA
    return Verdict.PASS if gate.holds(value) else Verdict.FAIL


def _trigger(plan: Plan, trigger: Condition, since: float | None, look: Look, now: float) -> TriggerResult:
    metric = plan.metric(trigger.metric)
    got = look(metric.name, "canary", trigger.window)
    counted = look(metric.samples, "canary", trigger.window) if metric.samples else None
    result = TriggerResult(trigger.text, trigger.metric, got.value, counted.value if counted else None, since)
    error = got.error or (counted.error if counted else "")
    if error:  # also where only the samples cannot be read: a trigger that cannot judge must not look as if it could
        return replace(result, value=None, error=error)
    least = plan.trigger_min_samples
    if metric.min_samples is not None:
        least = min(least, metric.min_samples)
    if got.value is None or (counted is not None and (counted.value is None or counted.value < least)):
        # No reading neither trips a trigger nor clears one that was holding: the next real reading decides.
        return result
    if not trigger.holds(got.value):
        return replace(result, holding_since=None)
    since = now if since is None else since
    return replace(result, holding_since=since, tripped=now - since >= trigger.hold_for)


def _measured(plan: Plan, look: Look, window: float) -> share.Measured:
    metric = share.metric_of(plan)
    canary, stable = look(metric, "canary", window), look(metric, "stable", window)
    if plan.share and (canary.error or stable.error):
        return share.Measured(error=canary.error or stable.error)
    read = [pool.value for pool in (canary, stable) if pool.value is not None]
    if len(read) < (1 if plan.share else 2):
        return share.Measured()
    # A pool that nobody asked has no series in a log's metrics: one that is missing is one without requests.
    requests = sum(read)
    return share.Measured(100.0 * (canary.value or 0.0) / requests, requests) if requests > 0 else share.Measured()


def tripped(board: Board) -> TriggerResult | None:
    return next((t for t in board.triggers if t.tripped), None)


def conclusion(board: Board, stage: Stage) -> Verdict | None:
    """What the bake comes to: None = not over. The worst verdict of all gates, blind before the others.

    Over = measured for the whole bake. A stage without gates is over by measured time alone.
    """
    if board.last_at is None or board.blind_since is not None:
        return Verdict.BLIND if board.blind_since is not None else None
    if board.baked + 1e-6 < stage.bake:
        return None
    verdicts = {g.verdict for g in board.gates}
    for worst in (Verdict.FAIL, Verdict.BLIND, Verdict.NOT_ENOUGH_DATA):
        if worst in verdicts:
            return worst
    measured = {g.text for g in board.gates}  # and what steps of the bake came to
    return Verdict.PASS if all(g.text in measured for g in stage.gates) else Verdict.NOT_ENOUGH_DATA


def spent(board: Board, now: float) -> float:
    """Seconds of max_bake used up: neither blind time counts against it nor time in which nobody meant to measure."""
    return now - board.started_at - board.blind_total - board.idle_total


def overdue(board: Board, stage: Stage, now: float) -> bool:
    """Whether max_bake is used up."""
    return spent(board, now) >= stage.max_bake


def left(board: Board, stage: Stage) -> float:
    """Seconds of measured time the bake still wants."""
    return max(0.0, stage.bake - board.baked)
