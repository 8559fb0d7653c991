"""What the fleet reports back, and what a person answers to drift."""

from __future__ import annotations

from bot.rollout import events as ev
from bot.rollout.deciding.common import order_shift
from bot.rollout.intents import (
    AnswerDrift,
    Refusal,
    ReportCaughtUp,
    ReportFleet,
    ReportRollback,
    ReportShift,
    refuse,
)
from bot.rollout.model import DriftedHost, Rollout, ServiceState, Status
from bot.rollout.plan import Plan

MOVING = (Status.SHIFTING, Status.STEPPING_DOWN, Status.ROLLING_BACK)  # the hosts are not all as last read back
RESTORABLE = (Status.BAKING, Status.HELD, Status.PASSED, Status.AWAITING_APPROVAL, Status.WATCHING)


def shift(r: Rollout, report: ReportShift, now: float) -> tuple[ev.Event, ...]:
    if r.status is not Status.SHIFTING or (report.generation, report.wave) != (r.generation, r.wave) or r.baking_wave:
        return ()  # superseded: a rollback or a newer order owns the hosts now
    if report.ok and r.wave < len(r.waves):
        return (ev.WaveDone(r.stage, report.generation, r.wave, len(r.waves), report.hosts, report.duration, now),)
    if report.ok:
        return (ev.ShiftDone(r.stage, report.generation, report.hosts, report.duration, now, report.left_out),)
    return (ev.ShiftFailed(r.stage, report.generation, report.outcome, report.failed, now),)


def caught_up(r: Rollout | None, report: ReportCaughtUp, now: float) -> tuple[ev.Event, ...]:
    """Of the last rollout, under way or not: what it left out is its own."""
    if r is None or report.generation != r.live_generation:
        return ()
    hosts = tuple(host for host in r.left_out if host in report.hosts)
    return (ev.HostsCaughtUp(report.generation, hosts, now),) if hosts else ()


def rollback(r: Rollout, report: ReportRollback, now: float) -> tuple[ev.Event, ...]:
    if r.status is not Status.ROLLING_BACK or report.generation != r.generation or r.rollback is None:
        return ()
    pending = tuple(host for host, _ in report.pending)
    changed = set(report.restored) - set(r.rollback.restored) or pending != r.rollback.pending
    restored = ev.HostsRestored(report.generation, report.restored, report.pending, report.duration, now)
    events: tuple[ev.Event, ...] = (restored,) if changed else ()
    return events if pending else (*events, ev.RolledBack(r.id, report.generation, now))


def fleet(state: ServiceState, report: ReportFleet, now: float) -> tuple[ev.Event, ...]:
    seen: tuple[ev.Event, ...] = ()
    if report.highest_generation > state.generation:
        seen = (ev.GenerationSeen(report.highest_generation, now),)
    r = state.active
    if r and r.rollback and r.status is Status.ROLLING_BACK and report.highest_generation > r.generation:
        # That host refuses the rollback for ever, its file being newer than the order: order again, above it.
        generation = max(state.generation, report.highest_generation) + 1
        was = r.rollback
        return (*seen, ev.RollbackOrdered(generation, was.by, was.reason, was.trigger, r.stage, now))
    if r is None or not r.live_generation or r.status in MOVING:
        return seen
    if report.for_generation != state.live_generation:
        return seen  # read before a shift that has come since
    kept = dict(r.adopted)
    # A host that is silent now is not mended by that.
    still = tuple(d for d in r.drift if d.host in report.unread)
    fresh = tuple(d for d in report.drift if kept.get(d.host) != d.digest)
    drift = tuple(sorted((*fresh, *still), key=lambda d: d.host))
    if drift and drift != r.drift:
        return (*seen, ev.DriftFound(drift, now))
    down = tuple(d.host for d in r.drift if d.host in report.down)
    return (*seen, ev.DriftGone(now, down)) if r.drift and not drift else seen


def answer_drift(
    state: ServiceState, r: Rollout, intent: AnswerDrift, now: float, plan: Plan
) -> tuple[ev.Event, ...] | Refusal:
    if not r.drift:
        return refuse("no_drift", rollout=r.id)
    record = r.record(r.live_stage)
    allowed = record.weight if record else 0.0
    if intent.choice == "adopt":
        above = [d.host for d in r.drift if not _adoptable(d, allowed)]
        if above:
            return refuse("drift_above_approved", hosts=", ".join(above), weight=f"{allowed:g}")
        return (ev.DriftAdopted(r.drift, intent.actor.user, now),)
    if r.paused_by:
        return refuse("paused", rollout=r.id, by=r.paused_by)
    stage = next((s for s in plan.stages if s.name == r.live_stage), None)
    if stage is None or r.plan_hash != plan.hash or r.live_plan_hash != plan.hash:
        return refuse("cannot_restore", rollout=r.id)  # nobody approved this stage as the plan now has it
    if r.status not in RESTORABLE:
        return refuse("cannot_restore", rollout=r.id)
    order = order_shift(state, stage, "restore", intent.actor.user, now)
    approval = r.approval
    if r.status is Status.AWAITING_APPROVAL and approval and not approval.decided:
        # The evidence people were asked to judge by is no longer what runs: the stage bakes again, then asks again.
        voided = ev.ApprovalClosed(approval.stage, approval.attempt, "voided", intent.actor.user, now)
        return (voided, order)
    return (order,)


def _adoptable(drift: DriftedHost, allowed: float) -> bool:
    """A person's lower weight wins; a higher one was approved by nobody, an unknown one cannot be judged."""
    return drift.share is not None and drift.share <= allowed and bool(drift.digest)
