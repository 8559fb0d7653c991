"""From the reactions on an approval message to an approved, vetoed or unchanged stage (DESIGN §6.2)."""

from __future__ import annotations

from bot.rollout import events as ev
from bot.rollout.approval import Count, canonical_emoji, count
from bot.rollout.deciding import work
from bot.rollout.deciding.common import ask, order_shift
from bot.rollout.evolve import fold
from bot.rollout.intents import Refusal, ReportReactions, refuse
from bot.rollout.model import Approval, Hold, Rollout, ServiceState, Status
from bot.rollout.plan import Plan, Stage
from bot.rollout.runbook import Phase
from bot.rollout.waves import waves


def judge(
    state: ServiceState, intent: ReportReactions, now: float, plan: Plan, bot_user: str
) -> tuple[ev.Event, ...] | Refusal:
    r = state.active
    approval = r.approval if r else None
    stage = next((s for s in plan.stages if s.name == intent.stage), None)
    if stage and intent.emoji and canonical_emoji(intent.emoji) not in _spoken(stage):
        return ()
    asked = (r.id, approval.stage, approval.attempt) if r and approval else None
    if r is None or approval is None or asked != (intent.rollout, intent.stage, intent.attempt):
        return refuse("asking_over", stage=intent.stage)
    if approval.decided or r.status is not Status.AWAITING_APPROVAL:
        if intent.actor and intent.actor.user in approval.approvers:
            return ()  # their word is among those that decided it: nothing came too late
        by = ", ".join(f"<@{u}>" for u in approval.decided_by)
        return refuse("decided", stage=intent.stage, how=approval.decided, by=by)
    if now >= approval.expires_at:
        closed = ev.ApprovalClosed(approval.stage, approval.attempt, "expired", "", now)
        return (closed, ev.StageHeld(approval.stage, Hold.EXPIRED, "", (), now))
    if stage is None:
        voided = ev.ApprovalClosed(approval.stage, approval.attempt, "voided", "", now)
        gone = "the stage is no longer in the plan"
        return (voided, ev.StageHeld(approval.stage, Hold.PLAN_CHANGED, gone, (), now))
    if approval.plan_hash != plan.hash:
        voided = ev.ApprovalClosed(approval.stage, approval.attempt, "voided", "", now)
        return (ev.PlanChanged(approval.plan_hash, plan.hash, now), voided, ask(r, stage, now, plan, r.initiator))
    tally = count(stage.approval, r.initiator, bot_user, intent.reactions)
    return _refusals(approval, tally, now) + _outcome(state, r, approval, stage, tally, now, plan)


def _spoken(stage: Stage) -> tuple[str, str]:
    return canonical_emoji(stage.approval.emoji), canonical_emoji(stage.approval.veto)


def _refusals(approval: Approval, tally: Count, now: float) -> tuple[ev.Event, ...]:
    """One private sentence a person and rule, not one a click."""
    told = set(approval.told)
    fresh: list[ev.Event] = []
    for reaction, code in tally.refused:
        if (reaction.person.user, code) not in told:
            told.add((reaction.person.user, code))
            fresh.append(
                ev.ReactionRefused(approval.stage, approval.attempt, reaction.person.user, reaction.emoji, code, now)
            )
    return tuple(fresh)


def _outcome(
    state: ServiceState, r: Rollout, approval: Approval, stage: Stage, tally: Count, now: float, plan: Plan
) -> tuple[ev.Event, ...]:
    if tally.vetoers:
        closed = ev.ApprovalClosed(stage.name, approval.attempt, "vetoed", tally.vetoers[0], now)
        return (closed, ev.StageHeld(stage.name, Hold.VETOED, tally.vetoers[0], (), now))
    changed: tuple[ev.Event, ...] = ()
    if tally.approvers != approval.approvers:
        changed = (ev.ApproversChanged(stage.name, approval.attempt, tally.approvers, now),)
    if len(tally.approvers) < stage.approval.quorum or r.paused_by or r.drift:
        return changed
    approved = ev.StageApproved(stage.name, approval.attempt, tally.approvers, now)
    events = (*changed, approved)
    steps = work.begin(plan, fold(state, events).rollout or r, Phase.BEFORE_STAGE, stage.name, now)
    return (*events, *(steps or (order_shift(state, stage, "stage", tally.approvers[0], now, waves(plan)),)))
