"""Whole walks: to the end, back from everywhere, and out of every hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.rollout import events as ev
from bot.rollout import intents as it
from bot.rollout.decide import roles_for, simulate
from bot.rollout.effects import ReadReactions
from bot.rollout.intents import Refusal
from bot.rollout.model import Board, Hold, ServiceState, Status, Verdict
from bot.rollout.plan import Condition, OnVerdict
from tests.rollout.kit import (
    ANN,
    AWFUL,
    BAD,
    BEN,
    BLIND,
    EVE,
    FEW,
    FLIP,
    GOOD,
    HOSTS,
    INI,
    INTERVAL,
    OTHER_PLAN,
    PLAN,
    TOUCHED,
    TRAFFIC,
    Flow,
    Reading,
    gates,
    lower,
    names,
    plan,
    situation,
    stage,
    with_stage,
)


def orders(flow: Flow) -> list[tuple[str, float, int]]:
    return [(e.stage, e.weight, e.generation) for e in flow.log if isinstance(e, ev.ShiftOrdered)]


def test_the_runbook_from_internal_to_the_end() -> None:
    five = ("internal", 0.0), ("1%", 1.0), ("10%", 10.0), ("50%", 50.0), ("100%", 100.0)
    flow = Flow(plan=plan("five", stages=tuple(stage(n, w) for n, w in five))).to_baking("100%")
    assert flow.r.status is Status.BAKING
    flow.bake()
    assert flow.r.status is Status.WATCHING
    assert flow.tick(599) == ()
    assert names(flow.tick(1)) == ["RolloutCompleted"]
    assert orders(flow) == [(name, weight, n + 1) for n, (name, weight) in enumerate(five)]
    assert [(s.name, s.weight, s.approvers) for s in flow.r.stages] == [(n, w, ("UANN", "UBEN")) for n, w in five]
    assert all(s.passed_at and s.shifted_at and s.approved_at and s.baked >= 60 for s in flow.r.stages)
    assert all({g.verdict for g in s.gates} == {Verdict.PASS} for s in flow.r.stages)
    assert (flow.state.serving_version, flow.state.serving) == ("2.0.0", ("10.0.0.2:80",))


def test_auto_promotes_by_asking_and_never_by_shifting() -> None:
    flow = Flow(plan=plan("auto", promote="auto")).start()
    flow.approve()
    flow.shifted()
    flow.bake()
    assert (flow.r.status, flow.r.stage) == (Status.AWAITING_APPROVAL, "few")
    assert names(flow.log[-2:]) == ["StagePassed", "ApprovalAsked"]
    assert len(orders(flow)) == 1


def test_the_watch_waits_for_sight_for_people_and_for_every_host() -> None:
    flow = situation("watching").later(600)
    assert flow.tick(blind=True) == ()
    flow.act(it.Pause(ANN))
    assert flow.tick() == ()
    flow.act(it.Resume(ANN))
    flow.drifted(lower())
    assert flow.tick() == (), "a host that serves something else is no end"
    flow.drifted()
    assert names(flow.tick()) == ["RolloutCompleted"]


@pytest.mark.parametrize("where", TOUCHED)
def test_back_from_everywhere_and_then_again_forward(where: str) -> None:
    flow = situation(where)
    before = flow.state.generation
    flow.act(it.RollBack(EVE, "it smells"))
    assert flow.r.generation == flow.state.generation == before + 1
    assert flow.r.rollback is not None
    assert (flow.r.rollback.by, flow.r.rollback.reason) == (EVE.user, "it smells")
    assert flow.state.active is not None
    assert names(flow.act(it.ReportRollback(flow.r.generation, ("h1",), (("h2", "silent"), ("h3", "silent"))))) == [
        "HostsRestored"
    ]
    assert flow.act(it.ReportRollback(flow.r.generation, (), (("h2", "silent"), ("h3", "silent")))) == ()
    assert flow.r.rollback is not None and flow.r.rollback.pending == ("h2", "h3")
    assert names(flow.restored()) == ["HostsRestored", "RolledBack"]
    assert flow.r.status is Status.ROLLED_BACK
    assert flow.state.live_generation == flow.state.generation
    flow.plan = PLAN
    flow.start("2.0.1").to_baking("internal")
    assert flow.r.generation > before + 1
    assert (flow.r.stable_version, flow.r.stable) == ("1.0.0", TRAFFIC.stable)


@pytest.mark.parametrize("where", ["shifting", "shifting_2nd"])
def test_a_rollback_overtakes_the_shift_under_way(where: str) -> None:
    flow = situation(where)
    old = flow.r.generation
    flow.act(it.RollBack(EVE))
    for ok in (True, False):
        assert flow.act(it.ReportShift(old, ok, "done" if ok else "superseded")) == ()
    assert flow.r.status is Status.ROLLING_BACK
    assert names(flow.restored()) == ["HostsRestored", "RolledBack"]


def test_a_report_of_an_older_shift_is_no_report_of_the_newer() -> None:
    flow = situation("held_shift")
    old = flow.r.generation
    flow.act(it.Retry(ANN))
    assert flow.act(it.ReportShift(old, True, "done", (), 1.0, HOSTS)) == ()
    assert flow.act(it.ReportShift(old, False, "reverted")) == ()
    assert flow.r.status is Status.SHIFTING
    assert names(flow.shifted()) == ["ShiftDone"]


def test_a_rollback_that_a_newer_file_refuses_is_ordered_above_it() -> None:
    flow = situation("rolling_back")
    flow.act(it.ReportRollback(flow.r.generation, ("h1", "h2"), (("h3", "refused: generation 40 is there"),)))
    refused = flow.r.generation
    first = flow.r.rollback
    events = flow.act(it.ReportFleet(40, (), flow.state.live_generation))
    assert names(events) == ["GenerationSeen", "RollbackOrdered"]
    assert flow.r.generation == 41
    assert flow.r.rollback and first
    assert (flow.r.rollback.by, flow.r.rollback.reason) == (first.by, first.reason)
    assert flow.act(it.ReportRollback(refused, HOSTS, ())) == ()
    assert flow.act(it.ReportFleet(41, (), flow.state.live_generation)) == ()
    assert names(flow.restored()) == ["HostsRestored", "RolledBack"]


def test_a_completed_rollout_goes_back_and_the_old_version_serves() -> None:
    flow = situation("completed").later(30 * 86400)
    flow.act(it.RollBack(EVE, "a leak"))
    assert flow.r.finished_at is None
    flow.refused(it.Start("R9", "3.0.0", INI), "already_active")
    flow.restored()
    assert (flow.state.serving_version, flow.state.serving) == ("1.0.0", TRAFFIC.stable)
    flow.refused(it.Start("R9", "1.0.0", INI), "already_serving")
    flow.start("2.0.1")
    assert (flow.r.stable, flow.r.canary) == (TRAFFIC.stable, TRAFFIC.canary)


def test_pools_swap_after_the_end_and_back_after_the_next() -> None:
    flow = situation("completed").start("3.0.0")
    assert (flow.r.stable, flow.r.canary, flow.r.stable_version) == (TRAFFIC.canary, TRAFFIC.stable, "2.0.0")
    flow.to_baking("all").bake()
    flow.tick(600)
    assert (flow.state.serving_version, flow.state.serving) == ("3.0.0", TRAFFIC.stable)
    flow.start("4.0.0")
    assert (flow.r.stable, flow.r.canary, flow.r.stable_version) == (TRAFFIC.stable, TRAFFIC.canary, "3.0.0")


def test_a_cancelled_or_rolled_back_rollout_swaps_nothing() -> None:
    flow = situation("completed").start("3.0.0")
    flow.act(it.RollBack(EVE))
    assert (flow.state.serving_version, flow.state.serving) == ("2.0.0", TRAFFIC.canary)
    flow.start("3.0.1").to_baking("few")
    flow.act(it.RollBack(EVE))
    flow.restored()
    assert (flow.state.serving_version, flow.state.serving) == ("2.0.0", TRAFFIC.canary)


def test_roles_for() -> None:
    fresh = roles_for(ServiceState("shop"), PLAN)
    assert fresh and (fresh.stable, fresh.stable_version) == (TRAFFIC.stable, "1.0.0")
    served = ServiceState("shop", serving_version="2.0.0", serving=TRAFFIC.canary)
    swapped = roles_for(served, PLAN)
    assert swapped and (swapped.stable, swapped.canary, swapped.stable_version) == (
        TRAFFIC.canary,
        TRAFFIC.stable,
        "2.0.0",
    )
    assert roles_for(replace(served, serving=("elsewhere:80",)), PLAN) is None


def test_the_dry_run_tells_what_start_would() -> None:
    assert isinstance(simulate(situation("completed").state, "2.0.0", PLAN), Refusal)
    dry = simulate(situation("completed").state, "3.0.0", PLAN)
    assert not isinstance(dry, Refusal)
    started = situation("completed").start("3.0.0").r
    assert (dry.stable, dry.canary, dry.stable_version) == (started.stable, started.canary, started.stable_version)
    assert isinstance(simulate(ServiceState("shop", serving=("x:1",)), "3", PLAN), Refusal)


# --- blue_green: what the way back leads to


def test_the_old_pool_is_kept_warm_past_the_watch_and_released_once() -> None:
    flow = Flow(plan=FLIP).to_baking("all").bake()
    assert (flow.r.watch_until, flow.r.warm_until) == (flow.now + 600, flow.now + 900)
    assert names(flow.tick(600)) == ["RolloutCompleted"]
    assert flow.r.kept_warm
    assert flow.tick(299) == ()
    assert names(flow.tick(1)) == ["PoolReleased"]
    assert not flow.r.kept_warm
    assert flow.tick() == ()


def test_released_with_the_end_where_the_plan_keeps_it_no_longer() -> None:
    flow = Flow(plan=replace(FLIP, traffic=replace(FLIP.traffic, keep_warm=600.0))).to_baking("all").bake()
    assert names(flow.tick(600)) == ["RolloutCompleted", "PoolReleased"]


def test_the_pool_is_not_released_while_a_pause_or_drift_keeps_the_watch_open() -> None:
    flow = Flow(plan=FLIP).to_baking("all").bake()
    flow.act(it.Pause(ANN))
    assert flow.tick(2000) == ()
    flow.act(it.Resume(ANN))
    assert names(flow.tick()) == ["RolloutCompleted", "PoolReleased"]


def test_after_a_flip_back_nothing_is_kept_warm() -> None:
    flow = Flow(plan=FLIP).to_baking("all").bake()
    flow.tick(600)
    flow.act(it.RollBack(EVE))
    flow.restored()
    assert flow.r.warm_until is None and not flow.r.kept_warm
    assert flow.tick() == ()


def test_the_other_strategies_keep_nothing_warm() -> None:
    assert situation("watching").r.warm_until is None


# --- holds, and the way out of each


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
        assert len(orders(flow)) == 2


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


# --- the plan changes


@pytest.mark.parametrize("where", ["baking", "passed"])
def test_a_changed_plan_holds_what_was_approved_under_the_old(where: str) -> None:
    flow = situation(where)
    assert names(flow.change_plan(OTHER_PLAN)) == ["StageHeld"]
    assert flow.act(it.NotePlan()) == ()
    flow.refused(it.Promote(ANN, "now"), "plan_changed")
    flow.change_plan(PLAN)
    assert names(flow.act(it.Retry(ANN))) == ["ApprovalAsked"], "changing it back does not give the approval back"


def test_a_changed_plan_stops_the_gates_before_anybody_noticed() -> None:
    flow = situation("baking")
    flow.plan = OTHER_PLAN
    for _ in range(9):
        assert flow.evaluate(GOOD) == ()
    assert flow.r.status is Status.BAKING
    assert names(flow.evaluate(AWFUL)) == ["RollbackOrdered"]


def test_the_triggers_of_the_plan_in_force_act_in_the_watch() -> None:
    flow = situation("watching")
    loose = replace(OTHER_PLAN, triggers=(Condition("error_rate > 0.5%", "error_rate", ">", 0.5, 0.0, 60.0),))
    assert names(flow.change_plan(loose)) == ["PlanChanged"]
    assert names(flow.evaluate(GOOD)) == ["RollbackOrdered"]


def test_a_new_stage_of_a_changed_plan_gets_its_place_and_its_record() -> None:
    flow = situation("held_gates")
    more = (*PLAN.stages[:2], stage("quarter", 10.0), *PLAN.stages[2:])
    flow.change_plan(plan("more", stages=more))
    flow.act(it.Retry(ANN))
    flow.approve()
    flow.shifted()
    flow.bake()
    flow.act(it.Promote(ANN))
    flow.approve()
    assert [(s.name, s.weight) for s in flow.r.stages] == [
        ("internal", 0.0),
        ("few", 5.0),
        ("quarter", 10.0),
        ("some", 20.0),
        ("all", 100.0),
    ]
    record = flow.r.record("quarter")
    assert record and record.approvers == ("UANN", "UBEN")


def test_a_record_has_the_weight_that_was_approved() -> None:
    flow = situation("held_gates")
    flow.change_plan(with_stage(PLAN, "few", weight=2.0))
    flow.act(it.Retry(ANN))
    flow.approve()
    record = flow.r.record("few")
    assert record and record.weight == 2.0


# --- triggers, wherever the canary has traffic


@pytest.mark.parametrize("where", [n for n in TOUCHED if n not in ("shifting", "completed")])
def test_triggers_act_wherever_the_canary_serves(where: str) -> None:
    flow = situation(where)
    assert "RollbackOrdered" in names(flow.evaluate(AWFUL))
    assert flow.r.rollback and flow.r.rollback.trigger
    assert flow.r.rollback.trigger.value == 50.0
    assert flow.r.rollback.by == "trigger"


def test_a_board_of_another_generation_trips_nothing() -> None:
    flow = situation("baking")
    flow.evaluate(GOOD)
    assert flow.board is not None
    bad = replace(flow.board, triggers=tuple(replace(t, tripped=True) for t in flow.board.triggers))
    assert flow.act(it.ReportBoard(replace(bad, generation=bad.generation - 1))) == ()


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
