"""From measurements to what follows: pass, hold, prolong, warn, roll back."""

from __future__ import annotations

from bot.rollout import events as ev
from bot.rollout.deciding import work
from bot.rollout.deciding.common import begin_watch, next_stage
from bot.rollout.evolve import fold
from bot.rollout.gate import conclusion, overdue, spent, tripped
from bot.rollout.intents import Refusal
from bot.rollout.model import Board, Hold, Rollout, ServiceState, Status, TriggerResult, Verdict
from bot.rollout.plan import OnVerdict, Plan, Stage
from bot.rollout.runbook import Phase
from bot.rollout.share import awaited, target

UNWATCHED = frozenset({Status.ROLLING_BACK, Status.ROLLED_BACK, Status.CANCELLED, Status.COMPLETED})


def roll_back(
    state: ServiceState, r: Rollout, by: str, reason: str, trigger: TriggerResult | None, now: float
) -> tuple[ev.Event, ...]:
    return (ev.RollbackOrdered(state.generation + 1, by, reason, trigger, r.stage, now),)


def judge(state: ServiceState, r: Rollout, board: Board, now: float, plan: Plan) -> tuple[ev.Event, ...]:
    """`board` is the judged one, about to be stored; only what changed becomes an event."""
    name, generation = r.watched
    if r.status in UNWATCHED or not generation or board.generation != generation:
        return ()
    trigger = tripped(board)
    if trigger:
        return roll_back(state, r, "trigger", trigger.text, trigger, now)
    sight = _sight(r, board, now, plan)
    if r.baking_wave:
        return sight + _wave(r, board, now, plan)
    stage = next((s for s in plan.stages if s.name == name), None)
    if r.status is Status.WATCHING and stage and r.plan_hash == plan.hash:
        return sight + _verdicts(r, board, now) + _watch_line(r, board, now, plan)
    if r.status is not Status.BAKING or stage is None or r.plan_hash != plan.hash:
        return sight
    if r.bake_started_at is not None and board.started_at < r.bake_started_at:
        return sight  # judged before the bake was started anew: its baked time belongs to the bake that ended
    told = sight + _share(r, board, stage, now, plan) + _verdicts(r, board, now)
    return told + _end(state, r, board, stage, now, plan)


def _watch_line(r: Rollout, board: Board, now: float, plan: Plan) -> tuple[ev.Event, ...]:
    """What the watch shows, at its interval; after a pause of the bot one line, not one for each that was missed."""
    if r.watch_until is None or r.paused_by:
        return ()
    left = r.watch_until - now
    if left <= 0 or now < (r.watch_line_at or r.watch_until - plan.watch) + plan.runbook.watch_every:
        return ()
    return (ev.WatchLine(r.watch_lines + 1, board.gates, board.triggers, board.share, left, now),)


def _wave(r: Rollout, board: Board, now: float, plan: Plan) -> tuple[ev.Event, ...]:
    """The next wave follows once this one was watched for long enough, with open eyes. No gate is asked.

    After a change of the plan it is ordered at once: the executor refuses it, and takes the earlier waves back.
    """
    if r.paused_by or r.wave_at is None or board.started_at < r.wave_at:
        return ()
    watched = board.blind_since is None and board.baked + 1e-6 >= plan.fleet.wave_bake
    if not watched and r.plan_hash == plan.hash:
        return ()
    return (ev.WaveOrdered(r.stage, r.generation, r.wave + 1, now),)


def _sight(r: Rollout, board: Board, now: float, plan: Plan) -> tuple[ev.Event, ...]:
    if board.blind_since is not None:
        if not r.blind_told and now - board.blind_since >= plan.blind_warning:
            errors = [*(g.error for g in board.gates), *(t.error for t in board.triggers), board.share_error]
            error = next((e for e in errors if e), "")
            return (ev.SightLost(r.watched[0], board.blind_since, error, now),)
        return ()
    return (ev.SightRegained(r.watched[0], board.blind_total, now),) if r.blind_told else ()


def _share(r: Rollout, board: Board, stage: Stage, now: float, plan: Plan) -> tuple[ev.Event, ...]:
    """Told once that the canary does not get its share, and once that it does: from then on time counts."""
    aim = target(plan, stage)
    if plan.share is None or aim is None:
        return ()
    requests = board.share_requests or 0.0
    if board.settled_at is not None and board.share is not None:
        return () if r.share == "settled" else (ev.ShareSettled(stage.name, board.share, aim, requests, now),)
    if r.share or spent(board, now) < plan.share.warn_after:
        return ()
    return (ev.ShareAstray(stage.name, board.share, aim, requests, board.started_at, now),)


def _verdicts(r: Rollout, board: Board, now: float) -> tuple[ev.Event, ...]:
    """Changes against what the log last said of each gate: the record holds the last told row."""
    record = r.record(r.live_stage)
    known = {g.text: g.verdict for g in record.gates} if record else {}
    return tuple(
        ev.VerdictChanged(r.live_stage, gate, known.get(gate.text), now)
        for gate in board.gates
        if gate.verdict is not known.get(gate.text, Verdict.NOT_ENOUGH_DATA)
    )


def _end(state: ServiceState, r: Rollout, board: Board, stage: Stage, now: float, plan: Plan) -> tuple[ev.Event, ...]:
    if r.paused_by or r.drift:
        return ()
    worst = conclusion(board, stage)
    if worst is Verdict.PASS:
        passed = ev.StagePassed(stage.name, board.gates, board.share, board.baked, now)
        return (passed, *_after_pass(fold(state, (passed,)).rollout or r, stage, now, plan))
    if worst is Verdict.FAIL:
        failed = ", ".join(g.text for g in board.gates if g.verdict is Verdict.FAIL)
        return _unmet(state, r, board, stage, Hold.GATES_FAILED, failed, stage.on_fail, now)
    if worst is Verdict.BLIND and stage.on_blind is OnVerdict.ROLLBACK and r.blind_told:
        return roll_back(state, r, "policy", "blind", None, now)
    unknown = ", ".join(g.text for g in board.gates if g.verdict is Verdict.BLIND)
    if worst is Verdict.BLIND and board.blind_since is None and unknown:  # a step's end, which no waiting makes known
        return _unmet(state, r, board, stage, Hold.NOT_ENOUGH_DATA, unknown, stage.on_not_enough_data, now)
    if worst is Verdict.BLIND:
        return ()
    waits = awaited(plan, stage, board)
    if overdue(board, stage, now):
        return _overdue(state, r, board, stage, now, f"{_astray(board)} of {stage.weight:g} %" if waits else "")
    if not r.prolonged and not waits and spent(board, now) >= stage.bake + 2 * plan.interval:
        return (ev.BakeProlonged(stage.name, now - spent(board, now) + stage.max_bake, now),)
    return ()


def _astray(board: Board) -> str:
    return "share not measured" if board.share is None else f"share {board.share:.2f} %"


def _overdue(
    state: ServiceState, r: Rollout, board: Board, stage: Stage, now: float, astray: str
) -> tuple[ev.Event, ...]:
    """A gate that failed on enough data has failed, whatever another one still lacks.

    astray: what the share was, where it never came to its target and so no gate was judged.
    """
    failed = ", ".join(g.text for g in board.gates if g.verdict is Verdict.FAIL)
    if failed:
        return _unmet(state, r, board, stage, Hold.GATES_FAILED, failed, stage.on_fail, now)
    lacking = ", ".join(g.text for g in board.gates if g.verdict is not Verdict.PASS)
    detail = astray or lacking or f"measured for {board.baked:.0f} s of {stage.bake:.0f} s"
    return _unmet(state, r, board, stage, Hold.NOT_ENOUGH_DATA, detail, stage.on_not_enough_data, now)


def _after_pass(r: Rollout, stage: Stage, now: float, plan: Plan) -> tuple[ev.Event, ...]:
    """The stage's last steps; after the last stage they run beside the watch."""
    steps = work.begin(plan, r, Phase.AFTER_STAGE, stage.name, now)
    if next_stage(plan, stage.name) is None:
        return (begin_watch(now, plan), *steps)
    if steps or plan.promote != "auto":
        return steps
    onward = work.promote(r, now, plan, r.initiator)
    return () if isinstance(onward, Refusal) else onward


def _unmet(
    state: ServiceState, r: Rollout, board: Board, stage: Stage, hold: Hold, detail: str, policy: OnVerdict, now: float
) -> tuple[ev.Event, ...]:
    held = ev.StageHeld(stage.name, hold, detail, board.gates, now)
    if policy is OnVerdict.ROLLBACK:
        return (held, *roll_back(state, r, "policy", detail, None, now))
    return (held,)
