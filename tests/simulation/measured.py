"""What an answer of Prometheus says of a gate, as the judge reads it."""

from __future__ import annotations

import math

from bot.rollout.plan import Condition, Plan, Stage
from tests.simulation.books import Answer


def _holds(condition: Condition, value: float) -> bool:
    compare = {"<": value < condition.threshold, ">": value > condition.threshold}
    return compare[condition.op]


def _value(answer: Answer, metric: str) -> float | None:
    """The canary's over the longest window asked for; None where it is no number."""
    found = [(n.window, v) for n, v in answer.values.items() if n.metric == metric and n.pool == "canary"]
    if not found:
        return None
    value = max(found, key=lambda f: f[0])[1]
    return value.value if not value.error and value.value is not None and math.isfinite(value.value) else None


def usable(answer: Answer, gate: Condition) -> bool:
    """Whether this answer measured the gate at all."""
    return _value(answer, gate.metric) is not None


def passes(answer: Answer, plan: Plan, stage: Stage, gate: Condition) -> bool:
    value = _value(answer, gate.metric)
    samples = plan.metric(gate.metric).samples
    counted = _value(answer, samples) if samples else None
    enough = samples is None or (counted is not None and counted >= stage.min_samples)
    return value is not None and _holds(gate, value) and enough
