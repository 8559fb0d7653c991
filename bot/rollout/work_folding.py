"""apply(event, rollout) for what surrounds the traffic. Pure; a part of `evolve`."""

from __future__ import annotations

from bot.rollout import events as ev
from bot.rollout.folding import apply, recorded
from bot.rollout.model import Rollout, Status
from bot.rollout.replacing import replace
from bot.rollout.runbook import Phase
from bot.rollout.work import FollowUp, ItemTick, Overridden, ReportState, Work

# What these phases hold up; the others run beside what goes on.
HOLDS_UP = {
    Phase.PREPARE: Status.PREPARING,
    Phase.BEFORE_START: Status.PREPARING,
    Phase.BEFORE_STAGE: Status.WORKING,
    Phase.AFTER_STAGE: Status.PASSED,
    Phase.ON_PROMOTE: Status.WORKING,
}


@apply.register
def _(e: ev.WorkOrdered, r: Rollout) -> Rollout:
    goes_on = r.work is not None and (r.work.phase, r.work.stage) == (e.phase, e.stage) and not r.work.finished
    begun = r.work.begun_at if goes_on and r.work else e.at
    r = replace(r, work=Work(e.phase, e.stage, e.order, e.refs, begun_at=begun))
    status = HOLDS_UP.get(e.phase)
    if status is None or r.status is Status.WATCHING:
        return r
    return replace(r, status=status, hold=None, hold_detail="")


@apply.register
def _(e: ev.WorkDone, r: Rollout) -> Rollout:
    others = tuple(known for known in r.results if known.ref != e.result.ref)
    r = replace(r, results=(*others, replace(e.result, output="")))
    if r.work is None or r.work.order != e.order:
        return r
    running = tuple(ref for ref in r.work.running if ref != e.result.ref)
    return replace(r, work=replace(r.work, running=running))


@apply.register
def _(e: ev.WorkFinished, r: Rollout) -> Rollout:
    mine = r.work is not None and (r.work.phase, r.work.stage) == (e.phase, e.stage)
    return replace(r, work=replace(r.work, finished=True)) if mine and r.work else r


@apply.register
def _(e: ev.WorkOverridden, r: Rollout) -> Rollout:
    passed_over = tuple(Overridden(ref, e.by, e.reason, e.at) for ref in e.refs)
    r = replace(r, overridden=(*r.overridden, *passed_over))
    if r.status is Status.HELD and r.work and r.work.phase in HOLDS_UP:
        return replace(r, status=HOLDS_UP[r.work.phase], hold=None, hold_detail="")
    return r


@apply.register
def _(e: ev.ItemTicked, r: Rollout) -> Rollout:
    others = tuple(tick for tick in r.ticks if tick.item != e.item)
    return replace(r, ticks=(*others, ItemTick(e.item, e.by, e.at)) if e.ticked else others)


@apply.register
def _(e: ev.WatchLine, r: Rollout) -> Rollout:
    r = replace(r, watch_lines=e.number, watch_line_at=e.at)
    return recorded(r, r.live_stage, gates=e.gates) if e.gates else r


@apply.register
def _(e: ev.FollowUpAdded, r: Rollout) -> Rollout:
    added = FollowUp(e.id, e.text, e.owner, e.due, e.priority, e.by, e.at)
    return replace(r, follow_ups=(*r.follow_ups, added))


@apply.register
def _(e: ev.FollowUpClosed, r: Rollout) -> Rollout:
    return _follow_up(r, e.id, done_by=e.by, done_at=e.at)


@apply.register
def _(e: ev.FollowUpDue, r: Rollout) -> Rollout:
    return _follow_up(r, e.id, reminded=True)


def _follow_up(r: Rollout, id: str, **changes: object) -> Rollout:
    changed = tuple(replace(f, **changes) if f.id == id else f for f in r.follow_ups)  # type: ignore[arg-type]
    return replace(r, follow_ups=changed)


@apply.register
def _(e: ev.ReportOrdered, r: Rollout) -> Rollout:
    before = r.report
    voided = (*before.voided, *((before.edition, s) for s in before.signatures)) if before else ()
    return replace(r, report=ReportState(e.edition, e.at, voided=voided))


@apply.register
def _(e: ev.ReportPosted, r: Rollout) -> Rollout:
    return _report(r, e.edition, digest=e.digest, posted_at=e.at, reminded_at=e.at)


@apply.register
def _(e: ev.SignaturesChanged, r: Rollout) -> Rollout:
    return _report(r, e.edition, signatures=e.signatures)


@apply.register
def _(e: ev.SignOffReminded, r: Rollout) -> Rollout:
    return _report(r, e.edition, reminded_at=e.at)


@apply.register
def _(e: ev.SignedOff, r: Rollout) -> Rollout:
    return _report(r, e.edition, signed_at=e.at)


def _report(r: Rollout, edition: int, **changes: object) -> Rollout:
    if r.report is None or r.report.edition != edition:
        return r
    return replace(r, report=replace(r.report, **changes))  # type: ignore[arg-type]
