"""What the messages around the traffic say, by example, and that Slack takes them however much there is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.engine.ports.rendered import Outgoing
from bot.rollout import events as ev
from bot.rollout.model import GateResult, Hold, Rollout, Status, Verdict
from bot.rollout.runbook import Check, ChecklistItem, Must, Phase, Runbook, SignRole, Step
from bot.rollout.work import OUTPUT, FollowUp, ItemTick, Outcome, Work, WorkRef
from bot.slack.messages import Messages
from tests.slack.messages.release_samples import (
    BOOK,
    BOOKED,
    DISK,
    FULL,
    LOAD,
    PASSED_OVER,
    ROLLOUTS,
    TAKE_OFF,
    did,
    preparing,
)
from tests.slack.messages.release_samples import OUTPUT as PRINTED
from tests.slack.messages.samples import NOW, a_board, a_plan, a_rollout, as_json, asking, render, rows
from tests.slack.messages.test_properties import sound

EN, ZH = Messages("en", "Asia/Shanghai"), Messages("zh", "Asia/Shanghai")
COMPLETE = ROLLOUTS["completed_report"]


def accessories(message: Outgoing) -> list[str]:
    return [b["accessory"]["action_id"] for b in as_json(message) if "accessory" in b]


# -- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("output", [PRINTED, "x" * OUTPUT, "<" * OUTPUT, "```\n" * 900, "品牌" * 2000, "\n" * OUTPUT])
def test_a_long_output_keeps_its_end(m: Messages, output: str) -> None:
    message = m.tell(ev.WorkDone(replace(FULL, output=output[-OUTPUT:]), 2, NOW), ROLLOUTS["preparing"], BOOKED)
    sound(message)
    if output == PRINTED:
        assert "line 399" in render(message)
        assert "line 3 " not in render(message)


def test_many_of_everything_is_cut_and_what_was_cut_is_said(m: Messages) -> None:
    checks = tuple(Check(f"check-{n}", "http", "检查 <长> " * 12) for n in range(60))
    items = tuple(ChecklistItem(f"item-{n}", "事项 & " * 40, "ops") for n in range(60))
    steps = tuple(Step(f"step-{n}", Phase.BEFORE_START, "x", machines=("a", "b", "c")) for n in range(12))
    signers = tuple(SignRole(f"角色 {n}", f"Role {n}", ("ops",) * 9) for n in range(80))
    assert BOOK.report is not None
    book = replace(BOOK, checks=checks, checklist=items, steps=steps, verification=checks, irreversible="不可逆 " * 900)
    plan = a_plan(runbook=replace(book, report=replace(BOOK.report, sign_off=signers)))
    done = [did(WorkRef("check", c.name, Phase.PREPARE), Outcome.FAILED, "no <answer> " * 16) for c in checks]
    done += [did(WorkRef("verify", c.name, Phase.VERIFY), Outcome.TIMED_OUT, "no <answer> " * 16) for c in checks]
    refs = tuple(d.ref for d in done)
    ticks = tuple(ItemTick(i.name, "U0LIN00001", NOW) for i in items[:30])
    later = tuple(FollowUp(f"F{n}", "z <&> " * 200, "U0LIN00001", "2026-03-09", "P1", "U", NOW) for n in range(90))
    for name, known in ROLLOUTS.items():
        r = replace(known, results=tuple(done), ticks=ticks, follow_ups=later, overridden=(PASSED_OVER,) * 40)
        if r.work:
            r = replace(r, work=replace(r.work, running=refs[:60]))
        sound(m.card(r, plan, None, NOW))
        shown = m.preparation(r, plan, NOW)
        sound(shown)
        sound(m.sign_off(r, plan, 2, NOW))
        sound(m.checks(r, plan, NOW))
        sound(m.follow_ups(r, plan, NOW))
        sound(m.approval(r, plan, r.stage, r.approval.attempt if r.approval else 1, NOW))
        for event in (ev.WorkFinished(Phase.VERIFY, "", refs, NOW), ev.WorkFinished(Phase.ON_ROLLBACK, "", refs, NOW)):
            sound(m.tell(event, r, plan))
        if name == "preparing":
            assert len(accessories(shown)) >= 10
            assert "/rollout tick" in render(shown) or "more not shown" in render(shown) or "未显示" in render(shown)


def test_a_report_as_text_is_whole_or_says_what_is_missing(m: Messages) -> None:
    markdown = "\n".join(f"| {n} | <a> & b | {'长' * 30} |" for n in range(200))
    pieces = m.report_as_text(COMPLETE, markdown)
    for piece in pieces:
        sound(piece)
    assert all(f"| {n} |" in "".join(map(render, pieces)) for n in range(200))
    cut = m.report_as_text(COMPLETE, markdown * 60)
    assert len(cut) <= 17


# -- the card --------------------------------------------------------------------------------------------------------


def confirmation(r: object, plan: object = BOOKED) -> str:
    blocks = as_json(EN.card(r, plan, None, NOW))  # type: ignore[arg-type]
    (button,) = [e for b in blocks if b["type"] == "actions" for e in b["elements"] if e["action_id"].endswith("back")]
    return str(button["confirm"]["text"]["text"])


def test_a_rollback_to_a_version_that_was_taken_off_says_so_before() -> None:
    assert "was taken off" in confirmation(COMPLETE)
    kept = replace(COMPLETE, results=tuple(d for d in COMPLETE.results if d.ref != TAKE_OFF))
    assert "was taken off" not in confirmation(kept)
    assert "start it again first" in render(EN.card(COMPLETE, BOOKED, None, NOW))
    assert "way back stays open" in render(EN.card(kept, BOOKED, None, NOW))


def gate(verdict: Verdict, canary: float | None = None, error: str = "") -> GateResult:
    return GateResult("load < 3s", "step:load", verdict, canary, error=error)


def at_half(*gates: GateResult) -> str:
    r = a_rollout(Status.BAKING, "50%", 3, work=Work(Phase.DURING_STAGE, "50%", 5, (LOAD,)))
    return render(ZH.card(r, BOOKED, a_board(stage="50%", gates=(*rows(), *gates)), NOW))


def test_the_list_tells_of_what_was_done_in_a_stage_that_is_over() -> None:
    during = Work(Phase.DURING_STAGE, "100%", 6)
    later = a_rollout(Status.BAKING, "100%", 4, bake_started_at=NOW, results=(did(LOAD),), work=during)
    assert "✅ 压测" in render(EN.checks(later, BOOKED, NOW))
    over = replace(later, results=(did(LOAD, Outcome.FAILED),), overridden=(replace(PASSED_OVER, ref=LOAD),))
    assert "passed over" in render(EN.checks(over, BOOKED, NOW))
    again = replace(over, results=(replace(did(LOAD, Outcome.FAILED), finished_at=NOW),))
    assert "passed over" not in render(EN.checks(again, BOOKED, NOW))


def test_a_load_test_is_a_row_of_the_gates() -> None:
    waiting = at_half(gate(Verdict.NOT_ENOUGH_DATA))
    assert "压测 < 3s" in waiting and "⏳ 压测 < 3s：尚未结束" in waiting
    assert "样本 0" not in waiting
    assert "1.23" in at_half(gate(Verdict.PASS, 1.234))
    failed = at_half(gate(Verdict.FAIL, error="k6: connection refused"))
    assert "❌ 压测 < 3s：“k6: connection refused”" in failed
    # Nobody knows how it ended: that is not metrics which cannot be read.
    unknown = at_half(gate(Verdict.BLIND, error="the connection was lost"))
    assert "读不到" not in unknown and "the connection was lost" in unknown


def test_a_value_that_failed_is_never_rounded_onto_its_threshold() -> None:
    assert "3.0004" in at_half(gate(Verdict.FAIL, 3.0004))


def test_a_load_test_that_holds_a_stage_is_named_with_its_value() -> None:

    held = a_rollout(Status.HELD, "50%", 3, hold=Hold.GATES_FAILED, hold_detail="load < 3s")
    board = a_board(stage="50%", gates=(gate(Verdict.FAIL, error="exit 99: thresholds crossed"),))
    assert "❌ 压测 < 3s：“exit 99: thresholds crossed”" in render(ZH.card(held, BOOKED, board, NOW))


def test_promote_waits_for_the_last_steps_of_the_stage(m: Messages) -> None:
    step = WorkRef("step", "tell", Phase.AFTER_STAGE, "10%", "bot")
    r = a_rollout(Status.PASSED, done=3, work=Work(Phase.AFTER_STAGE, "10%", 5, (step,)))

    def offered(rollout: Rollout) -> bool:
        return "rollout.promote" in str(m.card(rollout, BOOKED, None, NOW).blocks)

    assert not offered(r)
    assert offered(replace(r, work=replace(r.work, running=(), finished=True)))


@pytest.mark.parametrize(("hash_", "label"), [(BOOKED.hash, "Run it again"), ("other", "Ask again")])
def test_the_button_of_a_failed_step_says_what_it_will_do(hash_: str, label: str) -> None:
    assert f"[ {label} " in render(EN.card(replace(ROLLOUTS["held_step"], plan_hash=hash_), BOOKED, None, NOW))


# -- what a rollback cannot undo -------------------------------------------------------------------------------------


def test_what_cannot_be_undone_is_said_in_full_first_and_short_later() -> None:
    first = render(EN.approval(ROLLOUTS["prepared"], BOOKED, "internal", 1, NOW))
    assert "does not undo everything" in first and "迁移 0042" in first
    later = a_rollout(Status.AWAITING_APPROVAL, live_stage="1%", approval=asking())
    said = render(EN.approval(later, BOOKED, "10%", 3, NOW))
    assert "Not undone by a rollback" in said and "does not undo everything" not in said
    assert "undo" not in render(EN.approval(later, a_plan(runbook=Runbook()), "10%", 3, NOW))


def test_what_was_passed_over_is_evidence_of_every_asking() -> None:
    later = a_rollout(
        Status.AWAITING_APPROVAL, live_stage="1%", approval=asking(), results=(FULL,), overridden=(PASSED_OVER,)
    )
    said = render(EN.approval(later, BOOKED, "10%", 3, NOW))
    assert "磁盘空间 failed and was passed over" in said and "the volume grows tonight" in said


# -- preparation -----------------------------------------------------------------------------------------------------


def test_a_piece_that_is_tried_again_runs_and_has_not_failed() -> None:
    again = preparing(results=(FULL,), work=Work(Phase.PREPARE, "", 3, (DISK,)))
    shown = render(EN.preparation(again, BOOKED, NOW))
    assert "⏳ 磁盘空间" in shown and "❌" not in shown


def test_once_the_first_approval_is_asked_nothing_can_be_ticked_any_more() -> None:
    assert accessories(EN.preparation(ROLLOUTS["preparing"], BOOKED, NOW))
    for state in ("prepared", "not_started"):
        assert accessories(EN.preparation(ROLLOUTS[state], BOOKED, NOW)) == []


def test_the_preparation_does_not_change_with_the_clock() -> None:
    r = ROLLOUTS["preparing"]
    assert EN.preparation(r, BOOKED, NOW) == EN.preparation(r, BOOKED, NOW + 40)


def test_a_must_is_shown_beside_its_value() -> None:
    book = replace(BOOK, checks=(replace(BOOK.checks[3], must=Must("<", 0.4, "< 0.4%")),))
    shown = render(EN.preparation(ROLLOUTS["preparing_ticks"], a_plan(runbook=book), NOW))
    assert "0.42 (< 0.4%)" in shown
