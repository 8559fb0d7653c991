"""Whole walks: to the end, and back from everywhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.rollout import events as ev
from bot.rollout import intents as it
from bot.rollout.decide import roles_for, simulate
from bot.rollout.intents import Refusal
from bot.rollout.model import ServiceState, Status, Verdict
from tests.rollout.kit import ANN, AWFUL, EVE, FLIP, GOOD, HOSTS, INI, PLAN, TRAFFIC, Flow, lower, names, plan, stage
from tests.rollout.situations import TOUCHED, situation


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
