"""What surrounds the traffic: in which order it is done, what it holds up, and what follows from it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.rollout import effects as fx
from bot.rollout import events as ev
from bot.rollout import intents as it
from bot.rollout.deciding import work
from bot.rollout.model import Hold, Status, Verdict
from bot.rollout.runbook import Phase, Runbook
from bot.rollout.work import Outcome, WorkRef
from tests.rollout.book import BOOKED, booked, phases
from tests.rollout.kit import ANN, BEN, EVE, INI, STRANGER, names


def test_backups_come_before_checks_and_steps_before_the_first_asking() -> None:
    flow = booked().start_book()
    assert flow.r.status is Status.PREPARING
    flow.work()
    assert phases(flow.log) == [
        ("prepare", ("db",)),
        ("prepare", ("clean", "disk", "before")),
        ("before_start", ("deploy", "deploy")),
    ]
    assert flow.r.status is Status.PREPARING and flow.r.approval is None  # the checklist is open
    flow.tick_all()
    assert flow.r.status is Status.AWAITING_APPROVAL
    assert not flow.does(fx.ShiftTraffic)


def test_a_checklist_that_is_ticked_first_waits_for_the_work() -> None:
    flow = booked().start_book().tick_all()
    assert flow.r.approval is None
    flow.work()
    assert flow.r.status is Status.AWAITING_APPROVAL


def test_every_piece_ordered_has_one_effect_with_a_key_of_its_own() -> None:
    flow = booked().to_end()
    ordered = [(e.order, ref) for e in flow.log if isinstance(e, ev.WorkOrdered) for ref in e.refs]
    done = [(e.order, e.ref) for e in flow.does(fx.DoWork)]  # type: ignore[attr-defined]
    assert done == ordered
    assert len({e.key for e in flow.does(fx.DoWork)}) == len(ordered)  # type: ignore[attr-defined]


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.PASSED])
def test_whatever_is_no_pass_blocks_the_start(outcome: Outcome) -> None:
    flow = booked().start_book().tick_all().work(disk=outcome)
    assert (flow.r.status, flow.r.hold, flow.r.hold_detail) == (Status.HELD, Hold.PREPARATION_FAILED, "disk")
    assert flow.r.approval is None
    flow.act(it.Retry(ANN))
    assert [ref.name for ref in flow.running] == ["disk"]  # what passed is not done again
    flow.work()
    assert flow.r.status is Status.AWAITING_APPROVAL


def test_a_failure_is_passed_over_by_the_role_with_a_reason_and_not_by_the_starter() -> None:
    flow = booked().start_book().work(clean=Outcome.FAILED, disk=Outcome.FAILED)
    flow.refused(it.Override(EVE, "disk", "known"), "may_not_override")
    flow.refused(it.Override(INI, "disk", "known"), "own_override")
    flow.refused(it.Override(ANN, "disk", "  "), "override_without_reason")
    flow.refused(it.Override(ANN, "", "known"), "no_such_work")
    flow.refused(it.Override(ANN, "nothing", "known"), "no_such_work")
    flow.act(it.Override(ANN, "disk", "being cleaned"))
    assert (flow.r.status, flow.r.hold_detail) == (Status.HELD, "clean")  # the other one still holds it
    flow.act(it.Override(ANN, "", "only docs"))
    assert flow.r.status is Status.PREPARING
    assert [(o.ref.name, o.by, o.reason) for o in flow.r.overridden] == [
        ("disk", "UANN", "being cleaned"),
        ("clean", "UANN", "only docs"),
    ]
    flow.refused(it.Override(ANN, "disk", "again"), "nothing_to_override")
    flow.work().tick_all()
    assert flow.r.status is Status.AWAITING_APPROVAL


def test_an_item_is_ticked_by_its_owner_only() -> None:
    flow = booked().start_book()
    flow.refused(it.TickItem(STRANGER, "logs"), "not_the_owner")
    flow.refused(it.TickItem(ANN, "alarm"), "not_the_owner")
    flow.refused(it.TickItem(ANN, "coffee"), "no_such_item")
    flow.act(it.TickItem(ANN, "logs"))
    flow.refused(it.TickItem(BEN, "logs"), "item_ticked_already")
    flow.act(it.TickItem(BEN, "logs", ticked=False))
    flow.refused(it.TickItem(BEN, "logs", ticked=False), "item_not_ticked")
    flow.work().tick_all()
    flow.refused(it.TickItem(ANN, "logs", ticked=False), "checklist_over")


def test_a_changed_plan_brings_its_own_checks_to_a_rollout_that_nobody_approved_yet() -> None:
    flow = booked().start_book().work().tick_all()
    flow = booked().start_book()
    flow.work()
    more = replace(BOOKED.runbook.checks[0], name="third")
    book = replace(BOOKED.runbook, checks=(*BOOKED.runbook.checks, more))
    flow.change_plan(replace(BOOKED, runbook=book, source="third"))
    assert [ref.name for ref in flow.running] == ["third"]
    flow.work().tick_all()
    assert flow.r.approval and flow.r.approval.plan_hash == flow.plan.hash


def test_a_pause_holds_up_what_comes_next_and_not_what_runs() -> None:
    flow = booked().start_book().tick_all()
    flow.act(it.Pause(ANN))
    flow.work()
    assert flow.r.status is Status.PREPARING and flow.r.approval is None
    assert phases(flow.log) == [("prepare", ("db",))]  # the checks wait
    assert flow.tick(1) == ()
    flow.act(it.Resume(ANN))
    flow.tick(1)
    flow.work()
    assert flow.r.status is Status.AWAITING_APPROVAL


def test_the_steps_of_a_stage_run_between_its_approval_and_its_shift() -> None:
    flow = booked().to_stage("internal")
    flow.bake().work().act(it.Promote(ANN))
    assert flow.r.status is Status.WORKING and [ref.name for ref in flow.running] == ["announce"]
    flow.refused(it.Promote(ANN), "steps_running")
    flow.work()
    flow.approve(ANN)
    assert flow.r.status is Status.WORKING and [ref.name for ref in flow.running] == ["warm"]
    orders = len(flow.does(fx.ShiftTraffic))
    flow.work()
    assert flow.r.status is Status.SHIFTING
    assert len(flow.does(fx.ShiftTraffic)) == orders + 1


def test_a_step_that_fails_holds_the_shift_and_a_retry_needs_the_approval_to_stand() -> None:
    flow = _before_few().work(warm=Outcome.FAILED)
    assert (flow.r.status, flow.r.hold) == (Status.HELD, Hold.STEP_FAILED)
    flow.act(it.Retry(ANN))
    assert [ref.name for ref in flow.running] == ["warm"]
    flow.work()
    assert flow.r.status is Status.SHIFTING

    late = _before_few().work(warm=Outcome.UNKNOWN)
    late.later(5 * 3600)
    late.act(it.Retry(ANN))
    assert late.r.status is Status.AWAITING_APPROVAL


def _before_few():  # type: ignore[no-untyped-def]
    flow = booked().to_stage("internal")
    flow.bake().work().act(it.Promote(ANN))
    flow.work()
    flow.approve(ANN)
    return flow


def test_a_step_that_failed_runs_again_after_another_approval() -> None:
    """Else its failure would be taken for its end, and the shift would follow."""
    flow = _before_few().work(warm=Outcome.FAILED)
    flow.later(5 * 3600)
    flow.act(it.Retry(ANN))
    flow.approve(ANN)
    assert flow.r.status is Status.WORKING and [ref.name for ref in flow.running] == ["warm"]


def test_no_traffic_moves_on_an_approval_that_ran_out_while_steps_ran() -> None:
    flow = _before_few()
    flow.later(5 * 3600)
    flow.work()
    assert flow.r.status is Status.AWAITING_APPROVAL


def test_drift_holds_the_shift_after_the_steps_until_it_is_answered() -> None:
    from tests.rollout.kit import lower

    flow = _before_few()
    flow.drifted(lower())
    flow.work()
    assert flow.r.status is Status.WORKING
    flow.act(it.AnswerDrift(ANN, "adopt"))
    flow.tick(1)
    assert flow.r.status is Status.SHIFTING


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [(Outcome.PASSED, Verdict.PASS), (Outcome.FAILED, Verdict.FAIL), (Outcome.UNKNOWN, Verdict.BLIND)],
)
def test_a_step_of_the_bake_is_a_gate(outcome: Outcome, verdict: Verdict) -> None:
    flow = booked().to_stage("few")
    assert [g.verdict for g in work.gates(flow.plan, flow.r)] == [Verdict.NOT_ENOUGH_DATA]
    flow.work(load=outcome)
    (gate,) = work.gates(flow.plan, flow.r)
    assert (gate.metric, gate.text, gate.verdict) == ("step:load", "load > 100", verdict)


def test_a_step_of_the_bake_whose_end_nobody_knows_is_a_person_s_matter() -> None:
    """Metrics that cannot be read are waited for; what came of a command never shows by waiting."""
    flow = booked().to_stage("few")
    flow.work(load=Outcome.UNKNOWN).bake()
    assert (flow.r.status, flow.r.hold, flow.r.hold_detail) == (Status.HELD, Hold.NOT_ENOUGH_DATA, "load > 100")


def test_a_bake_that_begins_anew_runs_its_steps_anew() -> None:
    flow = booked().to_stage("few").work(load=Outcome.FAILED)
    flow.later(1).act(it.Pause(ANN))
    flow.act(it.Resume(ANN))
    held = ev.StageHeld("few", Hold.GATES_FAILED, "load", (), flow.now)
    flow.take((held,))
    flow.act(it.Retry(ANN))
    assert [ref.name for ref in flow.running] == ["load"]


def test_in_a_rollback_traffic_goes_first_and_a_failing_step_stops_nothing() -> None:
    flow = booked().to_stage("few").work()
    flow.act(it.RollBack(EVE, "it smells"))
    assert not flow.running
    flow.restored()
    assert flow.r.status is Status.ROLLED_BACK
    before = len(flow.log)
    flow.work(stop_new=Outcome.FAILED)
    assert phases(flow.log[before - 1 :]) == [
        ("on_rollback", ("stop_new",)),
        ("on_rollback", ("start_old",)),
        ("after_rollback", ("tell",)),
        ("verify", ("traffic", "page")),
    ]
    finished = [e for e in flow.log if isinstance(e, ev.WorkFinished) and e.phase is Phase.ON_ROLLBACK]
    assert [ref.name for ref in finished[0].left] == ["stop_new"]
    assert flow.r.report and flow.r.report.edition == 1


def test_what_a_step_still_does_when_traffic_went_back_is_waited_for() -> None:
    flow = _before_few()
    warm = flow.running[0]
    report = flow.result(warm)
    flow.act(it.RollBack(EVE, "stop"))
    flow.restored()
    assert flow.running == (warm,)  # the new version is not stopped under it
    flow.act(report)
    assert [ref.name for ref in flow.running] == ["stop_new"]


def test_a_load_test_is_not_waited_for() -> None:
    flow = booked().to_stage("few")
    report = flow.result(flow.running[0])
    flow.act(it.RollBack(EVE, "stop"))
    flow.restored()
    assert [ref.name for ref in flow.running] == ["stop_new"]
    assert names(flow.act(report)) == ["WorkDone"]
    assert [ref.name for ref in flow.running] == ["stop_new"]


def test_no_other_rollout_begins_while_the_last_one_is_being_tidied_up() -> None:
    flow = booked().to_stage("few").work()
    flow.act(it.RollBack(EVE, "it smells"))
    flow.restored()
    flow.refused(it.Start("ROLLOUT-9", "3.0.0", INI), "steps_running")
    flow.work()
    flow.start("3.0.0")
    assert flow.r.version == "3.0.0"


def test_a_cancelled_start_takes_back_what_its_steps_began() -> None:
    flow = booked().start_book()
    flow.act(it.RollBack(EVE, "not today"))
    assert flow.r.status is Status.CANCELLED and not phases(flow.log)[1:]
    flow = booked().asked()
    flow.act(it.RollBack(EVE, "not today"))
    assert [ref.name for ref in flow.running] == ["stop_new"]


def test_no_rollout_begins_while_a_step_of_a_cancelled_one_still_runs() -> None:
    """What it began has to be taken back first, and that waits for its end."""
    flow = booked().start_book()
    while flow.running[0].phase is Phase.PREPARE:
        flow.act(flow.result(flow.running[0]))
    step = flow.result(flow.running[0])
    flow.act(it.RollBack(EVE, "not today"))
    flow.refused(it.Start("ROLLOUT-9", "3.0.0", INI), "steps_running")
    flow.act(step)
    flow.act(flow.result(flow.running[0]))
    flow.work()
    flow.start("3.0.0")


def test_a_result_of_the_rollout_before_is_no_evidence_for_this_one() -> None:
    """Orders are counted anew, so that the late answer of a cancelled start fits an order of the next one."""
    flow = booked().start_book()
    late = replace(flow.result(flow.running[0]), rollout=flow.r.id)
    flow.act(it.RollBack(EVE, "not today"))
    flow.start("3.0.0")
    assert flow.r.work and flow.r.work.order == late.order and late.result.ref in flow.running
    assert flow.act(late) == ()
    assert late.result.ref in flow.running


def test_the_watch_says_what_it_sees_at_its_interval_and_ends_with_the_table() -> None:
    flow = booked().to_watch()
    for _ in range(20):
        flow.evaluate()
    lines = [e for e in flow.log if isinstance(e, ev.WatchLine)]
    assert [line.number for line in lines] == [1, 2]
    assert all(line.gates for line in lines)
    flow.later(600)
    assert flow.board
    flow.act(it.Tick(gates=flow.board.gates))
    completed = next(e for e in flow.log if isinstance(e, ev.RolloutCompleted))
    assert completed.gates == flow.board.gates


def test_after_the_end_the_old_version_goes_and_the_report_comes() -> None:
    flow = booked().to_watch()
    flow.tick(600)
    assert flow.r.status is Status.COMPLETED
    before = len(flow.log)
    flow.work()
    assert phases(flow.log[before - 1 :]) == [("after_completion", ("after",)), ("after_completion", ("stop_old",))]
    assert [type(e).__name__ for e in flow.effects if isinstance(e, fx.PublishReport)] == ["PublishReport"]


def test_a_rollback_after_the_end_is_tidied_up_and_reported_again() -> None:
    flow = booked().to_end()
    assert flow.r.report
    flow.act(it.NoteReport(flow.r.id, 1, "d", flow.now))
    flow.later(5).act(it.RollBack(EVE, "late"))
    flow.later(5).restored()
    flow.work()
    assert flow.r.report.edition == 2
    done = {(e.phase, ref.name) for e in flow.log if isinstance(e, ev.WorkOrdered) for ref in e.refs}
    assert (Phase.ON_ROLLBACK, "start_old") in done and (Phase.VERIFY, "traffic") in done


def test_a_result_that_comes_twice_is_taken_once() -> None:
    flow = booked().start_book()
    report = flow.result(flow.running[0])
    flow.act(report)
    assert flow.decide(report) == ()


def test_of_a_log_from_before_there_was_a_runbook_nothing_is_begun_afterwards() -> None:
    """A bot that was upgraded must not stop and start versions of a rollout that ended a week ago."""
    from tests.rollout.kit import Flow

    flow = Flow().to_baking("few")
    flow.act(it.RollBack(EVE, "it smells"))
    flow.restored()
    flow.plan = BOOKED
    assert flow.tick(100) == ()


def test_an_empty_runbook_changes_nothing() -> None:
    for phase in Phase:
        assert work.groups(replace(BOOKED, runbook=Runbook()), phase, "few") == ()
    assert work.groups(BOOKED, Phase.BEFORE_STAGE, "some") == ()
    warm = WorkRef("step", "warm", Phase.BEFORE_STAGE, "few", "bot")
    assert work.groups(BOOKED, Phase.BEFORE_STAGE, "few") == ((warm,),)
