"""DESIGN §6.6: what is on a host is read; a person's lower weight wins; nothing moves over it unasked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.rollout import events as ev
from bot.rollout import intents as it
from bot.rollout.effects import ReadFleet, ReadReactions
from bot.rollout.model import DriftedHost, Status
from tests.rollout.kit import ANN, AWFUL, EVE, GOOD, OTHER_PLAN, PLAN, Flow, lower, names, with_stage
from tests.rollout.situations import situation

READABLE = ["awaiting_2nd", "baking", "passed", "held_gates", "held_vetoed", "held_expired", "watching"]
ABOVE = DriftedHost("h2", "edited", 1, 60.0, "d2")
UNKNOWN = DriftedHost("h2", "absent", None, None, "")


@pytest.mark.parametrize("where", READABLE)
def test_the_three_choices_are_there_wherever_drift_is_shown(where: str) -> None:
    flow = situation(where)
    assert names(flow.drifted(lower())) == ["DriftFound"]
    assert flow.drifted(lower()) == (), "told once"
    for intent, expected in (
        (it.AnswerDrift(ANN, "adopt"), "DriftAdopted"),
        (it.AnswerDrift(ANN, "restore"), "ShiftOrdered"),
        (it.RollBack(EVE), "RollbackOrdered"),
    ):
        decision = flow.decide(intent)
        assert isinstance(decision, tuple)
        assert names(decision)[-1] == expected


@pytest.mark.parametrize("where", READABLE)
def test_restoring_is_the_live_stage_again_and_bakes_again(where: str) -> None:
    flow = situation(where)
    live = flow.r.live_stage
    flow.drifted(lower())
    order = flow.act(it.AnswerDrift(ANN, "restore"))[-1]
    assert isinstance(order, ev.ShiftOrdered)
    assert (order.stage, order.weight, order.why) == (live, PLAN.stage(live).weight, "restore")
    assert flow.r.approval and flow.r.approval.decided
    flow.shifted()
    assert (flow.r.status, flow.r.stage, flow.r.drift) == (Status.BAKING, live, ())


def test_adopting_keeps_the_lower_share_and_is_not_told_again() -> None:
    flow = situation("baking")
    flow.drifted(lower())
    flow.act(it.AnswerDrift(ANN, "adopt"))
    assert flow.drifted(lower()) == ()
    assert names(flow.drifted(lower(digest="d9"))) == ["DriftFound"], "changed once more"


@pytest.mark.parametrize("drift", [ABOVE, UNKNOWN, DriftedHost("h1", "edited", 1, 0.0, "")])
def test_what_nobody_approved_or_nobody_knows_is_not_adopted(drift: DriftedHost) -> None:
    flow = situation("baking")
    flow.drifted(drift)
    refusal = flow.refused(it.AnswerDrift(ANN, "adopt"), "drift_above_approved")
    assert refusal.fact("hosts") == drift.host


def test_adopting_is_all_or_nothing() -> None:
    flow = situation("baking")
    flow.drifted(lower(), ABOVE)
    flow.refused(it.AnswerDrift(ANN, "adopt"), "drift_above_approved")


def test_the_approved_weight_is_the_one_of_the_last_order() -> None:
    """The plan had 5 % at the start; 2 % was approved since; 3 % on a host was approved by nobody."""
    flow = situation("held_gates")
    flow.change_plan(with_stage(PLAN, "few", weight=2.0))
    flow.act(it.Retry(ANN))
    flow.approve()
    flow.shifted()
    flow.drifted(lower(share=3.0))
    flow.refused(it.AnswerDrift(ANN, "adopt"), "drift_above_approved")


def test_drift_stops_the_way_forward_and_not_the_triggers() -> None:
    flow = situation("passed")
    flow.drifted(lower())
    flow.refused(it.Promote(ANN), "drifted")
    flow = Flow().to_baking("few")
    flow.drifted(lower())
    for _ in range(12):
        assert "StagePassed" not in names(flow.evaluate(GOOD))
    assert flow.board is not None and flow.board.baked == 0
    assert names(flow.evaluate(AWFUL)) == ["RollbackOrdered"]


def test_quorum_while_drifted_waits_until_it_is_answered() -> None:
    for answer in ("adopt", "gone"):
        flow = situation("awaiting_2nd")
        flow.drifted(lower(share=0.0))
        assert names(flow.approve(ANN)) == ["ApproversChanged"]
        flow.effects.clear()
        if answer == "adopt":
            flow.act(it.AnswerDrift(ANN, "adopt"))
        else:
            assert names(flow.drifted()) == ["DriftGone"]
        assert any(isinstance(e, ReadReactions) for e in flow.effects)
        assert names(flow.approve(ANN)) == ["StageApproved", "ShiftOrdered"]


def test_restoring_voids_an_asking_based_on_other_evidence() -> None:
    flow = situation("awaiting_2nd")
    asked = flow.reactions(ANN)
    flow.drifted(lower())
    assert names(flow.act(it.AnswerDrift(ANN, "restore"))) == ["ApprovalClosed", "ShiftOrdered"]
    flow.refused(asked, "decided")
    flow.shifted()
    flow.refused(asked, "decided")


def test_a_host_that_falls_silent_is_not_mended_by_that() -> None:
    flow = situation("baking")
    flow.drifted(lower("h1"))
    assert flow.drifted(unread=("h1",)) == ()
    assert flow.r.drift == (lower("h1"),)
    assert names(flow.drifted(lower("h2"), unread=("h1",))) == ["DriftFound"]
    assert [d.host for d in flow.r.drift] == ["h1", "h2"]
    assert names(flow.drifted()) == ["DriftGone"]
    assert flow.drifted(unread=("h3",)) == (), "not to answer is no drift"


def test_a_host_that_is_just_down_is_drift_no_more_and_the_others_are() -> None:
    flow = situation("awaiting_2nd")
    stopping = DriftedHost("h1", "stale", flow.r.live_generation, None, "d5")
    flow.drifted(stopping, lower("h2"))
    flow.approve(ANN)
    assert names(flow.drifted(lower("h2"), down=("h1", "h3"))) == ["DriftFound"]
    assert [d.host for d in flow.r.drift] == ["h2"]
    flow.drifted(stopping, lower("h2"))
    (gone,) = flow.drifted(down=("h1", "h3"))
    assert isinstance(gone, ev.DriftGone) and gone.down == ("h1",), "h3 was no drift"
    assert flow.r.drift == () and flow.drifted(down=("h1", "h3")) == ()
    assert names(flow.approve(ANN)) == ["StageApproved", "ShiftOrdered"]


def test_what_is_found_on_a_host_that_was_down_is_drift() -> None:
    flow = situation("baking")
    assert flow.drifted(down=("h1",)) == ()
    assert names(flow.drifted(lower("h1"))) == ["DriftFound"]


def test_paused_nothing_is_restored() -> None:
    flow = situation("baking")
    flow.drifted(lower())
    flow.act(it.Pause(ANN))
    flow.refused(it.AnswerDrift(ANN, "restore"), "paused")
    assert names(flow.act(it.AnswerDrift(ANN, "adopt"))) == ["DriftAdopted"]


def test_restoring_is_no_way_round_the_approval_of_a_changed_plan() -> None:
    """Held by the change, asked anew, and then restored instead of approved: the new weight would go out unapproved."""
    flow = situation("baking")
    flow.change_plan(with_stage(PLAN, "few", weight=50.0))
    flow.drifted(lower())
    flow.refused(it.AnswerDrift(ANN, "restore"), "cannot_restore")
    flow.act(it.Retry(ANN))
    assert flow.r.plan_hash == flow.plan.hash
    flow.refused(it.AnswerDrift(ANN, "restore"), "cannot_restore")
    flow.change_plan(PLAN)
    assert names(flow.act(it.AnswerDrift(ANN, "restore"))) == ["ApprovalClosed", "ShiftOrdered"]


def test_nor_is_it_where_only_the_gates_changed() -> None:
    flow = situation("awaiting_2nd")
    flow.change_plan(OTHER_PLAN)
    flow.drifted(lower())
    flow.refused(it.AnswerDrift(ANN, "restore"), "cannot_restore")


def test_a_retry_goes_over_what_the_failed_shift_left_and_over_nothing_else() -> None:
    flow = situation("held_shift")
    left = DriftedHost("h1", "ok", flow.r.generation, 5.0, "d5")
    stale = DriftedHost("h2", "stale", flow.r.generation, None, "d5")
    flow.drifted(left, stale)
    assert names(flow.decide(it.Retry(ANN))) == ["ShiftOrdered"]  # type: ignore[arg-type]
    flow.drifted(left, lower("h3"))
    flow.refused(it.Retry(ANN), "drifted")
    flow.drifted(replace(left, state="edited"))
    flow.refused(it.Retry(ANN), "drifted")
    flow.drifted()
    assert names(flow.act(it.Retry(ANN))) == ["ShiftOrdered"]


def test_what_an_earlier_try_left_does_not_stop_a_later_one() -> None:
    flow = situation("held_shift")
    left = DriftedHost("h1", "ok", flow.r.generation, 5.0, "d5")
    for _ in range(3):
        flow.drifted(left)
        flow.act(it.Retry(ANN))
        flow.shifted(ok=False)
    flow.drifted(replace(left, generation=flow.r.live_generation - 1))
    flow.refused(it.Retry(ANN), "drifted")


def test_a_failed_restore_wants_an_approval_of_its_own_stage() -> None:
    flow = situation("held_shift")  # few was approved and failed; internal is live
    flow.drifted(lower())
    flow.act(it.AnswerDrift(ANN, "restore"))
    flow.shifted(ok=False)
    assert flow.r.stage == "internal"
    asked = flow.act(it.Retry(ANN))
    assert isinstance(asked[0], ev.ApprovalAsked)
    assert asked[0].stage == "internal"


def test_a_failed_shift_and_an_unfinished_rollback_are_read_at_once() -> None:
    flow = situation("shifting_2nd")
    flow.effects.clear()
    flow.shifted(ok=False)
    assert any(isinstance(e, ReadFleet) for e in flow.effects)
    flow = situation("rolling_back")
    flow.effects.clear()
    flow.act(it.ReportRollback(flow.r.generation, ("h1",), (("h2", "refused"),)))
    assert any(isinstance(e, ReadFleet) for e in flow.effects)


def test_a_higher_generation_seen_raises_the_next_order() -> None:
    flow = situation("held_shift")
    flow.drifted(highest=40)
    order = flow.act(it.Retry(ANN))[0]
    assert isinstance(order, ev.ShiftOrdered)
    assert order.generation == 41


def test_before_any_rollout_a_higher_generation_is_noted() -> None:
    flow = Flow()
    assert names(flow.drifted(highest=7)) == ["GenerationSeen"]
    flow.start()
    order = flow.approve(ANN)[-1]
    assert isinstance(order, ev.ShiftOrdered) and order.generation == 8
