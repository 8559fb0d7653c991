"""What each message says, by example."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from bot.engine.ports.rendered import Outgoing
from bot.rollout import events as ev
from bot.rollout.events import Event
from bot.rollout.intents import Refusal
from bot.rollout.model import Hold, Status, Verdict
from bot.slack.messages import Messages
from tests.slack.messages.samples import (
    CARDS,
    DRIFT,
    NOW,
    PLAN,
    TRIPPED,
    a_board,
    a_plan,
    a_rollout,
    as_json,
    asking,
    render,
    rows,
)

EN, ZH = Messages("en", "Asia/Shanghai"), Messages("zh", "Asia/Shanghai")
ROLLOUT = CARDS["baking"][0]


def buttons(message: Outgoing) -> list[str]:
    found = [e for b in as_json(message) if b["type"] == "actions" for e in b["elements"]]
    assert all(e["value"] == "brand-diagnosis|ROLLOUT-20260302-1" for e in found)
    return [e["action_id"].removeprefix("rollout.") + ("?" if "confirm" in e else "") for e in found]


def test_after_the_flip_the_card_says_that_the_old_version_is_the_way_back() -> None:
    plan = a_plan(traffic=replace(PLAN.traffic, strategy="blue_green"))
    for at, said in (("internal", False), ("100%", True)):
        shown = render(EN.card(a_rollout(Status.BAKING, at), plan, None, NOW))
        assert ("2.0.0 must stay up" in shown) == said
    assert "must stay up" not in render(EN.card(a_rollout(Status.BAKING, "100%"), PLAN, None, NOW))


def test_a_stage_of_0_is_for_whoever_is_invited() -> None:
    stages = (replace(PLAN.stages[0], name="green", audience=None), PLAN.stages[-1])
    plan = a_plan(traffic=replace(PLAN.traffic, strategy="blue_green"), stages=stages)
    shown = render(EN.card(a_rollout(Status.BAKING, "green", 0), plan, None, NOW))
    assert "only who is invited" in shown and "0 % of everyone" not in shown


@pytest.mark.parametrize("detail", ["share 3.10 % of 10 %", "share not measured of 10 %", "measured for 30 s of 60 s"])
def test_a_detail_of_decide_is_never_english_in_chinese(detail: str) -> None:
    held = replace(ROLLOUT, status=Status.HELD, hold=Hold.NOT_ENOUGH_DATA, hold_detail=detail, stages=())
    refused = ZH.refusal(Refusal("held_gates", (("stage", "10%"), ("detail", detail))), held, PLAN)
    event = ev.StageHeld("10%", Hold.NOT_ENOUGH_DATA, detail, (), NOW)
    for said in (render(ZH.card(held, PLAN, None, NOW)), refused, render(ZH.tell(event, held, PLAN))):
        assert "share" not in said and "measured" not in said
        assert "10 %" in said or "30 秒" in said


def test_a_salt_of_ones_own_is_shown_where_it_counts() -> None:
    salted = replace(ROLLOUT, salt="ROLLOUT-20260101-9")
    assert "· salt `ROLLOUT-20260101-9`" in render(EN.card(salted, PLAN, None, NOW))
    assert "salt" not in render(EN.card(ROLLOUT, PLAN, None, NOW))
    dry = render(EN.plan(salted, PLAN))
    assert "Sticky salt: `ROLLOUT-20260101-9`" in dry
    assert "/rollout start brand-diagnosis 2.1.0 --sticky-salt ROLLOUT-20260101-9" in dry
    assert "the rollout's own id" in render(EN.plan(ROLLOUT, PLAN))
    weighted = a_plan(traffic=replace(PLAN.traffic, strategy="weighted"))
    assert "salt" not in render(EN.plan(salted, weighted)).lower().replace("--sticky-salt", "")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("started", ["pause", "rollback?"]),
        ("awaiting_approval", ["pause", "rollback?"]),
        ("shifting", ["pause", "rollback?"]),
        ("baking", ["pause", "rollback?"]),
        ("passed", ["promote", "pause", "rollback?"]),
        ("paused", ["resume", "rollback?"]),
        ("held_gates", ["retry", "pause", "rollback?"]),
        ("drift", ["restore?", "pause", "rollback?"]),
        ("watching", ["pause", "rollback?"]),
        ("step_waiting", ["rollback?"]),
        ("rolling_back", []),
        ("rolled_back", []),
        ("cancelled", []),
        ("completed", ["rollback?"]),
    ],
)
def test_buttons(m: Messages, state: str, expected: list[str]) -> None:
    rollout, board = CARDS[state]
    assert buttons(m.card(rollout, PLAN, board, NOW)) == expected


def test_a_lower_share_can_be_adopted(m: Messages) -> None:
    lower = replace(ROLLOUT, drift=(replace(DRIFT[0], share=5.0),))
    assert buttons(m.card(lower, PLAN, a_board(), NOW))[:2] == ["adopt", "restore?"]


def test_restore_only_under_the_approved_plan(m: Messages) -> None:
    other = replace(CARDS["drift"][0], live_plan_hash="other")
    assert "restore?" not in buttons(m.card(other, PLAN, a_board(), NOW))


def test_a_board_of_another_shift_is_disregarded() -> None:
    look = render(EN.card(ROLLOUT, PLAN, a_board(generation=6, share=77.7), NOW))
    assert "77.7" not in look
    assert "nothing measured yet" in look


def test_the_card_does_not_change_with_the_clock() -> None:
    """Nothing but an event or a measurement may edit it: Slack takes some fifty edits a minute."""
    rollout, board = CARDS["baking"]
    assert EN.card(rollout, PLAN, board, NOW) == EN.card(rollout, PLAN, board, NOW + 40)


def test_changed_plan_is_shown() -> None:
    look = render(EN.card(ROLLOUT, a_plan(source="two"), a_board(), NOW))
    assert "The plan changed" in look


def test_forced_stages_are_loud_in_the_asking(m: Messages) -> None:
    rollout = CARDS["awaiting_approval"][0]
    forced = replace(rollout.stages[1], passed_at=None, forced_by="U0WANG0001", forced_reason="<!here> hurry",
                     gates=rows(Verdict.FAIL))  # fmt: skip
    rollout = replace(rollout, stages=(rollout.stages[0], forced, *rollout.stages[2:]))
    look = render(m.approval(rollout, PLAN, "10%", 3, NOW))
    assert "🚨" in look
    assert "@U0WANG0001" in look
    assert "❌" in look


def test_quorum_and_who_is_missing() -> None:
    stages = tuple(replace(s, approval=replace(s.approval, quorum=2)) for s in PLAN.stages)
    plan = a_plan(stages=stages)
    rollout = replace(CARDS["awaiting_approval"][0], approval=asking(approvers=("U0WANG0001",)))
    look = render(EN.approval(rollout, plan, "10%", 3, NOW))
    assert "2 needed; not @U0LIN00001" in look
    assert "So far: @U0WANG0001; 1 missing." in look


def test_an_asking_that_takes_no_reactions_asks_for_none(m: Messages) -> None:
    held = replace(CARDS["awaiting_approval"][0], status=Status.HELD, hold=Hold.PLAN_CHANGED)
    late = replace(CARDS["awaiting_approval"][0], approval=asking(expires_at=NOW - 1))
    gone = replace(CARDS["awaiting_approval"][0], approval=None)
    for rollout in (held, late, gone):
        assert ":white_check_mark:" not in render(m.approval(rollout, PLAN, "10%", 3, NOW))


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (ev.RolloutStarted("R", "2.1.0", "2.0.0", (), (), "s", "U0LIN00001", "new", "abc", (), (), NOW),
         ["@U0LIN00001", "2.0.0 → 2.1.0", "new", "abc"]),
        (ev.StageApproved("10%", 1, ("U0WANG0001",), NOW), ["@U0WANG0001", "10%", "10 %"]),
        (ev.ApprovalClosed("10%", 1, "vetoed", "U0WANG0001", NOW), ["@U0WANG0001", "10%"]),
        (ev.ShiftDone("10%", 8, ("lb-1", "lb-2"), 3.21, NOW), ["lb-1", "3.2", "24", "8"]),
        (ev.ShiftDone("10%", 8, ("lb-1",), 3.21, NOW, (("lb-2", "no <answer>"),)),
         ["lb-1", "`max_unavailable`", "lb-2", "no <answer>"]),
        (ev.HostsCaughtUp(8, ("lb-2",), NOW), ["lb-2", "8"]),
        (ev.ShiftFailed("10%", 8, "reverted", (("lb-2", "nginx -t: <bad>"),), NOW), ["lb-2", "nginx -t", "<bad>"]),
        (ev.VerdictChanged("10%", rows(Verdict.FAIL)[0], Verdict.PASS, NOW), ["错误率 < 3 %", "4.20 %", "12,345"]),
        (ev.StagePassed("10%", rows(), 9.87, 86400.0, NOW), ["9.87 %", "✅", "P95", "24"]),
        (ev.StageHeld("10%", Hold.GATES_FAILED, "x", rows(Verdict.FAIL), NOW), ["❌", "/rollout retry", "--force"]),
        (ev.StageForced("10%", "U0WANG0001", "must", rows(Verdict.FAIL), None, 0.0, NOW), ["🚨", "@U0WANG", "must"]),
        (ev.RollbackOrdered(9, "trigger", "x", TRIPPED, "10%", NOW), ["2.0.0", "错误率 > 10 %", "14.20 %", "1,234"]),
        (ev.RollbackOrdered(9, "U0ZHAO0001", "slow", None, "10%", NOW), ["@U0ZHAO0001", "slow"]),
        (ev.HostsRestored(9, ("lb-1",), (("lb-2", "timeout"),), 0.8, NOW), ["lb-1", "lb-2", "timeout", "0.8"]),
        (ev.SightLost("10%", NOW - 120, "refused", NOW), ["14:01", "refused", "2"]),
        (ev.DriftFound(DRIFT, NOW), ["lb-2.example.com", "50 %"]),
        (ev.DriftGone(NOW), ["🧭"]),
        (ev.DriftGone(NOW, ("lb-2",)), ["lb-2", "nginx"]),
        (ev.RolloutPaused("U0ZHAO0001", "", NOW), ["@U0ZHAO0001"]),
        (ev.NoteAdded("U0WANG0001", "looked <at> it", "10%", NOW), ["looked <at> it"]),
    ],
)  # fmt: skip
def test_tell(m: Messages, event: Event, expected: list[str]) -> None:
    look = render(m.tell(event, ROLLOUT, PLAN))
    assert [part for part in expected if part not in look] == []
    assert ":03" in look, "when"


def test_whisper_names_the_rule_and_who_can() -> None:
    said = render(EN.whisper("own_rollout", ROLLOUT, PLAN, "10%"))
    assert "who started a rollout does not approve it" in said
    assert "release-managers" in said
    assert "发起人不能审批自己的发布" in render(ZH.whisper("own_rollout", ROLLOUT, PLAN, "10%"))


def test_refusal_through_error_keeps_its_mentions() -> None:
    refused = Refusal("decided", (("stage", "10%"), ("how", "approved"), ("by", "<@U0WANG0001>")))
    message = EN.error(EN.refusal(refused, ROLLOUT, PLAN))
    assert "<@U0WANG0001>" in as_json(message)[0]["text"]["text"]
    assert "&lt;@U0WANG0001" in as_json(EN.error("<@U0WANG0001>"))[0]["text"]["text"]


def test_status(m: Messages) -> None:
    states = [(*CARDS[k], PLAN) for k in ("baking",)]
    look = render(m.status([(r, p, b) for r, b, p in states], ["brand-diagnosis", "shop"], NOW))
    assert "ROLLOUT-20260302-1" in look
    assert "/rollout promote brand-diagnosis" in look
    assert "shop" in look


def test_status_at_rest_says_how_to_start(m: Messages) -> None:
    look = render(m.status([(CARDS["rolled_back"][0], PLAN, None)], ["brand-diagnosis"], NOW))
    assert "↩️" in look
    assert re.search("/rollout start brand-diagnosis (VERSION REASON|版本 原因)", look)
    assert render(m.status([], [], NOW))


def test_history(m: Messages) -> None:
    look = render(m.history([CARDS["rolled_back"][0], CARDS["completed"][0]], NOW))
    assert look.count("ROLLOUT-20260302-1") == 2
    assert "error_rate > 10%" in look
    assert "/rollout start" in render(m.history([], NOW))


def test_plan(m: Messages) -> None:
    rollout = a_rollout(Status.AWAITING_APPROVAL, "internal", 0, id="dry-run", initiator="", reason="")
    look = render(m.plan(rollout, PLAN, {"lb-1": "+ a <b>\n", "lb-2": "+ a <b>\n"}, ""))
    assert "`lb-1`" in look
    assert look.count("+ a <b>") == 1, "hosts with the same change are folded"
    assert "release-managers" in look
    assert "refused: lb-1" in render(m.plan(rollout, PLAN, None, "refused: lb-1"))


def test_diff_says_what_was_left_out() -> None:
    look = render(EN.diff({"lb-1": "\n".join(f"+ line {i}" for i in range(900)), "lb-2": ""}))
    assert "more lines not shown" in look
    assert "No change on `lb-2`" in look
    assert "1 of 2 hosts" in look


def test_help_and_replies(m: Messages) -> None:
    assert "/rollout rollback" in render(m.help([("rollback", "/rollout rollback [SERVICE]", "rollback")]))
    for kind in ("started", "promoted", "rolling_back", "paused", "resumed", "retried", "noted", "adopted", "restored",
                 "cancelled"):  # fmt: skip
        full = render(m.done(kind, service="shop", rollout="R-1", version="2", stable_version="1", stage="10%"))
        assert "?" not in full + render(m.done(kind))
    assert "`rollback`" in render(m.did_you_mean("rolback", "rollback", "/rollout rollback"))


@pytest.mark.parametrize("code", ["missing_service", "which_service", "unknown_service", "missing_version",
                                  "bad_version", "unexpected_word", "force_without_reason", "empty_note"])  # fmt: skip
def test_usage_errors_of_the_commands(code: str) -> None:
    look = render(EN.usage_error(code, "/rollout start SERVICE VERSION", service="s", services="a, b", word="w<x>"))
    assert "not understood" not in look
    assert "/rollout start SERVICE VERSION" in look


@pytest.mark.parametrize("names", [["lin", "wang"], ("lin", "wang"), {"lin": object(), "wang": object()}])
def test_of_what_has_names_a_usage_error_says_the_names(names: Any) -> None:
    """Whatever else is known of people, a telephone number or a class of the bot's, is nobody's business there."""
    look = render(EN.usage_error("unknown_person", "/rollout oncall", word="nobody", people=names))
    assert "there are `lin`, `wang`." in look


def test_unavailable() -> None:
    assert "being stopped" in render(EN.unavailable("stopping"))
    assert "disk <full>" in render(EN.unavailable("disk <full>"))
