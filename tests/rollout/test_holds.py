"""Holds and pauses, and the way out of each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.rollout import events as ev
from bot.rollout import intents as it
from bot.rollout.effects import ReadReactions
from bot.rollout.model import Board, Hold, Status, Verdict
from bot.rollout.plan import OnVerdict
from tests.rollout.kit import (
    ANN,
    AWFUL,
    BAD,
    BEN,
    BLIND,
    FEW,
    GOOD,
    INTERVAL,
    OTHER_PLAN,
    PLAN,
    Flow,
    Reading,
    gates,
    names,
    plan,
    with_stage,
)
from tests.rollout.situations import situation


def test_failed_gates_hold_and_retry_bakes_from_nothing() -> None:
    flow = situation("held_gates")
    flow.act(it.Retry(ANN))
    assert flow.r.status is Status.BAKING
    flow.evaluate(GOOD)
    assert flow.board is not None and flow.board.baked == INTERVAL, "the old bake counts for nothing"
    flow.bake()
    assert flow.r.status is Status.PASSED


def test_a_board_from_before_the_retry_does_not_end_the_new_bake() -> None:
    """The evaluation was under way while somebody typed retry: its bake is the one that ended."""
    for reading in (GOOD, BAD):
        flow = situation("held_gates")
        old = flow.board
        assert old is not None
        flow.act(it.Retry(ANN))
        flow.later(1)
        verdict = Verdict.PASS if reading is GOOD else Verdict.FAIL
        late = replace(old, baked=600.0, last_at=flow.now, gates=tuple(replace(g, verdict=verdict) for g in old.gates))
        assert flow.act(it.ReportBoard(late)) == ()
        assert flow.r.status is Status.BAKING


def test_such_a_board_still_trips() -> None:
    flow = situation("baking")
    flow.evaluate(AWFUL)
    assert flow.r.status is Status.ROLLING_BACK
    flow = situation("held_gates")
    old = flow.board
    flow.act(it.Retry(ANN))
    assert old is not None
    bad = replace(old, triggers=tuple(replace(t, tripped=True) for t in old.triggers))
    assert names(flow.act(it.ReportBoard(bad))) == ["RollbackOrdered"]


def test_force_names_who_and_why_and_still_asks() -> None:
    for where in ("baking", "held_gates", "held_data"):
        flow = situation(where)
        flow.act(it.Promote(ANN, "the gate is wrong"))
        record = flow.r.record("few")
        assert record and (record.forced_by, record.forced_reason) == (ANN.user, "the gate is wrong")
        assert (flow.r.status, flow.r.stage) == (Status.AWAITING_APPROVAL, "some")
        assert len([e for e in flow.log if isinstance(e, ev.ShiftOrdered)]) == 2


def test_force_at_the_last_stage_begins_the_watch() -> None:
    flow = Flow().to_baking("all")
    assert names(flow.act(it.Promote(ANN, "enough"))) == ["StageForced", "WatchStarted"]
    assert flow.r.status is Status.WATCHING


def test_nothing_follows_a_stage_that_is_not_in_the_plan_least_of_all_the_end() -> None:
    flow = situation("passed")
    flow.plan = plan("a", stages=tuple(s for s in PLAN.stages if s.name != "few"))
    flow.refused(it.Promote(ANN), "stage_gone")


def test_not_enough_data_prolongs_then_holds() -> None:
    flow = Flow().to_baking("few")
    flow.bake(FEW)
    assert "BakeProlonged" in names(flow.log)
    prolonged = next(e for e in flow.log if isinstance(e, ev.BakeProlonged))
    assert flow.r.bake_started_at is not None
    assert prolonged.until == flow.r.bake_started_at + PLAN.stage("few").max_bake
    assert (flow.r.hold, flow.r.hold_detail) == (Hold.NOT_ENOUGH_DATA, "error_rate < 5%")


def test_a_gate_that_failed_has_failed_whatever_another_lacks() -> None:
    mixed = Reading(errors=8.0, users=None)
    flow = Flow().to_baking("few").bake(mixed)
    assert (flow.r.hold, flow.r.hold_detail) == (Hold.GATES_FAILED, "error_rate < 5%")
    strict = Flow(plan=with_stage(PLAN, "few", on_fail=OnVerdict.ROLLBACK)).to_baking("few").bake(mixed)
    assert strict.r.status is Status.ROLLING_BACK


@pytest.mark.parametrize("policy", list(OnVerdict))
def test_the_reason_of_an_overdue_bake_is_never_empty(policy: OnVerdict) -> None:
    """Every gate passes at this moment, but too much of the time had no data."""
    flow = Flow(plan=with_stage(PLAN, "few", on_not_enough_data=policy)).to_baking("few").later(120)
    r = flow.r
    assert r.bake_started_at is not None
    board = Board(r.id, "few", r.live_generation, r.bake_started_at, baked=30.0, last_at=flow.now, gates=gates())
    events = flow.act(it.ReportBoard(board))
    held = next(e for e in events if isinstance(e, ev.StageHeld))
    assert held.detail == "measured for 30 s of 60 s"
    if policy is OnVerdict.ROLLBACK:
        assert flow.r.rollback and flow.r.rollback.reason == held.detail


@pytest.mark.parametrize(
    ("key", "reading", "hold"),
    [("on_fail", BAD, Hold.GATES_FAILED), ("on_not_enough_data", FEW, Hold.NOT_ENOUGH_DATA)],
)
def test_a_plan_may_want_a_rollback_instead_of_a_hold(key: str, reading: Reading, hold: Hold) -> None:
    flow = Flow(plan=with_stage(PLAN, "few", **{key: OnVerdict.ROLLBACK})).to_baking("few").bake(reading)
    held, ordered = flow.log[-2:]
    assert isinstance(held, ev.StageHeld) and held.hold is hold
    assert isinstance(ordered, ev.RollbackOrdered)
    assert (ordered.by, ordered.reason) == ("policy", "error_rate < 5%")


def test_blindness_holds_warns_and_goes_on() -> None:
    flow = Flow().to_baking("few")
    for _ in range(20):
        flow.evaluate(BLIND)
    assert names(flow.log).count("SightLost") == 1
    assert flow.r.status is Status.BAKING
    flow.evaluate(GOOD)
    assert names(flow.log)[-1:] != ["StagePassed"]
    assert names(flow.log).count("SightRegained") == 1
    flow.bake()
    assert flow.r.status is Status.PASSED


def test_blindness_may_roll_back_where_the_plan_says_so_and_after_the_warning() -> None:
    flow = Flow(plan=with_stage(PLAN, "few", on_blind=OnVerdict.ROLLBACK)).to_baking("few")
    for _ in range(4):
        flow.evaluate(BLIND)
        assert flow.r.status is Status.BAKING
    flow.evaluate(BLIND)
    assert flow.r.status is Status.ROLLING_BACK
    assert flow.r.rollback and flow.r.rollback.reason == "blind"


def test_a_failed_shift_is_tried_again_while_its_approval_lives() -> None:
    flow = situation("held_shift")
    order = flow.act(it.Retry(BEN))[0]
    assert isinstance(order, ev.ShiftOrdered)
    assert (order.stage, order.weight, order.why, order.by) == ("few", 5.0, "retry", BEN.user)
    late = situation("held_shift").later(4 * 3600)
    assert names(late.act(it.Retry(BEN))) == ["ApprovalAsked"]


def test_a_failed_shift_under_another_plan_is_asked_anew() -> None:
    flow = situation("held_shift")
    flow.change_plan(OTHER_PLAN)
    assert names(flow.act(it.Retry(BEN))) == ["ApprovalAsked"]
    assert flow.r.approval and flow.r.approval.plan_hash == OTHER_PLAN.hash


@pytest.mark.parametrize("where", ["held_vetoed", "held_expired", "held_plan"])
def test_other_holds_are_asked_anew_as_another_asking(where: str) -> None:
    flow = situation(where)
    before = flow.r.approval
    flow.act(it.Retry(ANN))
    assert before and flow.r.approval and flow.r.approval.attempt == before.attempt + 1
    assert flow.r.approval.decided == "" and flow.r.approval.approvers == ()
    assert "ShiftOrdered" in names(flow.approve())


def test_a_stage_that_is_gone_waits_for_the_plan_or_goes_back() -> None:
    flow = situation("held_gates")
    flow.change_plan(plan("without", stages=tuple(s for s in PLAN.stages if s.name != "few")))
    flow.refused(it.Retry(ANN), "stage_gone")
    flow.refused(it.Promote(ANN, "now"), "plan_changed")
    flow.change_plan(PLAN)
    assert names(flow.act(it.Retry(ANN))) == ["BakeRestarted"]


# --- pausing


def test_quorum_while_paused_waits_and_counts_on_resuming() -> None:
    flow = Flow().start()
    flow.act(it.Pause(ANN, "lunch"))
    assert names(flow.approve(ANN)) == ["ApproversChanged"]
    flow.effects.clear()
    flow.act(it.Resume(BEN))
    assert any(isinstance(e, ReadReactions) for e in flow.effects)
    assert names(flow.approve(ANN)) == ["StageApproved", "ShiftOrdered"]


def test_a_pause_stops_the_bake_and_not_the_clock_of_max_bake() -> None:
    flow = Flow(plan=with_stage(PLAN, "few", on_not_enough_data=OnVerdict.ROLLBACK)).to_baking("few")
    flow.act(it.Pause(ANN, "for the night"))
    for _ in range(100):
        assert "StagePassed" not in names(flow.evaluate(GOOD))
    flow.act(it.Resume(ANN))
    flow.evaluate(GOOD)
    assert flow.r.status is Status.BAKING, "a night's pause is no reason to roll back"
    flow.bake()
    assert flow.r.status is Status.PASSED


def test_an_asking_expires_also_while_paused() -> None:
    flow = Flow().start()
    flow.act(it.Pause(ANN))
    flow.tick(4 * 3600)
    assert flow.r.hold is Hold.EXPIRED
    flow.refused(it.Retry(ANN), "paused")
    flow.act(it.Resume(ANN))
    assert names(flow.act(it.Retry(ANN))) == ["ApprovalAsked"]
