"""The gradual way back, for a person and a version that is not broken: step by step, then a rollback like any other.

Whatever goes wrong on the way, and whoever wants it faster, turns it into that rollback at once.
"""

from __future__ import annotations

from bot.rollout import events as ev
from bot.rollout.deciding.boards import roll_back
from bot.rollout.intents import Refusal, ReportShift, RollBack, refuse
from bot.rollout.model import Rollout, ServiceState, Status, StepDown
from bot.rollout.plan import Plan

FROM = frozenset({Status.BAKING, Status.PASSED, Status.HELD, Status.AWAITING_APPROVAL, Status.WATCHING})


def begin(state: ServiceState, intent: RollBack, now: float, plan: Plan) -> tuple[ev.Event, ...] | Refusal:
    r, actor = state.active, intent.actor
    if r is None:
        return refuse("nothing_to_step_down", service=state.service)
    if r.status in (Status.ROLLING_BACK, Status.STEPPING_DOWN):
        stepping = r.status is Status.STEPPING_DOWN
        return refuse("stepping_down_already" if stepping else "rolling_back_already", version=r.stable_version)
    if actor.known and (actor.bot or actor.deactivated or actor.external):
        return refuse("may_not_roll_back")
    if plan.step_down is None:
        return refuse("no_step_down", service=state.service)
    if not intent.reason.strip():
        return refuse("step_down_without_reason", service=state.service)
    if r.status not in FROM or not r.live_stage or r.drift or r.plan_hash != plan.hash:
        return refuse("cannot_step_down", service=state.service)
    record = r.record(r.live_stage)
    steps = tuple(step for step in plan.step_down.steps if record and step < record.weight)
    if not steps:
        return roll_back(state, r, actor.user, intent.reason, None, now)
    return (_order(state, r, StepDown(actor.user, intent.reason, now, steps, plan.step_down.every, 100.0, 0), now),)


def report(state: ServiceState, r: Rollout, report: ReportShift, now: float) -> tuple[ev.Event, ...]:
    down = r.step_down
    if down is None or down.done_at is not None or report.generation != r.generation:
        return ()
    if not report.ok:
        return roll_back(state, r, down.by, down.reason, None, now)
    weight = down.steps[down.step - 1]
    return (ev.StepDownDone(report.generation, weight, down.step, report.hosts, report.duration, now),)


def tick(state: ServiceState, r: Rollout, now: float) -> tuple[ev.Event, ...]:
    down = r.step_down
    if down is None or down.done_at is None or now < down.done_at + down.every:
        return ()
    if down.step < len(down.steps):
        return (_order(state, r, down, now),)
    return roll_back(state, r, down.by, down.reason, None, now)


def _order(state: ServiceState, r: Rollout, down: StepDown, now: float) -> ev.StepDownOrdered:
    """The step after `down.step`, above every generation there is, as every order."""
    weight, step = down.steps[down.step], down.step + 1
    return ev.StepDownOrdered(
        state.generation + 1, weight, step, down.steps, down.every, down.by, down.reason, r.live_stage, now
    )
