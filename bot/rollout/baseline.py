"""The plan's metrics before the start and after the end, each over a window in pieces. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from bot.rollout.gate import Need, Value, Values
from bot.rollout.model import Rollout
from bot.rollout.plan import Plan, Pool
from bot.rollout.promql import fill
from bot.rollout.work import BEFORE, Figure


def times(plan: Plan, now: float) -> tuple[float, ...]:
    """When to ask, oldest first: the ends of the window's pieces. Raises AttributeError without a baseline."""
    assert plan.runbook.baseline
    piece = plan.runbook.baseline.window / plan.runbook.baseline.samples
    return tuple(now - piece * n for n in reversed(range(plan.runbook.baseline.samples)))


def needs(plan: Plan, rollout: Rollout, which: str) -> tuple[Need, ...]:
    """The gates' metrics, of whoever serves everybody: before the start the old version, after the end the new one."""
    assert plan.runbook.baseline
    window = plan.runbook.baseline.window / plan.runbook.baseline.samples
    pool: Pool = "stable" if which == BEFORE else "canary"
    version = rollout.stable_version if which == BEFORE else rollout.version
    instances = rollout.stable if which == BEFORE else rollout.canary
    names = dict.fromkeys(gate.metric for stage in plan.stages for gate in stage.gates)
    return tuple(
        Need(
            name,
            pool,
            window,
            fill(
                plan.metric(name).query,
                service=plan.service,
                version=version,
                pool=pool,
                instances=instances,
                window=window,
            ),
        )
        for name in names
    )


def figures(needs: Sequence[Need], pieces: Sequence[Values]) -> tuple[Figure, ...]:
    """A piece without a value is no piece: what was measured is what is told of, with how many there were."""
    return tuple(_figure(need, pieces) for need in needs)


def _figure(need: Need, pieces: Sequence[Mapping[Need, Value]]) -> Figure:
    read = (piece.get(need, Value()) for piece in pieces)
    values = [got.value for got in read if got.value is not None and not got.error]
    if not values:
        return Figure(need.metric, None, None, 0)
    spread = statistics.stdev(values) if len(values) > 1 else None
    return Figure(need.metric, statistics.fmean(values), spread, len(values))
