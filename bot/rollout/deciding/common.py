"""Orders that several decisions give."""

from __future__ import annotations

from typing import Literal

from bot.rollout import events as ev
from bot.rollout.intents import Refusal, refuse
from bot.rollout.model import Rollout, ServiceState
from bot.rollout.plan import Plan, Stage


def next_stage(plan: Plan, name: str) -> Stage | None:
    names = [s.name for s in plan.stages]
    after = names.index(name) + 1 if name in names else len(names)
    return plan.stages[after] if after < len(names) else None


def ask(rollout: Rollout | None, stage: Stage, now: float, plan: Plan, by: str) -> ev.ApprovalAsked:
    attempt = rollout.approval.attempt + 1 if rollout and rollout.approval else 1
    return ev.ApprovalAsked(stage.name, attempt, plan.hash, now + stage.approval.expires, by, now)


def advance(r: Rollout, now: float, plan: Plan, by: str) -> tuple[ev.Event, ...] | Refusal:
    """What comes after the rollout's stage: the next asking, or the watch."""
    if all(s.name != r.stage for s in plan.stages):
        return refuse("stage_gone", stage=r.stage)  # nothing follows what is not there; least of all the end
    following = next_stage(plan, r.stage)
    if following is None:
        return (begin_watch(now, plan),)
    return (ask(r, following, now, plan, by),)


def still_approved(r: Rollout, stage: Stage, plan: Plan, now: float) -> bool:
    """Whether the approval at hand lets this very stage of this very plan be shifted, or shifted once more."""
    a = r.approval
    return (
        a is not None
        and (a.stage, a.plan_hash, a.decided) == (stage.name, plan.hash, "approved")
        and now < a.expires_at
    )


def begin_watch(now: float, plan: Plan) -> ev.WatchStarted:
    """The triggers act on; with blue_green the old pool stays up for at least as long."""
    warm = now + max(plan.traffic.keep_warm, plan.watch) if plan.traffic.strategy == "blue_green" else None
    return ev.WatchStarted(now + plan.watch, now, warm)


def order_shift(
    state: ServiceState,
    stage: Stage,
    why: Literal["stage", "retry", "restore"],
    by: str,
    now: float,
    waves: tuple[tuple[str, ...], ...] = (),
) -> ev.ShiftOrdered:
    """The generation is above every one ever ordered or seen: the fencing token of DESIGN §2.

    waves: what goes first; none where the share was already on every host and is only put back.
    """
    drift = state.rollout.drift if state.rollout and why != "stage" else ()
    shown = tuple((d.host, d.digest) for d in drift)
    return ev.ShiftOrdered(stage.name, state.generation + 1, stage.weight, why, by, now, shown, waves)
