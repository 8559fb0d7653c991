"""Orders that several decisions give."""

from __future__ import annotations

from typing import Literal

from bot.rollout import events as ev
from bot.rollout.model import Rollout, ServiceState
from bot.rollout.plan import Plan, Stage


def next_stage(plan: Plan, name: str) -> Stage | None:
    names = [s.name for s in plan.stages]
    after = names.index(name) + 1 if name in names else len(names)
    return plan.stages[after] if after < len(names) else None


def ask(rollout: Rollout | None, stage: Stage, now: float, plan: Plan, by: str) -> ev.ApprovalAsked:
    attempt = rollout.approval.attempt + 1 if rollout and rollout.approval else 1
    return ev.ApprovalAsked(stage.name, attempt, plan.hash, now + stage.approval.expires, by, now)


def order_shift(
    state: ServiceState, stage: Stage, why: Literal["stage", "retry", "restore"], by: str, now: float
) -> ev.ShiftOrdered:
    """The generation is above every one ever ordered or seen: the fencing token of DESIGN §2."""
    drift = state.rollout.drift if state.rollout and why != "stage" else ()
    shown = tuple((d.host, d.digest) for d in drift)
    return ev.ShiftOrdered(stage.name, state.generation + 1, stage.weight, why, by, now, shown)
