"""The core, broken on purpose: each mutant breaks one rule of DESIGN §6, and whoever checks the rules must notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.rollout import approval, decide, gate, share
from bot.rollout import events as ev
from bot.rollout.deciding import boards, common, passing, reactions, reports, retrying, starting, stepping, work
from bot.rollout.intents import Refusal, refuse
from bot.rollout.model import ServiceState, Status, Verdict
from bot.rollout.plan import OnVerdict

Patch = Callable[[pytest.MonkeyPatch], None]


def own_approval(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reactions, "count", lambda rule, _, bot, given: approval.count(rule, "", bot, given))


def guests_count(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(approval, "member", lambda person: "")


def no_roles(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(approval, "standing", lambda person, roles: approval.member(person))


def one_is_enough(patch: pytest.MonkeyPatch) -> None:
    real = reactions._outcome

    def outcome(state: Any, r: Any, asked: Any, stage: Any, *more: Any) -> Any:
        return real(state, r, asked, replace(stage, approval=replace(stage.approval, quorum=1)), *more)

    patch.setattr(reactions, "_outcome", outcome)


def vetoes_are_ignored(patch: pytest.MonkeyPatch) -> None:
    real = approval.count
    patch.setattr(reactions, "count", lambda *given: replace(real(*given), vetoers=()))


def next_weight(patch: pytest.MonkeyPatch) -> None:
    real = common.order_shift

    def order(state: Any, stage: Any, *more: Any) -> ev.ShiftOrdered:
        return replace(real(state, stage, *more), weight=min(100.0, stage.weight * 4 + 5))

    patch.setattr(reactions, "order_shift", order)


def old_approval_for_retry(patch: pytest.MonkeyPatch) -> None:
    for module in (retrying, work):
        patch.setattr(module, "still_approved", lambda *_: True)


def restore_under_any_plan(patch: pytest.MonkeyPatch) -> None:
    real = reports.answer_drift

    def answer(state: Any, r: Any, intent: Any, now: float, plan: Any) -> Any:
        return real(state, replace(r, live_plan_hash=plan.hash, plan_hash=plan.hash), intent, now, plan)

    patch.setattr(reports, "answer_drift", answer)


def promote_shifts(patch: pytest.MonkeyPatch) -> None:
    def advance(r: Any, now: float, plan: Any, by: str) -> Any:
        following = common.next_stage(plan, r.stage)
        if following is None:
            return (ev.WatchStarted(now + plan.watch, now),)
        return (ev.ShiftOrdered(following.name, 1000 + int(now), following.weight, "stage", by, now),)

    patch.setattr(work, "advance", advance)


def same_generation(patch: pytest.MonkeyPatch) -> None:
    real = common.order_shift

    def order(state: ServiceState, *more: Any) -> ev.ShiftOrdered:
        return replace(real(state, *more), generation=max(1, state.generation))

    for module in (reactions, reports, retrying, work):
        patch.setattr(module, "order_shift", order)


def rollback_below_what_was_seen(patch: pytest.MonkeyPatch) -> None:
    def back(state: Any, r: Any, by: str, reason: str, trigger: Any, now: float) -> Any:
        return (ev.RollbackOrdered(r.generation + 1, by, reason, trigger, r.stage, now),)

    patch.setattr(boards, "roll_back", back)


def two_at_once(patch: pytest.MonkeyPatch) -> None:
    real = starting.start
    patch.setattr(starting, "start", lambda state, *more: real(replace(state, rollout=None), *more))


def no_way_back_while_paused(patch: pytest.MonkeyPatch) -> None:
    real = decide._roll_back

    def back(state: ServiceState, *more: Any) -> Any:
        paused = state.rollout is not None and state.rollout.paused_by
        return refuse("paused") if paused else real(state, *more)

    patch.setattr(decide, "_roll_back", back)


def cancel_for_rollback(patch: pytest.MonkeyPatch) -> None:
    def back(state: ServiceState, intent: Any, now: float, plan: Any) -> tuple[ev.Event, ...] | Refusal:
        r = state.active
        return refuse("no") if r is None else (ev.RolloutCancelled(r.id, intent.actor.user, "", now),)

    patch.setattr(decide, "_roll_back", back)


def too_little_passes(patch: pytest.MonkeyPatch) -> None:
    real = gate.conclusion

    def conclusion(board: Any, stage: Any) -> Verdict | None:
        found = real(board, stage)
        return Verdict.PASS if found is Verdict.NOT_ENOUGH_DATA else found

    patch.setattr(boards, "conclusion", conclusion)


def blind_passes(patch: pytest.MonkeyPatch) -> None:
    real = gate.conclusion

    def conclusion(board: Any, stage: Any) -> Verdict | None:
        found = real(replace(board, blind_since=None), stage)
        return Verdict.PASS if found is Verdict.BLIND else found

    patch.setattr(boards, "conclusion", conclusion)


def half_a_bake(patch: pytest.MonkeyPatch) -> None:
    real = gate.conclusion
    patch.setattr(boards, "conclusion", lambda board, stage: real(board, replace(stage, bake=stage.bake / 2)))


def the_clock_is_the_bake(patch: pytest.MonkeyPatch) -> None:
    """Gaps, blindness and pauses count: the board says it baked for as long as the wall clock went."""
    real = gate.judge

    def judged(plan: Any, stage: Any, board: Any, values: Any, now: float, *, counting: bool) -> Any:
        return replace(real(plan, stage, board, values, now, counting=counting), baked=now - board.started_at)

    patch.setattr(gate, "judge", judged)


def a_pause_counts(patch: pytest.MonkeyPatch) -> None:
    real = gate.judge
    patch.setattr(gate, "judge", lambda *given, counting: real(*given, counting=True))


def few_samples_will_do(patch: pytest.MonkeyPatch) -> None:
    real = gate._verdict
    patch.setattr(gate, "_verdict", lambda stage, *more: real(replace(stage, min_samples=0, min_readings=0), *more))


def any_share_will_do(patch: pytest.MonkeyPatch) -> None:
    real = share.settled
    patch.setattr(
        share, "settled", lambda plan, stage, got: real(plan, stage, replace(got, share=share.target(plan, stage)))
    )


def the_share_is_not_waited_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(share, "awaited", lambda *_: False)


def waves_follow_at_once(patch: pytest.MonkeyPatch) -> None:
    real = boards._wave
    patch.setattr(boards, "_wave", lambda r, board, *more: real(r, replace(board, baked=1e9), *more))


def waves_follow_blindly(patch: pytest.MonkeyPatch) -> None:
    real = gate.judge

    def judged(plan: Any, stage: Any, board: Any, values: Any, now: float, *, counting: bool) -> Any:
        found = real(plan, stage, board, values, now, counting=counting)
        return found if stage.gates else replace(found, baked=now - board.started_at, blind_since=None)

    patch.setattr(gate, "judge", judged)


def a_failure_passes(patch: pytest.MonkeyPatch) -> None:
    real = boards._unmet

    def unmet(state: Any, r: Any, board: Any, stage: Any, hold: Any, detail: str, policy: OnVerdict, now: float) -> Any:
        if policy is OnVerdict.HOLD:
            return (ev.StagePassed(stage.name, board.gates, board.share, board.baked, now),)
        return real(state, r, board, stage, hold, detail, policy, now)

    patch.setattr(boards, "_unmet", unmet)


def triggers_sleep_unless_baking(patch: pytest.MonkeyPatch) -> None:
    real = boards.judge

    def judge(state: Any, r: Any, board: Any, now: float, plan: Any) -> Any:
        calm = replace(board, triggers=())
        return real(state, r, board if r.status is Status.BAKING else calm, now, plan)

    patch.setattr(boards, "judge", judge)


def restoring_gives_more(patch: pytest.MonkeyPatch) -> None:
    real = common.order_shift

    def order(state: Any, stage: Any, *more: Any) -> ev.ShiftOrdered:
        return replace(real(state, stage, *more), weight=stage.weight + 1)

    patch.setattr(reports, "order_shift", order)


def down_is_up(patch: pytest.MonkeyPatch) -> None:
    real = stepping._order
    patch.setattr(stepping, "_order", lambda *given: replace(real(*given), weight=99.0))


def a_way_down_has_no_way_back(patch: pytest.MonkeyPatch) -> None:
    real = decide._roll_back

    def back(state: ServiceState, *more: Any) -> Any:
        down = state.rollout is not None and state.rollout.status is Status.STEPPING_DOWN
        return refuse("stepping_down_already") if down else real(state, *more)

    patch.setattr(decide, "_roll_back", back)


def a_failed_check_blocks_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(work, "failing", lambda *_: ())
    patch.setattr(work, "_over", lambda r, ref: work.result(r, ref) is not None)


def the_checklist_is_not_waited_for(patch: pytest.MonkeyPatch) -> None:
    real = work.prepare

    def prepare(r: Any, now: float, plan: Any, *more: Any) -> Any:
        return real(r, now, replace(plan, runbook=replace(plan.runbook, checklist=())), *more)

    patch.setattr(work, "prepare", prepare)


def anybody_passes_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(passing, "standing", lambda *_: "")


def steps_do_not_wait_for_the_traffic(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(work, "CHANGING", frozenset())


def what_passed_is_done_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(work, "_over", lambda r, ref: False)


MUTANTS: dict[str, tuple[Patch, str]] = {
    patch.__name__: (patch, rule)
    for rule, patches in {
        "1": (next_weight, restoring_gives_more, down_is_up),
        "trigger": (triggers_sleep_unless_baking,),
        "2": (
            own_approval,
            guests_count,
            no_roles,
            one_is_enough,
            vetoes_are_ignored,
            old_approval_for_retry,
            restore_under_any_plan,
            promote_shifts,
        ),
        "wave": (waves_follow_at_once, waves_follow_blindly),
        "work": (
            a_failed_check_blocks_nothing,
            the_checklist_is_not_waited_for,
            anybody_passes_over,
            steps_do_not_wait_for_the_traffic,
            what_passed_is_done_again,
        ),
        "fence": (same_generation, rollback_below_what_was_seen),
        "3": (two_at_once, no_way_back_while_paused, cancel_for_rollback, a_way_down_has_no_way_back),
        "4": (
            too_little_passes,
            blind_passes,
            half_a_bake,
            the_clock_is_the_bake,
            a_pause_counts,
            few_samples_will_do,
            any_share_will_do,
            the_share_is_not_waited_for,
            a_failure_passes,
        ),
    }.items()
    for patch in patches
}
