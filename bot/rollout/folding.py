"""apply(event, rollout) -> rollout: what each event makes of the rollout under way. Pure; a part of `evolve`."""

from __future__ import annotations

from functools import singledispatch

from bot.rollout import events as ev
from bot.rollout.model import Approval, Hold, Rollback, Rollout, StageRecord, Status, StepDown
from bot.rollout.replacing import replace


def recorded(rollout: Rollout, stage: str, **changes: object) -> Rollout:
    """The rollout with the stage's record changed."""
    stages = tuple(replace(r, **changes) if r.name == stage else r for r in rollout.stages)  # type: ignore[arg-type]
    return replace(rollout, stages=stages)


def _known(rollout: Rollout, stage: str) -> Rollout:
    """A stage that a changed plan brought gets its place after the one before it."""
    if rollout.record(stage):
        return rollout
    names = [r.name for r in rollout.stages]
    at = names.index(rollout.stage) + 1 if rollout.stage in names else len(names)
    return replace(rollout, stages=(*rollout.stages[:at], StageRecord(stage, 0.0), *rollout.stages[at:]))


def _closed(rollout: Rollout, how: str, by: tuple[str, ...], at: float) -> Approval | None:
    if rollout.approval is None or rollout.approval.decided:
        return rollout.approval
    return replace(rollout.approval, decided=how, decided_by=by, decided_at=at)  # type: ignore[arg-type]


@singledispatch
def apply(event: ev.Event, r: Rollout) -> Rollout:
    return r


@apply.register
def _(e: ev.ApprovalAsked, r: Rollout) -> Rollout:
    approval = Approval(e.stage, e.attempt, e.plan_hash, e.at, e.expires_at)
    return replace(
        _known(r, e.stage),
        status=Status.AWAITING_APPROVAL,
        stage=e.stage,
        approval=approval,
        plan_hash=e.plan_hash,
        hold=None,
        hold_detail="",
    )


@apply.register
def _(e: ev.ApproversChanged, r: Rollout) -> Rollout:
    return replace(r, approval=replace(r.approval, approvers=e.approvers)) if r.approval else r


@apply.register
def _(e: ev.ReactionRefused, r: Rollout) -> Rollout:
    return replace(r, approval=replace(r.approval, told=(*r.approval.told, (e.user, e.code)))) if r.approval else r


@apply.register
def _(e: ev.StageApproved, r: Rollout) -> Rollout:
    approval = _closed(r, "approved", e.approvers, e.at)
    if approval:
        approval = replace(approval, approvers=e.approvers)
    return recorded(replace(r, approval=approval), e.stage, approvers=e.approvers, approved_at=e.at)


@apply.register
def _(e: ev.ApprovalClosed, r: Rollout) -> Rollout:
    return replace(r, approval=_closed(r, e.how, (e.by,) if e.by else (), e.at))


@apply.register
def _(e: ev.ShiftOrdered, r: Rollout) -> Rollout:
    return replace(
        recorded(r, e.stage, weight=e.weight),  # as approved now, not as the plan had it at the start
        status=Status.SHIFTING,
        stage=e.stage,
        generation=e.generation,
        hold=None,
        hold_detail="",
        drift=(),
        waves=e.waves,
        wave=1 if e.waves else 0,
        waved=0,
        wave_at=None,
        overwrite=e.why != "stage",
        answered=e.answered,
    )


@apply.register
def _(e: ev.WaveDone, r: Rollout) -> Rollout:
    return replace(r, waved=e.wave, wave_at=e.at, blind_told=False)


@apply.register
def _(e: ev.WaveOrdered, r: Rollout) -> Rollout:
    return replace(r, wave=e.wave)


def _unwaved(r: Rollout) -> Rollout:
    return replace(r, waves=(), wave=0, waved=0, wave_at=None)


@apply.register
def _(e: ev.ShiftDone, r: Rollout) -> Rollout:
    r = replace(
        _unwaved(r),
        adopted=(),
        status=Status.BAKING,
        live_generation=e.generation,
        live_stage=e.stage,
        live_plan_hash=r.plan_hash,
        bake_started_at=e.at,
        prolonged=False,
        blind_told=False,
        share="",
        left_out=tuple(host for host, _ in e.left_out),
    )
    return recorded(r, e.stage, shifted_at=e.at)


@apply.register
def _(e: ev.HostsCaughtUp, r: Rollout) -> Rollout:
    return replace(r, left_out=tuple(host for host in r.left_out if host not in e.hosts))


@apply.register
def _(e: ev.ShiftFailed, r: Rollout) -> Rollout:
    detail = "; ".join(f"{host}: {error}" for host, error in e.failed) or e.outcome
    named = tuple(host for host, _ in e.failed if host)
    return replace(_unwaved(r), status=Status.HELD, hold=Hold.SHIFT_FAILED, hold_detail=detail, named=named)


@apply.register
def _(e: ev.VerdictChanged, r: Rollout) -> Rollout:
    record = r.record(e.stage)
    others = tuple(g for g in record.gates if g.text != e.gate.text) if record else ()
    return recorded(r, e.stage, gates=(*others, e.gate))


@apply.register
def _(e: ev.BakeProlonged, r: Rollout) -> Rollout:
    return replace(r, prolonged=True)


@apply.register
def _(e: ev.SightLost, r: Rollout) -> Rollout:
    return replace(r, blind_told=True)


@apply.register
def _(e: ev.SightRegained, r: Rollout) -> Rollout:
    return replace(r, blind_told=False)


@apply.register
def _(e: ev.ShareAstray, r: Rollout) -> Rollout:
    return replace(r, share="astray")


@apply.register
def _(e: ev.ShareSettled, r: Rollout) -> Rollout:
    return replace(r, share="settled")


@apply.register
def _(e: ev.StagePassed, r: Rollout) -> Rollout:
    r = replace(r, status=Status.PASSED, hold=None, hold_detail="")
    return recorded(r, e.stage, passed_at=e.at, gates=e.gates, share=e.share, baked=e.baked)


@apply.register
def _(e: ev.StageForced, r: Rollout) -> Rollout:
    r = replace(r, status=Status.PASSED, hold=None, hold_detail="")
    changes = {"gates": e.gates, "share": e.share, "baked": e.baked, "forced_by": e.by, "forced_reason": e.reason}
    return recorded(r, e.stage, **changes)


@apply.register
def _(e: ev.StageHeld, r: Rollout) -> Rollout:
    r = replace(r, status=Status.HELD, hold=e.hold, hold_detail=e.detail)
    return recorded(r, e.stage, gates=e.gates) if e.gates else r


@apply.register
def _(e: ev.BakeRestarted, r: Rollout) -> Rollout:
    r = replace(r, status=Status.BAKING, stage=e.stage, hold=None, hold_detail="")
    return replace(r, bake_started_at=e.at, prolonged=False, share="")


@apply.register
def _(e: ev.RolloutPaused, r: Rollout) -> Rollout:
    return replace(r, paused_by=e.by)


@apply.register
def _(e: ev.RolloutResumed, r: Rollout) -> Rollout:
    return replace(r, paused_by="")


@apply.register
def _(e: ev.NoteAdded, r: Rollout) -> Rollout:
    return replace(r, notes=(*r.notes, (e.by, e.text, e.at)))


@apply.register
def _(e: ev.PlanChanged, r: Rollout) -> Rollout:
    return replace(r, plan_hash=e.after)


@apply.register
def _(e: ev.DriftFound, r: Rollout) -> Rollout:
    return replace(r, drift=e.drift)


@apply.register
def _(e: ev.DriftGone, r: Rollout) -> Rollout:
    return replace(r, drift=())


@apply.register
def _(e: ev.DriftAdopted, r: Rollout) -> Rollout:
    kept = dict(r.adopted) | {d.host: d.digest for d in e.drift}
    missing = tuple(host for host in r.left_out if host not in kept)  # it stays as a person wants it
    return replace(r, drift=(), adopted=tuple(sorted(kept.items())), left_out=missing)


@apply.register
def _(e: ev.StepDownOrdered, r: Rollout) -> Rollout:
    r = replace(r, status=Status.STEPPING_DOWN, generation=e.generation)
    if e.step > 1 and r.step_down:
        return replace(r, step_down=replace(r.step_down, step=e.step, done_at=None))
    record = r.record(r.live_stage)
    down = StepDown(e.by, e.reason, e.at, e.steps, e.every, record.weight if record else 100.0)
    approval = _closed(r, "voided", (e.by,), e.at)
    r = replace(r, step_down=down, approval=approval, hold=None, hold_detail="", paused_by="")
    return replace(r, watch_until=None, warm_until=None)


@apply.register
def _(e: ev.StepDownDone, r: Rollout) -> Rollout:
    r = replace(r, live_generation=e.generation, bake_started_at=e.at, adopted=(), left_out=())
    return replace(r, step_down=replace(r.step_down, done_at=e.at, share=e.weight)) if r.step_down else r


@apply.register
def _(e: ev.RollbackOrdered, r: Rollout) -> Rollout:
    return replace(
        _unwaved(r),
        status=Status.ROLLING_BACK,
        generation=e.generation,
        approval=_closed(r, "voided", (e.by,), e.at),
        hold=None,
        hold_detail="",
        paused_by="",
        drift=(),
        watch_until=None,
        warm_until=None,
        finished_at=None,
        rollback=Rollback(e.by, e.reason, e.trigger, e.at),
    )


@apply.register
def _(e: ev.HostsRestored, r: Rollout) -> Rollout:
    if r.rollback is None:
        return r
    restored = tuple(sorted({*r.rollback.restored, *e.restored}))
    pending = tuple(host for host, _ in e.pending)
    return replace(r, rollback=replace(r.rollback, restored=restored, pending=pending, told_pending=bool(pending)))


@apply.register
def _(e: ev.RolledBack, r: Rollout) -> Rollout:
    rollback = replace(r.rollback, finished_at=e.at, pending=()) if r.rollback else None
    r = replace(r, status=Status.ROLLED_BACK, rollback=rollback, finished_at=e.at, left_out=())
    return replace(r, live_generation=e.generation, live_stage="")


@apply.register
def _(e: ev.RolloutCancelled, r: Rollout) -> Rollout:
    approval = _closed(r, "voided", (e.by,), e.at)
    return replace(r, status=Status.CANCELLED, approval=approval, finished_at=e.at, hold=None, paused_by="")


@apply.register
def _(e: ev.WatchStarted, r: Rollout) -> Rollout:
    return replace(r, status=Status.WATCHING, watch_until=e.until, warm_until=e.warm_until, released_at=None)


@apply.register
def _(e: ev.RolloutCompleted, r: Rollout) -> Rollout:
    return replace(r, status=Status.COMPLETED, finished_at=e.at, paused_by="")


@apply.register
def _(e: ev.PoolReleased, r: Rollout) -> Rollout:
    return replace(r, released_at=e.at)
