"""The gradual way back: a person's alone, and at once as soon as anything or anybody wants it so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.rollout import effects as fx
from bot.rollout import events as ev
from bot.rollout import intents as it
from bot.rollout.model import Status
from tests.rollout.kit import (
    ANN,
    AWFUL,
    EVE,
    GOOD,
    GUEST,
    HOSTS,
    LEFT,
    OTHER_PLAN,
    PARTNER,
    ROBOT,
    STEPPED,
    Flow,
    lower,
    names,
)
from tests.rollout.situations import situation

DOWN = it.RollBack(EVE, "slowly", gradual=True)


def orders(flow: Flow) -> list[tuple[float | None, int]]:
    return [(e.weight, e.generation) for e in flow.effects if isinstance(e, fx.ShiftTraffic) and e.weight is not None]


def test_step_by_step_each_with_its_own_generation_and_then_a_rollback() -> None:
    flow = situation("stepping_down")
    before = flow.r.live_generation
    for n, share in enumerate((50.0, 10.0, 1.0), 1):
        assert (flow.r.status, flow.r.generation) == (Status.STEPPING_DOWN, before + n)
        assert names(flow.shifted()) == ["StepDownDone"]
        assert flow.r.step_down and flow.r.step_down.share == share
        assert flow.r.live_generation == flow.state.live_generation == before + n
        assert flow.tick(59) == ()
        flow.tick(1)
    assert orders(flow) == [(50.0, before + 1), (10.0, before + 2), (1.0, before + 3)]
    assert flow.r.status is Status.ROLLING_BACK
    assert flow.r.rollback and (flow.r.rollback.by, flow.r.rollback.reason) == (EVE.user, "slowly")
    assert names(flow.restored()) == ["HostsRestored", "RolledBack"]


def test_only_steps_below_what_is_served_are_taken() -> None:
    flow = Flow(plan=STEPPED).to_baking("few")
    (order,) = flow.act(DOWN)
    assert isinstance(order, ev.StepDownOrdered) and (order.weight, order.steps) == (1.0, (1.0,))


def test_below_the_last_step_it_goes_back_at_once() -> None:
    flow = Flow(plan=STEPPED).to_baking("internal")
    assert names(flow.act(DOWN)) == ["RollbackOrdered"]


def test_a_plain_rollback_on_the_way_goes_at_once_and_overtakes_the_step() -> None:
    for shifted in (False, True):
        flow = situation("stepping_down")
        if shifted:
            flow.shifted()
        step = flow.r.generation
        assert names(flow.act(it.RollBack(GUEST))) == ["RollbackOrdered"]
        assert flow.act(it.ReportShift(step, True, "done", (), 1.0, HOSTS)) == ()
        assert flow.tick(600) == ()
        assert flow.r.status is Status.ROLLING_BACK


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_trigger_on_the_way_goes_at_once(steps: int) -> None:
    flow = situation("stepping_down")
    for _ in range(steps):
        flow.shifted()
        flow.tick(60)
    flow.evaluate(AWFUL)
    assert flow.r.status is Status.ROLLING_BACK
    assert flow.r.rollback and flow.r.rollback.by == "trigger"


def test_a_step_that_cannot_be_taken_goes_at_once() -> None:
    flow = situation("stepping_down")
    assert names(flow.shifted(ok=False)) == ["RollbackOrdered"]


def test_no_trigger_and_no_policy_ever_goes_in_steps() -> None:
    flow = Flow(plan=STEPPED).to_baking("all")
    assert "RollbackOrdered" in names(flow.evaluate(AWFUL))
    assert "StepDownOrdered" not in names(flow.log)


def test_what_is_refused_and_changes_nothing() -> None:
    flow = Flow(plan=STEPPED).to_baking("some")
    flow.refused(replace(DOWN, reason="  "), "step_down_without_reason")
    for actor in (ROBOT, LEFT, PARTNER):
        flow.refused(replace(DOWN, actor=actor), "may_not_roll_back")
    flow.drifted(lower())
    flow.refused(DOWN, "cannot_step_down")
    situation("baking").refused(DOWN, "no_step_down")
    shifting = Flow(plan=STEPPED).start()
    shifting.refused(DOWN, "cannot_step_down")
    shifting.approve()
    shifting.refused(DOWN, "cannot_step_down")
    changed = Flow(plan=STEPPED).to_baking("some")
    changed.plan = replace(OTHER_PLAN, step_down=STEPPED.step_down)
    changed.refused(DOWN, "cannot_step_down")


def test_an_open_asking_is_void_and_a_pause_is_over() -> None:
    flow = Flow(plan=STEPPED).to_baking("few").bake()
    flow.act(it.Promote(ANN))
    flow.act(it.Pause(ANN))
    flow.act(DOWN)
    assert flow.r.approval and flow.r.approval.decided == "voided"
    assert flow.r.paused_by == ""
    flow.refused(it.Pause(ANN), "rolling_back_already")
    flow.refused(flow.reactions(ANN), "decided")


def test_a_changed_plan_does_not_stop_the_way_back() -> None:
    flow = situation("stepping_down")
    flow.shifted()
    assert flow.change_plan(OTHER_PLAN) == ()
    assert names(flow.tick(60)) == ["StepDownOrdered"]


def test_the_bake_and_the_watch_end_nothing_on_the_way() -> None:
    flow = Flow(plan=STEPPED).to_baking("all").bake()
    assert flow.r.status is Status.WATCHING
    flow.act(DOWN)
    flow.shifted()
    for _ in range(4):
        assert flow.evaluate(GOOD, 5) == ()
    assert flow.r.watch_until is None and flow.tick() == ()
