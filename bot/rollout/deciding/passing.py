"""What people say about the work before and around the traffic: pass over a failure, tick an item. Pure."""

from __future__ import annotations

from bot.rollout import events as ev
from bot.rollout.approval import member, standing
from bot.rollout.deciding import work
from bot.rollout.evolve import evolve
from bot.rollout.intents import Override, Refusal, TickItem, refuse
from bot.rollout.model import Hold, Rollout, ServiceState, Status
from bot.rollout.plan import Plan
from bot.rollout.runbook import Phase

Decision = tuple[ev.Event, ...] | Refusal


def override(state: ServiceState, r: Rollout, i: Override, now: float, plan: Plan) -> Decision:
    """By a role, with a reason, and not by whoever started the rollout: as an approval would be."""
    held = r.hold in (Hold.PREPARATION_FAILED, Hold.STEP_FAILED) and r.work is not None
    failed = work.failing(plan, r, r.work.phase, r.work.stage) if held and r.work else ()
    if not failed:
        return refuse("nothing_to_override", rollout=r.id)
    roles = plan.runbook.override_roles or tuple(sorted({x for s in plan.stages for x in s.approval.roles}))
    if standing(i.actor, roles):
        return refuse("may_not_override", roles=", ".join(roles))
    if i.actor.user == r.initiator:
        return refuse("own_override", roles=", ".join(roles))
    if not i.reason.strip():
        return refuse("override_without_reason", names=work.names(failed))
    refs = tuple(ref for ref in failed if i.name in ("", ref.name))
    if not refs or (not i.name and len({ref.name for ref in refs}) > 1):
        return refuse("no_such_work", name=i.name, names=work.names(failed))
    passed = ev.WorkOverridden(refs, i.actor.user, i.reason.strip(), now)
    return (passed, *work.go_on(evolve(state, passed), now, plan, i.actor.user))


def tick(state: ServiceState, r: Rollout, i: TickItem, now: float, plan: Plan) -> Decision:
    items = plan.runbook.checklist
    if not items:
        return refuse("no_checklist", service=state.service)
    item = next((known for known in items if i.item in (known.name, known.title)), None)
    if item is None:
        return refuse("no_such_item", item=i.item, items=", ".join(known.name for known in items))
    if r.approval is not None:
        return refuse("checklist_over", rollout=r.id)
    if member(i.actor) or (item.owner != i.actor.user and item.owner not in i.actor.roles):
        return refuse("not_the_owner", owner=item.owner, item=item.name)
    if any(t.item == item.name for t in r.ticks) is i.ticked:
        return refuse("item_ticked_already" if i.ticked else "item_not_ticked", item=item.name)
    ticked = ev.ItemTicked(item.name, i.actor.user, i.ticked, now)
    return (ticked, *work.then(evolve(state, ticked), now, plan))


def replan(state: ServiceState, r: Rollout, now: float, plan: Plan) -> tuple[ev.Event, ...]:
    """Nothing was approved yet: the new plan's checks are simply the ones to be done."""
    changed = ev.PlanChanged(r.plan_hash, plan.hash, now)
    after = evolve(state, changed)
    return (changed, *work.then(after, now, plan))


def busy(r: Rollout) -> Phase | None:
    """The phase whose steps must be over before a person goes on, or before another rollout begins."""
    if r.work is None or r.work.finished or (r.active and r.status is not Status.PASSED):
        return None
    if r.active:
        return r.work.phase if r.work.running else None
    closing = r.work.phase in (*work.BACK, Phase.AFTER_COMPLETION)
    return r.work.phase if closing or (r.work.running and r.work.phase in work.CHANGING) else None
