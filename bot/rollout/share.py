"""The measured share: whether the canary gets what was approved, before anything measured on it counts. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bot.rollout.model import Board
from bot.rollout.plan import Plan, Stage

REQUESTS = "requests"  # the metric that, where a plan has it and names no other, gives the share on the card
Z = 3.2905  # two-sided 99.9 % of the normal distribution
LEAST = 20.0  # requests the canary should have got; with fewer, chance explains almost any share


@dataclass(frozen=True, slots=True)
class Measured:
    """share: percent of all requests that the canary got; None = nothing to divide. requests: of both pools."""

    share: float | None = None
    requests: float = 0.0
    error: str = ""


def metric_of(plan: Plan) -> str:
    return plan.share.metric if plan.share else REQUESTS


def target(plan: Plan, stage: Stage) -> float | None:
    """Percent the canary should get; None where the plan does not measure it, or an audience alone gets the canary."""
    return stage.weight if plan.share is not None and stage.weight > 0 else None


def awaited(plan: Plan, stage: Stage, board: Board) -> bool:
    """Whether nothing counts yet, because the share has not come to its target in this bake."""
    return target(plan, stage) is not None and board.settled_at is None


def settled(plan: Plan, stage: Stage, measured: Measured) -> bool:
    """Whether the share is what it should be: by chance alone in 99.9 % of cases, or within the plan's tolerance.

    The tolerance never exceeds half the target: at 1 % nothing is not about 1 %.
    """
    aim = target(plan, stage)
    if plan.share is None or aim is None or measured.share is None or measured.requests * aim / 100 < LEAST:
        return False
    p = aim / 100
    chance = 100 * Z * math.sqrt(p * (1 - p) / measured.requests)
    return abs(measured.share - aim) <= max(chance, min(plan.share.tolerance, aim / 2))
