"""The plan is changed while a rollout runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.rollout import intents as it
from bot.rollout.model import Status
from bot.rollout.plan import Condition
from tests.rollout.kit import ANN, AWFUL, GOOD, OTHER_PLAN, PLAN, names, plan, stage, with_stage
from tests.rollout.situations import situation


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
