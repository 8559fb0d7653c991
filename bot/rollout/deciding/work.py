"""What is to be done next besides the traffic, and what follows once it is done. Pure.

A phase is a row of groups; the pieces of a group are done side by side, the groups one after the other. What passed is
not done again, also not when a held rollout is tried again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot.rollout import events as ev
from bot.rollout.deciding.common import advance, ask, order_shift, still_approved
from bot.rollout.evolve import evolve
from bot.rollout.intents import Refusal, ReportWork
from bot.rollout.model import Board, GateResult, Hold, Rollout, ServiceState, Status, Verdict
from bot.rollout.plan import Plan
from bot.rollout.runbook import PER_STAGE, Phase, Step
from bot.rollout.waves import waves
from bot.rollout.work import AFTER, BEFORE, TRAFFIC, Outcome, Work, WorkRef, WorkResult
from bot.rollout.work_folding import HOLDS_UP

Events = tuple[ev.Event, ...]
Groups = tuple[tuple[WorkRef, ...], ...]

BACK = (Phase.ON_ROLLBACK, Phase.AFTER_ROLLBACK, Phase.VERIFY)
# What these have begun on a machine must be over before the way back touches the same machines.
CHANGING = frozenset(Phase) - {Phase.PREPARE, Phase.DURING_STAGE}
STEP_GATE = "step:"  # before the step's name, in place of a gate's metric


def groups(plan: Plan, phase: Phase, stage: str = "") -> Groups:
    """All pieces of a phase as the plan has them, in their order."""
    book = plan.runbook
    if phase is Phase.PREPARE:
        looks = [WorkRef("check", check.name, phase) for check in book.checks]
        if book.baseline:
            looks.append(WorkRef("baseline", BEFORE, phase))
        found: list[tuple[WorkRef, ...]] = [tuple(WorkRef("backup", b.name, phase) for b in book.backups), tuple(looks)]
    elif phase is Phase.VERIFY:
        looks = [WorkRef("verify", check.name, phase) for check in book.verification]
        found = [(WorkRef("verify", TRAFFIC, phase), *looks)] if looks else []
    else:
        found = [_pieces(step, phase, stage) for step in book.steps if _belongs(step, phase, stage)]
        if phase is Phase.AFTER_COMPLETION and book.baseline:
            found.insert(0, (WorkRef("baseline", AFTER, phase),))
    return tuple(group for group in found if group)


def _belongs(step: Step, phase: Phase, stage: str) -> bool:
    return step.phase is phase and (phase not in PER_STAGE or not step.stages or stage in step.stages)


def _pieces(step: Step, phase: Phase, stage: str) -> tuple[WorkRef, ...]:
    where = stage if phase in PER_STAGE else ""
    return tuple(WorkRef("step", step.name, phase, where, machine) for machine in step.machines)


def result(r: Rollout, ref: WorkRef) -> WorkResult | None:
    """The newest that still says something: of a bake begun anew, or a way back, what was before counts no more."""
    since = 0.0
    if ref.phase is Phase.DURING_STAGE:
        since = r.bake_started_at or 0.0
    elif ref.phase in BACK and r.rollback:
        since = r.rollback.ordered_at
    return next((known for known in r.results if known.ref == ref and known.finished_at >= since), None)


def passed_over(r: Rollout, ref: WorkRef) -> bool:
    """Whether a person passed over this very failure; a newer result asks again."""
    known = result(r, ref)
    return any(o.ref == ref and (known is None or o.at >= known.finished_at) for o in r.overridden)


def failing(plan: Plan, r: Rollout, phase: Phase, stage: str = "") -> tuple[WorkRef, ...]:
    """Pieces that failed, and that nobody has passed over."""
    pieces = (ref for group in groups(plan, phase, stage) for ref in group)
    return tuple(ref for ref in pieces if (known := result(r, ref)) and not known.passed and not passed_over(r, ref))


def due(plan: Plan, r: Rollout, phase: Phase, stage: str) -> tuple[WorkRef, ...]:
    """The next group's pieces that are not over; () = none is left."""
    for group in groups(plan, phase, stage):
        wanted = tuple(ref for ref in group if not _over(r, ref))
        if wanted:
            return wanted
    return ()


def _over(r: Rollout, ref: WorkRef) -> bool:
    """What failed is over only where nothing waits for it."""
    known = result(r, ref)
    return known is not None and (known.passed or passed_over(r, ref) or ref.phase not in HOLDS_UP)


def begin(plan: Plan, r: Rollout, phase: Phase, stage: str, now: float, by: str = "") -> Events:
    """The order for what comes first in the phase; () where there is nothing to be done."""
    refs = due(plan, r, phase, stage)
    if not refs:
        return ()
    tried = any(result(r, ref) for ref in refs)
    order = r.work.order + 1 if r.work else 1
    return (ev.WorkOrdered(phase, stage if phase in PER_STAGE else "", order, refs, by, tried, now),)


def during(state: ServiceState, now: float, plan: Plan) -> Events:
    """The steps of a bake that has just begun; () where none has."""
    r = state.rollout
    if r is None or r.status is not Status.BAKING or r.bake_started_at != now:
        return ()
    return begin(plan, r, Phase.DURING_STAGE, r.live_stage, now)


def prepares(plan: Plan) -> bool:
    return bool(groups(plan, Phase.PREPARE) or groups(plan, Phase.BEFORE_START) or plan.runbook.checklist)


def report(state: ServiceState, r: Rollout, intent: ReportWork, now: float, plan: Plan) -> Events:
    """What was done is recorded whatever has come in between; what follows is only of the phase under way."""
    if intent.rollout not in ("", r.id):
        return ()  # of one that another has followed: it is no evidence for this one
    done = ev.WorkDone(intent.result, intent.order, now)
    mine = r.work is not None and r.work.order == intent.order and intent.result.ref in r.work.running
    after = evolve(state, done)
    if mine:
        return (done, *go_on(after, now, plan))
    known = result(r, intent.result.ref)
    if known is not None and known.finished_at >= intent.result.finished_at:
        return ()
    return (done, *then(after, now, plan))


def go_on(state: ServiceState, now: float, plan: Plan, by: str = "") -> Events:
    """After a group: the next one, a hold, or what comes after the phase."""
    r = state.rollout
    if r is None or r.work is None or r.work.running or r.work.finished:
        return ()
    work = r.work
    if not _in_course(r, work):
        return settle(state, now, plan)
    failed = failing(plan, r, work.phase, work.stage)
    if failed and work.phase in HOLDS_UP:
        return _hold(r, work, failed, now)
    if r.paused_by and work.phase in HOLDS_UP:
        return ()  # what runs may end; what comes next waits
    more = begin(plan, r, work.phase, work.stage, now, by)
    if more:
        return more
    finished = ev.WorkFinished(work.phase, work.stage, failed, now)
    return (finished, *then(evolve(state, finished), now, plan))


def _in_course(r: Rollout, work: Work) -> bool:
    """Whether the phase still belongs to where the rollout is."""
    if work.phase in BACK:
        return r.status in (Status.ROLLED_BACK, Status.CANCELLED)
    if work.phase is Phase.AFTER_COMPLETION:
        return r.status is Status.COMPLETED
    if work.phase is Phase.AFTER_STAGE:
        return r.status in (Status.PASSED, Status.WATCHING)
    if work.phase in HOLDS_UP:
        return r.status is HOLDS_UP[work.phase]
    return r.active and r.status is not Status.ROLLING_BACK


def _hold(r: Rollout, work: Work, failed: tuple[WorkRef, ...], now: float) -> Events:
    if r.status is Status.WATCHING:  # nothing follows that could be held up; the failure itself was told
        return (ev.WorkFinished(work.phase, work.stage, failed, now),)
    hold = Hold.PREPARATION_FAILED if work.phase is Phase.PREPARE else Hold.STEP_FAILED
    return (ev.StageHeld(r.stage, hold, names(failed), (), now),)


def names(refs: Iterable[WorkRef]) -> str:
    return ", ".join(dict.fromkeys(ref.name for ref in refs))


def then(state: ServiceState, now: float, plan: Plan) -> Events:
    """What the finished phase was in the way of. Asked again at every tick: a pause may be in the way as well."""
    r = state.rollout
    if r is None or not r.active:
        return settle(state, now, plan)
    if r.paused_by or r.plan_hash != plan.hash or (r.work and not r.work.finished):
        return ()
    if r.status is Status.PREPARING:
        return prepare(r, now, plan)
    if r.work is None:
        return ()
    match r.work.phase, r.status:
        case Phase.BEFORE_STAGE, Status.WORKING:
            return () if r.drift else _shift(state, r, now, plan)
        case Phase.ON_PROMOTE, Status.WORKING:
            return _events(advance(r, now, plan, r.initiator))
        case Phase.AFTER_STAGE, Status.PASSED if plan.promote == "auto":
            return _events(promote(r, now, plan, r.initiator))
    return ()


def _events(decided: Events | Refusal) -> Events:
    return () if isinstance(decided, Refusal) else decided


def prepare(r: Rollout, now: float, plan: Plan, by: str = "") -> Events:
    """What is left before the first asking, or that asking, once everything is done and ticked."""
    for phase in (Phase.PREPARE, Phase.BEFORE_START):
        more = begin(plan, r, phase, "", now, by)
        if more:
            return more
    ticked = {tick.item for tick in r.ticks}
    if any(item.name not in ticked for item in plan.runbook.checklist):
        return ()
    return (ask(r, plan.stages[0], now, plan, r.initiator),)


def _shift(state: ServiceState, r: Rollout, now: float, plan: Plan) -> Events:
    stage = next((s for s in plan.stages if s.name == r.stage), None)
    if stage is None or r.approval is None:
        return ()
    if not still_approved(r, stage, plan, now):
        return (ask(r, stage, now, plan, r.initiator),)
    return (order_shift(state, stage, "stage", r.approval.approvers[0], now, waves(plan)),)


def promote(r: Rollout, now: float, plan: Plan, by: str) -> Events | Refusal:
    """On the way to the next asking: the steps first."""
    return begin(plan, r, Phase.ON_PROMOTE, r.stage, now, by) or advance(r, now, plan, by)


def retry(r: Rollout, now: float, plan: Plan, by: str) -> Events:
    """What failed, once more; () where the plan no longer has it."""
    if r.approval is None:
        return prepare(r, now, plan, by)
    return begin(plan, r, r.work.phase, r.work.stage, now, by) if r.work else ()


def settle(state: ServiceState, now: float, plan: Plan) -> Events:
    """After the end: the steps of that end one phase after the other, and then the report."""
    r = state.rollout
    if r is None or r.active or r.kept_warm:
        return ()
    if r.work and r.work.running and r.work.phase in CHANGING:
        return ()  # what it reports brings the rollout here again
    phases, done = _after_the_end(r), 0
    if r.work and r.work.phase in phases and _fresh(r, r.work.begun_at):
        if not r.work.finished:
            return ()
        done = phases.index(r.work.phase) + 1
    for phase in phases[done:]:
        more = begin(plan, r, phase, "", now)
        if more:
            return more
    if plan.runbook.report is None or not phases or (r.report and _fresh(r, r.report.ordered_at)):
        return ()
    return (ev.ReportOrdered(r.id, r.report.edition + 1 if r.report else 1, now),)


def _fresh(r: Rollout, at: float) -> bool:
    """Whether it is of the end as it is now: a rollback after a completed one makes another end."""
    return r.rollback is None or at >= r.rollback.ordered_at


def _after_the_end(r: Rollout) -> tuple[Phase, ...]:
    if r.status is Status.COMPLETED:
        return (Phase.AFTER_COMPLETION,)
    if r.status is Status.ROLLED_BACK:
        return BACK
    stepped = any(known.ref.kind == "step" for known in r.results)
    return BACK[:2] if stepped else ()  # cancelled before any traffic: only what was begun is taken back


def with_steps(board: Board, plan: Plan, r: Rollout) -> Board:
    """The board with what the steps of its bake came to: rows of the same table, and as good a reason to hold."""
    return replace(board, gates=(*board.gates, *gates(plan, r)))


def gates(plan: Plan, r: Rollout) -> tuple[GateResult, ...]:
    """Each step of the bake as a row of the stage's gate table: no pass before all of its machines have passed."""
    name = r.live_stage
    found = (g for g in groups(plan, Phase.DURING_STAGE, name)) if r.status in (Status.BAKING, Status.HELD) else ()
    return tuple(_gate(plan, r, group) for group in found)


def _gate(plan: Plan, r: Rollout, group: tuple[WorkRef, ...]) -> GateResult:
    step = plan.runbook.step(Phase.DURING_STAGE, group[0].name)
    assert step is not None
    results = [result(r, ref) for ref in group]
    value = next((known.value for known in results if known and known.value is not None), None)
    text = f"{step.name} {step.must.text}" if step.must else step.name
    failed = next((known for known in results if known and not known.passed), None)
    verdict = Verdict.PASS if all(results) else Verdict.NOT_ENOUGH_DATA
    if failed:
        verdict = Verdict.BLIND if failed.outcome is Outcome.UNKNOWN else Verdict.FAIL
    return GateResult(
        text,
        f"{STEP_GATE}{step.name}",
        verdict,
        value,
        readings=sum(known is not None for known in results),
        error=failed.summary if failed else "",
        said=failed.said if failed else (),
    )
