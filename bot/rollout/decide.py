"""decide(state, intent, now, plan) -> events, or a Refusal with its reason. Pure: the whole judgement of the bot."""

from __future__ import annotations

from functools import singledispatch

from bot.rollout import events as ev
from bot.rollout import intents as it
from bot.rollout.approval import member, standing
from bot.rollout.deciding import boards, closing, passing, reactions, reports, retrying, starting, stepping, work
from bot.rollout.deciding.common import ask
from bot.rollout.deciding.starting import refuse_behind
from bot.rollout.deciding.starting import roles_for as roles_for
from bot.rollout.deciding.starting import simulate as simulate
from bot.rollout.evolve import evolve, fold
from bot.rollout.intents import Refusal, refuse
from bot.rollout.model import Hold, Person, Rollout, ServiceState, Status
from bot.rollout.plan import Plan

Decision = tuple[ev.Event, ...] | Refusal

AFTER_THE_END = (it.AddNote, it.AddFollowUp, it.CloseFollowUp, it.ReportWork, it.Tick)  # of the last rollout too
REBAKE = frozenset({Hold.GATES_FAILED, Hold.NOT_ENOUGH_DATA})


def decide(state: ServiceState, intent: it.Intent, now: float, plan: Plan, bot_user: str = "") -> Decision:
    """Events to append (perhaps none), or why not. `plan` is the one in force; `bot_user` the bot's own user id."""
    if isinstance(intent, it.Start):
        return starting.start(state, intent, now, plan)
    if isinstance(intent, it.ReportFleet):
        return reports.fleet(state, intent, now)
    if isinstance(intent, it.ReportCaughtUp):
        return reports.caught_up(state.rollout, intent, now)
    if isinstance(intent, it.RollBack):
        return stepping.begin(state, intent, now, plan) if intent.gradual else _roll_back(state, intent, now, plan)
    if isinstance(intent, it.ReportReactions):
        return reactions.judge(state, intent, now, plan, bot_user)
    if isinstance(intent, it.NoteReport):
        return closing.posted(state, intent, now, plan)
    if isinstance(intent, it.ReportSignatures):
        return closing.signatures(state, intent, now, plan, bot_user)
    rollout = state.rollout if isinstance(intent, AFTER_THE_END) else state.active
    if rollout is None:
        return refuse("no_rollout", service=state.service)
    return _decide(intent, state, rollout, now, plan)


def may_operate(plan: Plan, rollout: Rollout, actor: Person) -> bool:
    """Starter and approvers may promote, pause, resume, retry and answer drift, unless the plan names roles."""
    roles = plan.operate_roles or tuple({role for stage in plan.stages for role in stage.approval.roles})
    if not standing(actor, roles):
        return True
    return not plan.operate_roles and actor.user == rollout.initiator and not member(actor)


def _not_allowed(plan: Plan, rollout: Rollout | None, verb: str) -> Refusal:
    roles = plan.operate_roles or tuple(sorted({r for s in plan.stages for r in s.approval.roles}))
    return refuse("not_allowed", verb=verb, roles=", ".join(roles), initiator=rollout.initiator if rollout else "")


def _outsider(actor: Person) -> Refusal | None:
    why = member(actor)
    return refuse("members_only", why=why) if why else None


def _roll_back(state: ServiceState, intent: it.RollBack, now: float, plan: Plan) -> Decision:
    rollout = state.rollout
    if rollout is None or rollout.status in (Status.ROLLED_BACK, Status.CANCELLED):
        return refuse("nothing_to_roll_back", service=state.service, version=rollout.stable_version if rollout else "")
    if rollout.status is Status.ROLLING_BACK:
        return refuse("rolling_back_already", version=rollout.stable_version)
    if intent.actor.known and (intent.actor.bot or intent.actor.deactivated or intent.actor.external):
        return refuse("may_not_roll_back")
    if not rollout.touched:
        cancelled = ev.RolloutCancelled(rollout.id, intent.actor.user, intent.reason, now)
        return (cancelled, *work.settle(evolve(state, cancelled), now, plan))
    return boards.roll_back(state, rollout, intent.actor.user, intent.reason, None, now)


@singledispatch
def _decide(intent: it.Intent, state: ServiceState, r: Rollout, now: float, plan: Plan) -> Decision:
    raise TypeError(f"no decision for {type(intent).__name__}")


@_decide.register
def _(i: it.Promote, state: ServiceState, r: Rollout, now: float, plan: Plan) -> Decision:
    if not may_operate(plan, r, i.actor):
        return _not_allowed(plan, r, "promote")
    for blocked, code in ((r.paused_by, "paused"), (r.drift, "drifted")):
        if blocked:
            return refuse(code, rollout=r.id, by=r.paused_by)
    if r.plan_hash != plan.hash:
        return refuse("plan_changed", rollout=r.id)
    match r.status:
        case Status.PASSED:
            running = passing.busy(r)
            if running:
                return refuse("steps_running", rollout=r.id, phase=running)
            return work.promote(r, now, plan, i.actor.user)
        case Status.PREPARING:
            return refuse("preparing", rollout=r.id)
        case Status.WORKING:
            return refuse("steps_running", rollout=r.id, phase=r.work.phase if r.work else "")
        case Status.AWAITING_APPROVAL:
            return refuse("awaiting_approval", stage=r.stage)
        case Status.BAKING | Status.HELD if r.live_stage == r.stage and r.hold in (None, *REBAKE):
            if not i.force_reason.strip():
                code = "held_gates" if r.status is Status.HELD else "still_baking"
                return refuse(code, stage=r.stage, detail=r.hold_detail)
            record = r.record(r.stage)
            gates = record.gates if record else ()
            forced = ev.StageForced(r.stage, i.actor.user, i.force_reason, gates, None, 0.0, now)
            advance = work.promote(r, now, plan, i.actor.user)
            return advance if isinstance(advance, Refusal) else (forced, *advance)
        case Status.HELD:
            return refuse("held", hold=r.hold or "", stage=r.stage)
    return refuse("nothing_to_promote", status=r.status, stage=r.stage)


@_decide.register
def _(i: it.Pause, state: ServiceState, r: Rollout, now: float, plan: Plan) -> Decision:
    if not may_operate(plan, r, i.actor):
        return _not_allowed(plan, r, "pause")
    if r.paused_by:
        return refuse("paused", rollout=r.id, by=r.paused_by)
    if r.status in (Status.ROLLING_BACK, Status.STEPPING_DOWN):
        return refuse("rolling_back_already", version=r.stable_version)
    return (ev.RolloutPaused(i.actor.user, i.reason, now),)


@_decide.register
def _(i: it.Resume, state: ServiceState, r: Rollout, now: float, plan: Plan) -> Decision:
    if not may_operate(plan, r, i.actor):
        return _not_allowed(plan, r, "resume")
    return (ev.RolloutResumed(i.actor.user, now),) if r.paused_by else refuse("not_paused", rollout=r.id)


@_decide.register
def _(i: it.Retry, state: ServiceState, r: Rollout, now: float, plan: Plan) -> Decision:
    if not may_operate(plan, r, i.actor):
        return _not_allowed(plan, r, "retry")
    return retrying.retry(state, r, now, plan, i.actor.user)


@_decide.register
def _(i: it.AddNote, state: ServiceState, r: Rollout, now: float, plan: Plan) -> Decision:
    text = i.text.strip()
    if not text:
        return refuse("empty_note")
    added = ev.NoteAdded(i.by or i.actor.user, text, r.stage, now, i.kind)
    return (added, *closing.edition_after_change(r, now))


@_decide.register
def _(i: it.AddFollowUp, state: ServiceState, r: Rollout, now: float, plan: Plan) -> Decision:
    return _outsider(i.actor) or closing.add_follow_up(r, i, now)


@_decide.register
def _(i: it.CloseFollowUp, state: ServiceState, r: Rollout, now: float, plan: Plan) -> Decision:
    return _outsider(i.actor) or closing.close_follow_up(state, i, now)


@_decide.register
def _(i: it.Override, state: ServiceState, r: Rollout, now: float, plan: Plan) -> Decision:
    return passing.override(state, r, i, now, plan)


@_decide.register
def _(i: it.TickItem, state: ServiceState, r: Rollout, now: float, plan: Plan) -> Decision:
    return passing.tick(state, r, i, now, plan)


@_decide.register
def _(i: it.ReportWork, state: ServiceState, r: Rollout, now: float, plan: Plan) -> Decision:
    return work.report(state, r, i, now, plan)


@_decide.register
def _(i: it.AnswerDrift, state: ServiceState, r: Rollout, now: float, plan: Plan) -> Decision:
    if not may_operate(plan, r, i.actor):
        return _not_allowed(plan, r, i.choice)
    return reports.answer_drift(state, r, i, now, plan)


@_decide.register
def _(i: it.ReportShift, state: ServiceState, r: Rollout, now: float, plan: Plan) -> Decision:
    if r.status is Status.STEPPING_DOWN:
        return stepping.report(state, r, i, now)
    shifted = reports.shift(r, i, now)
    return (*shifted, *work.during(fold(state, shifted), now, plan))


@_decide.register
def _(i: it.ReportRollback, state: ServiceState, r: Rollout, now: float, plan: Plan) -> Decision:
    back = reports.rollback(r, i, now)
    return (*back, *work.settle(fold(state, back), now, plan))


@_decide.register
def _(i: it.ReportBoard, state: ServiceState, r: Rollout, now: float, plan: Plan) -> Decision:
    return boards.judge(state, r, i.board, now, plan)


@_decide.register
def _(i: it.NotePlan, state: ServiceState, r: Rollout, now: float, plan: Plan) -> Decision:
    if r.plan_hash == plan.hash or r.status in (Status.ROLLING_BACK, Status.STEPPING_DOWN):
        return ()
    if r.approval is None:
        return passing.replan(state, r, now, plan)
    changed = ev.PlanChanged(r.plan_hash, plan.hash, now)
    stage = next((s for s in plan.stages if s.name == r.stage), None)
    if r.status is Status.AWAITING_APPROVAL and r.approval and stage:
        voided = ev.ApprovalClosed(r.approval.stage, r.approval.attempt, "voided", "", now)
        return (changed, voided, ask(r, stage, now, plan, r.initiator))
    if r.status in (Status.WATCHING, Status.HELD, Status.SHIFTING):
        return (changed,) if r.status is Status.WATCHING else ()
    held = ev.StageHeld(r.stage, Hold.PLAN_CHANGED, f"{r.plan_hash} -> {plan.hash}", (), now)
    if r.status is Status.AWAITING_APPROVAL and r.approval:
        return (ev.ApprovalClosed(r.approval.stage, r.approval.attempt, "voided", "", now), held)
    return (held,)


@_decide.register
def _(i: it.Tick, state: ServiceState, r: Rollout, now: float, plan: Plan) -> Decision:
    approval = r.approval
    if r.status is Status.AWAITING_APPROVAL and approval and not approval.decided and now >= approval.expires_at:
        closed = ev.ApprovalClosed(approval.stage, approval.attempt, "expired", "", now)
        return (closed, ev.StageHeld(r.stage, Hold.EXPIRED, "", (), now))
    if r.status is Status.STEPPING_DOWN:
        return stepping.tick(state, r, now)
    over = r.status is Status.WATCHING and r.watch_until is not None and now >= r.watch_until
    if over and not i.blind and not r.paused_by and not r.drift and not refuse_behind(state, plan):
        ended: tuple[ev.Event, ...] = (ev.RolloutCompleted(r.id, r.version, now, i.gates),)
        ended = (*ended, *_release(fold(state, ended).rollout or r, now))
        return (*ended, *work.settle(fold(state, ended), now, plan))
    if not r.active and (released := _release(r, now)):
        return (*released, *work.settle(fold(state, released), now, plan))
    goes_on = work.go_on(state, now, plan) or work.then(state, now, plan) if r.active else ()
    return goes_on or closing.reminders(state, now, i.today, plan)


def _release(r: Rollout, now: float) -> tuple[ev.Event, ...]:
    """The old pool may go once it was kept warm for long enough; while a rollout runs it is the way back."""
    if not r.kept_warm or r.warm_until is None or now < r.warm_until:
        return ()
    return (ev.PoolReleased(r.id, r.stable_version, now),)
