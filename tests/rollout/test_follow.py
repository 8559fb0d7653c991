"""What the world is asked to do for each event, and what the channel hears of it."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from bot.rollout import effects as fx
from bot.rollout import events as ev
from bot.rollout import intents as it
from bot.rollout.effects import Effect
from bot.rollout.evolve import evolve
from bot.rollout.follow import follow, lane
from bot.rollout.model import Hold, ServiceState, Verdict
from bot.rollout.work import Outcome
from tests.rollout.book import booked
from tests.rollout.kit import ANN, BAD, BEN, BLIND, EVE, FLIP, GOOD, OTHER_PLAN, SHARE, SKEWED, WAVES, YES, Flow, lower
from tests.rollout.situations import SITUATIONS, situation


def long_story() -> list[tuple[ev.Event, ServiceState, tuple[Effect, ...]]]:
    """Walks in which every kind of event happens, each with the state after it and its effects."""
    flows = [situation(name) for name in SITUATIONS]

    flow = situation("awaiting_2nd")
    flow.approve(EVE)
    flow.act(it.Pause(ANN))
    flow.act(it.Resume(ANN))
    flow.drifted(lower(), highest=9)
    flow.act(it.AnswerDrift(ANN, "adopt"))
    flow.drifted(lower(digest="other"))
    flow.drifted()
    flow.act(it.AddNote(BEN, "hello"))
    flow.change_plan(OTHER_PLAN)
    flow.approve()
    flow.shifted(ok=False)
    flow.act(it.Retry(ANN))
    flow.shifted()
    for reading in (GOOD, GOOD, GOOD, BAD, GOOD):
        flow.evaluate(reading)
    for _ in range(6):
        flow.evaluate(BLIND)
    flow.evaluate(GOOD)
    flows.append(flow)

    flow = situation("held_gates")
    flow.act(it.Retry(ANN))
    flow.act(it.Promote(ANN, "because"))
    flows.append(flow)

    flow = Flow(plan=SHARE).to_baking("few")
    for _ in range(4):
        flow.evaluate(SKEWED)
    flow.evaluate(GOOD)
    flows.append(flow)

    flows.append(Flow(plan=WAVES).to_baking("internal"))

    flow = situation("stepping_down")
    flow.shifted()
    flow.tick(60)
    flows.append(flow)

    flows += [booked_and_completed(), booked_and_taken_back()]
    flow = situation("baking")
    flow.act(it.Promote(ANN, "because"))
    flow.approve()
    flow.shifted(left_out=(("h2", "no answer"),))
    flow.act(it.ReportCaughtUp(flow.r.generation, ("h2",)))
    flows.append(flow)

    flow = Flow(plan=FLIP).to_baking("all").bake()
    flow.tick(900)
    flows.append(flow)

    told = []
    for flow in flows:
        state = ServiceState("shop")
        for event in flow.log:
            state = evolve(state, event)
            told.append((event, state, follow(event, state)))
    return told


def booked_and_completed() -> Flow:
    flow = booked().start_book().work(disk=Outcome.FAILED)
    flow.act(it.Override(ANN, "disk", "being cleaned"))
    flow.work().tick_all()
    flow.to_watch()
    for _ in range(9):
        flow.evaluate()
    flow.tick(600)
    flow.work()
    flow.later(1).act(it.NoteReport(flow.r.id, 1, "digest", flow.now))
    flow.act(it.AddFollowUp(ANN, "mend it", "UBEN", "2026-12-01"))
    flow.later(1).act(it.NoteReport(flow.r.id, 2, "digest", flow.now))
    flow.act(it.Tick(today="2026-12-02"))
    flow.act(it.CloseFollowUp(BEN, "F1"))
    flow.tick(3600)
    flow.act(it.ReportSignatures(flow.r.id, 2, (it.Reaction(ANN, YES), it.Reaction(BEN, YES))))
    return flow


def booked_and_taken_back() -> Flow:
    flow = booked().to_stage("few").work()
    flow.act(it.RollBack(EVE, "it smells"))
    flow.restored()
    return flow.work(stop_new=Outcome.FAILED)


STORY = long_story()
SHOWN = ("ApprovalAsked", "ApproversChanged", "StageApproved", "ApprovalClosed")


def of(kind: type[ev.Event]) -> list[tuple[ev.Event, ServiceState, tuple[Effect, ...]]]:
    return [entry for entry in STORY if isinstance(entry[0], kind)]


@pytest.mark.parametrize("kind", get_args(ev.Event), ids=lambda k: k.__name__)
def test_every_event_happens_in_the_story(kind: type[ev.Event]) -> None:
    assert of(kind)


def test_traffic_moves_only_because_it_was_ordered() -> None:
    for event, state, effects in STORY:
        shifts = [e for e in effects if isinstance(e, fx.ShiftTraffic)]
        restores = [e for e in effects if isinstance(e, fx.RestoreTraffic)]
        assert bool(shifts) == isinstance(event, ev.ShiftOrdered | ev.WaveOrdered | ev.StepDownOrdered)
        assert bool(restores) == isinstance(event, ev.RollbackOrdered)
        if isinstance(event, ev.ShiftOrdered):
            assert state.rollout
            asked_for = event.why != "stage"  # a person said so, seeing what is there
            first = 1 if event.waves else 0
            assert shifts == [
                fx.ShiftTraffic(state.rollout.id, event.stage, event.generation, overwrite=asked_for, wave=first)
            ]
        if isinstance(event, ev.WaveOrdered):
            assert state.rollout
            assert shifts == [fx.ShiftTraffic(state.rollout.id, event.stage, event.generation, wave=event.wave)]
        if isinstance(event, ev.RollbackOrdered):
            assert state.rollout
            assert restores == [fx.RestoreTraffic(state.rollout.id, event.generation)]


def test_the_card_follows_every_event_of_a_rollout() -> None:
    for _, state, effects in STORY:
        assert state.rollout
        assert [e for e in effects if isinstance(e, fx.ShowCard)] == [fx.ShowCard(state.rollout.id)]


BROADCAST = {
    "ShiftFailed",
    "StageHeld",
    "SightLost",
    "ShareAstray",
    "DriftFound",
    "RollbackOrdered",
    "RolledBack",
    "RolloutCompleted",
    "WorkOverridden",
    "SignedOff",
}
SILENT = {
    "ApprovalAsked",
    "ReactionRefused",
    "ApproversChanged",
    "GenerationSeen",
    "WaveOrdered",
    "ItemTicked",
    "ReportPosted",
    "SignaturesChanged",
}
SOMETIMES = {"WorkOrdered", "WorkDone", "WorkFinished", "ReportOrdered"}  # see the test of work alone


def test_the_channel_hears_of_failures_rollbacks_and_the_end_only() -> None:
    for event, state, effects in STORY:
        kind = type(event).__name__
        tells = [e for e in effects if isinstance(e, fx.Tell)]
        if isinstance(event, ev.VerdictChanged):
            assert bool(tells) == (Verdict.FAIL in (event.gate.verdict, event.before))
            assert all(not t.broadcast for t in tells)
            continue
        if kind in SOMETIMES:
            assert len(tells) <= 1
            continue
        if kind in SILENT or (isinstance(event, ev.ShiftOrdered) and event.why == "stage"):
            assert tells == []
            continue
        assert len(tells) == 1, kind
        assert tells[0].seq == state.seq
        assert tells[0].event == event
        expected = bool(event.pending) if isinstance(event, ev.HostsRestored) else kind in BROADCAST
        expected = bool(event.left_out) if isinstance(event, ev.ShiftDone) else expected
        expected = event.step == 1 if isinstance(event, ev.StepDownOrdered) else expected
        assert tells[0].broadcast == expected, kind


def test_of_the_work_failures_and_steps_are_told_and_only_what_is_left_undone_aloud() -> None:
    told = {
        (e.result.ref.name, e.result.passed)
        for e, _, effects in STORY
        if isinstance(e, ev.WorkDone) and any(isinstance(x, fx.Tell) for x in effects)
    }
    assert ("disk", False) in told and ("stop_new", False) in told and ("warm", True) in told
    assert not told & {("clean", True), ("deploy", True), ("db", True)}  # the message about the preparation has them
    aloud = [
        (e.phase.value, t.broadcast)
        for e, _, effects in STORY
        if isinstance(e, ev.WorkFinished)
        for t in effects
        if isinstance(t, fx.Tell)
    ]
    assert aloud == [("on_rollback", True), ("verify", False)]


def test_an_asking_is_shown_whenever_it_changes_and_once_it_is_over() -> None:
    for event, state, effects in STORY:
        shown = [e for e in effects if isinstance(e, fx.ShowApproval)]
        if type(event).__name__ in SHOWN:
            assert [(s.stage, s.attempt) for s in shown] == [(event.stage, event.attempt)]  # type: ignore[union-attr]
        elif isinstance(event, ev.RollbackOrdered | ev.RolloutCancelled) or (getattr(event, "step", 0) == 1 and shown):
            assert state.rollout and state.rollout.approval
            assert [(s.stage, s.attempt) for s in shown] == [
                (state.rollout.approval.stage, state.rollout.approval.attempt)
            ]
        else:
            assert shown == []


def test_a_refused_person_gets_a_private_sentence() -> None:
    for event, state, effects in of(ev.ReactionRefused):
        assert isinstance(event, ev.ReactionRefused)
        whispers = [e for e in effects if isinstance(e, fx.Whisper)]
        assert [(w.user, w.code, w.stage, w.attempt, w.seq) for w in whispers] == [
            (event.user, event.code, event.stage, event.attempt, state.seq)
        ]
    assert not any(
        isinstance(e, fx.Whisper) for event, _, effects in STORY if not isinstance(event, ev.ReactionRefused)
        for e in effects
    )  # fmt: skip


def test_reactions_are_read_again_only_when_something_stood_in_their_way() -> None:
    for event, state, effects in STORY:
        read = [e for e in effects if isinstance(e, fx.ReadReactions)]
        assert state.rollout
        approval = state.rollout.approval
        waiting = approval is not None and not approval.decided
        way_free = isinstance(event, ev.RolloutResumed | ev.DriftGone | ev.DriftAdopted)
        assert bool(read) == (way_free and waiting)


def test_hosts_are_read_at_the_start_and_when_something_did_not_work() -> None:
    for event, _, effects in STORY:
        read = [e for e in effects if isinstance(e, fx.ReadFleet)]
        wanted = isinstance(event, ev.RolloutStarted | ev.ShiftFailed) or (
            isinstance(event, ev.HostsRestored) and bool(event.pending)
        )
        assert bool(read) == wanted


def test_an_unfinished_rollback_is_broadcast_and_a_finished_report_is_not() -> None:
    flow = situation("rolling_back")
    flow.effects.clear()
    flow.act(it.ReportRollback(flow.r.generation, ("h1",), (("h2", "silent"),)))
    assert [e.broadcast for e in flow.effects if isinstance(e, fx.Tell)] == [True]


def test_every_key_is_its_own_but_for_what_shows_the_present() -> None:
    for flow in (situation(name) for name in SITUATIONS):
        keys = [e.key for e in flow.effects if not isinstance(e, fx.COALESCED)]  # type: ignore[attr-defined]
        assert len(keys) == len(set(keys))


def test_a_rollback_comes_first_and_one_lane_holds_all_orders_of_a_service() -> None:
    effects: list[Effect] = [e for _, _, found in STORY for e in found]
    restore = [e for e in effects if isinstance(e, fx.RestoreTraffic)]
    assert {e.priority for e in restore} == {0}
    assert all(e.priority > 0 for e in effects if not isinstance(e, fx.RestoreTraffic))
    assert {lane(e, "shop") for e in effects if isinstance(e, fx.RestoreTraffic | fx.ShiftTraffic)} == {"fleet:shop"}
    assert all(lane(e, "shop") != "fleet:shop" for e in effects if isinstance(e, fx.ReadFleet | fx.Tell | fx.ShowCard))
    assert {lane(e, "shop") for e in effects} == {
        "fleet:shop",
        "catchup:shop",
        "read:shop",
        "reactions:shop",
        "approval:shop",
        "chat:shop",
        "card:shop",
        "preparation:shop",
        "report:shop",
    } | {lane(e, "shop") for e in effects if isinstance(e, fx.DoWork)}
    assert all(lane(e, "shop").startswith("work:shop:") for e in effects if isinstance(e, fx.DoWork))


def test_without_a_rollout_there_is_nobody_to_tell() -> None:
    state = evolve(ServiceState("shop"), ev.GenerationSeen(4, 1.0))
    assert follow(ev.GenerationSeen(4, 1.0), state) == ()


# --- evolve


def every_event() -> list[ev.Event]:
    unique = {type(event): event for event, _, _ in STORY}
    return list(unique.values())


@pytest.mark.parametrize("event", every_event(), ids=lambda e: type(e).__name__)
def test_evolve_takes_any_event_in_any_state(event: ev.Event) -> None:
    """Logs outlive the code that wrote them: what would not be decided today is folded all the same."""
    for name in SITUATIONS:
        state = situation(name).state
        after = evolve(state, event)
        assert after.seq == state.seq + 1
        assert after.generation >= state.generation


def test_an_event_has_a_time_and_the_dataclasses_stay_frozen() -> None:
    for kind in get_args(ev.Event):
        assert "at" in {f.name for f in dataclasses.fields(kind)}
        assert kind.__dataclass_params__.frozen


def test_events_after_a_decision_do_not_reopen_it() -> None:
    flow = situation("baking")
    approval = flow.r.approval
    assert approval
    closed = evolve(flow.state, ev.ApprovalClosed("few", approval.attempt, "vetoed", "UANN", flow.now))
    assert closed.rollout and closed.rollout.approval and closed.rollout.approval.decided == "approved"


def test_the_last_told_row_of_a_gate_is_kept() -> None:
    flow = situation("held_gates")
    record = flow.r.record("few")
    assert record
    assert {g.text: g.verdict for g in record.gates} == {
        "error_rate < 5%": Verdict.FAIL,
        "users > 1": Verdict.PASS,
    }


def test_a_hold_is_gone_with_the_next_step() -> None:
    for name in ("held_gates", "held_data", "held_shift", "held_vetoed", "held_expired", "held_plan"):
        flow = situation(name)
        assert flow.r.hold in Hold
        flow.act(it.Retry(ANN))
        assert (flow.r.hold, flow.r.hold_detail) == (None, "")
