"""A held rollout tried once more: what held it says what is done again, and who has to be asked before."""

from __future__ import annotations

from bot.rollout import events as ev
from bot.rollout.deciding import work
from bot.rollout.deciding.common import ask, order_shift, still_approved
from bot.rollout.evolve import evolve, fold
from bot.rollout.intents import Refusal, refuse
from bot.rollout.model import DriftedHost, Hold, Rollout, ServiceState, Status
from bot.rollout.plan import Plan, Stage
from bot.rollout.runbook import Phase
from bot.rollout.waves import waves


def retry(state: ServiceState, r: Rollout, now: float, plan: Plan, by: str) -> tuple[ev.Event, ...] | Refusal:
    if r.status is not Status.HELD:
        return refuse("not_held", status=r.status, stage=r.stage)
    if r.paused_by:
        return refuse("paused", rollout=r.id, by=r.paused_by)
    if r.approval is None:
        return _prepare_again(state, r, now, plan, by)
    stage = next((s for s in plan.stages if s.name == r.stage), None)
    if stage is None:
        return refuse("stage_gone", stage=r.stage)
    if r.plan_hash != plan.hash or r.hold in (Hold.VETOED, Hold.EXPIRED, Hold.PLAN_CHANGED):
        return (ask(r, stage, now, plan, by),)
    if r.hold is Hold.SHIFT_FAILED:
        if not still_approved(r, stage, plan, now):
            return (ask(r, stage, now, plan, by),)
        if any(not _left_by(r, d) for d in r.drift):
            return refuse("drifted", rollout=r.id, by="")
        return (order_shift(state, stage, "retry", by, now, waves(plan)),)
    if r.hold is Hold.STEP_FAILED:
        return _step_again(r, stage, now, plan, by)
    restarted = ev.BakeRestarted(r.stage, by, now)
    return (restarted, *work.during(evolve(state, restarted), now, plan))


def _prepare_again(state: ServiceState, r: Rollout, now: float, plan: Plan, by: str) -> tuple[ev.Event, ...] | Refusal:
    changed = (ev.PlanChanged(r.plan_hash, plan.hash, now),) if r.plan_hash != plan.hash else ()
    return (*changed, *work.retry(fold(state, changed).rollout or r, now, plan, by))


def _step_again(r: Rollout, stage: Stage, now: float, plan: Plan, by: str) -> tuple[ev.Event, ...] | Refusal:
    """Before a shift the approval must still stand; it is the shift that it is for."""
    before = r.work is not None and r.work.phase is Phase.BEFORE_STAGE
    if before and not still_approved(r, stage, plan, now):
        return (ask(r, stage, now, plan, by),)
    return work.retry(r, now, plan, by) or refuse("not_held", status=r.status, stage=r.stage)


def _left_by(r: Rollout, d: DriftedHost) -> bool:
    """Whether the host has what a shift left that failed since the last good one; anything else is a person's doing."""
    ordered = d.generation is not None and r.live_generation < d.generation <= r.generation
    return ordered and d.state in ("ok", "stale")
