"""Verdicts, bakes and triggers: no data is never a pass, and one bad sample is no catastrophe."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rollout.gate import (
    Value,
    conclusion,
    gate_window,
    judge,
    left,
    needs,
    overdue,
    tripped,
)
from bot.rollout.model import Board, Rollout, Status, Verdict
from bot.rollout.plan import Condition, Plan, Stage
from tests.rollout.kit import (
    AWFUL,
    BAD,
    BAKE,
    BLIND,
    EMPTY,
    ERRORS,
    FAST_TRIP,
    FEW,
    GOOD,
    INTERVAL,
    METRICS,
    NAN,
    PLAN,
    SLOW_TRIP,
    T0,
    USERS,
    Reading,
    plan,
    stage,
)

FEW_STAGE = PLAN.stage("few")
ROLLOUT = Rollout(
    "R1", "shop", "2.0.0", "1.0.0", ("10.0.0.1:80",), ("10.0.0.2:80",), "s", "UINI", "", PLAN.hash, T0,
    Status.BAKING, "few", live_generation=2, live_stage="few", bake_started_at=T0,
)  # fmt: skip
EMPTY_BOARD = Board("R1", "few", 2, T0)


def look(
    board: Board,
    reading: Reading,
    seconds: float = INTERVAL,
    *,
    of: Plan = PLAN,
    at: Stage = FEW_STAGE,
    counting: bool = True,
    delay: float = 0.0,
) -> Board:
    """One evaluation `seconds` after the last; Prometheus takes `delay` of them."""
    now = (board.started_at if board.last_at is None else board.last_at) + seconds
    values = {n: reading.value(n) for n in needs(of, ROLLOUT, at, board, now - delay)}
    return judge(of, at, board, values, now, counting=counting)


def looks(*readings: Reading, board: Board = EMPTY_BOARD, **more: object) -> Board:
    for reading in readings:
        board = look(board, reading, **more)  # type: ignore[arg-type]
    return board


def verdicts(board: Board) -> list[Verdict]:
    return [g.verdict for g in board.gates]


# --- what is asked for


def test_each_value_is_wanted_once() -> None:
    wanted = needs(PLAN, ROLLOUT, FEW_STAGE, EMPTY_BOARD, T0 + 100)
    keys = [(n.metric, n.pool, n.window) for n in wanted]
    assert len(keys) == len(set(keys))
    assert set(keys) == {
        ("error_rate", "canary", 100.0),
        ("error_rate", "stable", 100.0),
        ("requests", "canary", 100.0),
        ("requests", "stable", 100.0),
        ("users", "canary", 100.0),
        ("error_rate", "canary", 60.0),
        ("requests", "canary", 60.0),
    }


def test_each_pool_is_asked_with_its_own_version_and_backends() -> None:
    wanted = {(n.metric, n.pool, n.window): n.promql for n in needs(PLAN, ROLLOUT, FEW_STAGE, EMPTY_BOARD, T0 + 100)}
    assert wanted["error_rate", "stable", 100.0] == 'err{v="1.0.0"}[100s]'
    assert wanted["requests", "canary", 100.0] == 'req{p="canary"}[100s]'
    assert wanted["error_rate", "canary", 60.0] == 'err{v="2.0.0"}[60s]'


@pytest.mark.parametrize(("past", "window"), [(0, 60), (59, 60), (61, 61), (3600.4, 3600), (3600.6, 3601)])
def test_a_gate_looks_over_its_whole_bake_and_never_over_too_little(past: float, window: float) -> None:
    assert gate_window(PLAN, EMPTY_BOARD, T0 + past) == window


@pytest.mark.parametrize("delay", [0.0, 0.4, 0.6, 1.0, 4.9])
@pytest.mark.parametrize("at", [15.0, 60.5, 61.0, 90.0])
def test_a_slow_prometheus_is_not_blindness(at: float, delay: float) -> None:
    """The window grows between asking and judging; the answers are still the answers to what was asked."""
    board = look(EMPTY_BOARD, GOOD, at, delay=delay)
    assert board.blind_since is None
    assert board.share == 50.0
    assert board.gates[0].canary == 1.0


# --- verdicts


def test_the_four_verdicts() -> None:
    assert verdicts(looks(GOOD, GOOD, GOOD)) == [Verdict.PASS, Verdict.PASS]
    assert verdicts(looks(BAD, BAD, BAD)) == [Verdict.FAIL, Verdict.PASS]
    assert verdicts(looks(FEW, FEW, FEW)) == [Verdict.NOT_ENOUGH_DATA, Verdict.PASS]
    assert verdicts(looks(BLIND, BLIND, BLIND)) == [Verdict.BLIND, Verdict.BLIND]
    assert verdicts(looks(EMPTY, EMPTY, EMPTY)) == [Verdict.NOT_ENOUGH_DATA] * 2


@pytest.mark.parametrize(("samples", "verdict"), [(99.0, Verdict.NOT_ENOUGH_DATA), (100.0, Verdict.PASS)])
def test_min_samples(samples: float, verdict: Verdict) -> None:
    assert looks(*[Reading(samples=samples)] * 3).gates[0].verdict is verdict


def test_a_metric_may_lower_min_samples_for_itself() -> None:
    metrics = tuple(replace(m, min_samples=2) if m.name == "error_rate" else m for m in METRICS)
    assert looks(FEW, FEW, FEW, of=plan(metrics=metrics)).gates[0].verdict is Verdict.PASS


def test_min_readings_and_only_real_ones_count() -> None:
    assert verdicts(looks(GOOD, GOOD))[0] is Verdict.NOT_ENOUGH_DATA
    assert verdicts(looks(GOOD, EMPTY, BLIND, NAN, GOOD))[0] is Verdict.NOT_ENOUGH_DATA
    assert verdicts(looks(GOOD, EMPTY, BLIND, NAN, GOOD, GOOD))[0] is Verdict.PASS


def test_a_value_without_its_samples_is_blind_or_not_enough() -> None:
    assert looks(*[Reading(failed=("requests",))] * 4).gates[0].verdict is Verdict.BLIND
    assert looks(*[Reading(samples=None)] * 4).gates[0].verdict is Verdict.NOT_ENOUGH_DATA


@pytest.mark.parametrize("trap", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("op", ["<", "<=", ">", ">=", "==", "!="])
def test_what_is_not_a_number_passes_no_gate_and_trips_no_trigger(op: str, trap: float) -> None:
    gate = Condition(f"error_rate {op} 5", "error_rate", op, 5.0)  # type: ignore[arg-type]
    trigger = replace(gate, window=60.0)
    board = looks(*[Reading(errors=trap)] * 9, of=plan(triggers=(trigger,)), at=stage("few", 5.0, gates=(gate,)))
    assert verdicts(board) == [Verdict.NOT_ENOUGH_DATA]
    assert board.baked == 0
    assert tripped(board) is None


def test_samples_that_are_not_a_number_are_no_samples() -> None:
    board = looks(*[Reading(samples=math.nan)] * 4)
    assert board.gates[0].verdict is Verdict.NOT_ENOUGH_DATA


def test_a_value_that_comes_with_an_error_is_not_a_value() -> None:
    now = T0 + INTERVAL
    values = {n: Value(1.0, "half an answer") for n in needs(PLAN, ROLLOUT, FEW_STAGE, EMPTY_BOARD, now)}
    board = judge(PLAN, FEW_STAGE, EMPTY_BOARD, values, now, counting=True)
    assert verdicts(board) == [Verdict.BLIND] * 2
    assert [g.canary for g in board.gates] == [None, None]
    assert board.gates[0].readings == 0


def test_a_need_that_was_not_answered_at_all_is_blind() -> None:
    board = judge(PLAN, FEW_STAGE, EMPTY_BOARD, {}, T0 + INTERVAL, counting=True)
    assert verdicts(board) == [Verdict.BLIND] * 2
    assert board.baked == 0


# --- the bake


def test_the_bake_passes_once_measured_for_its_whole_time() -> None:
    board = EMPTY_BOARD
    for n in range(1, 5):
        assert conclusion(board, FEW_STAGE) is None
        board = look(board, GOOD)
        assert board.baked == n * INTERVAL
    assert conclusion(board, FEW_STAGE) is Verdict.PASS
    assert left(board, FEW_STAGE) == 0


def test_a_gap_counts_for_two_intervals_at_most() -> None:
    board = look(look(EMPTY_BOARD, GOOD), GOOD, seconds=10 * 3600)
    assert board.baked == INTERVAL + 2 * INTERVAL
    assert conclusion(board, FEW_STAGE) is None


def test_the_first_evaluation_after_a_late_start_does_not_count_for_all_of_it() -> None:
    assert look(EMPTY_BOARD, GOOD, seconds=10 * 3600).baked == 2 * INTERVAL


@pytest.mark.parametrize("bad", [EMPTY, BLIND, NAN, Reading(users=None), Reading(failed=("users",))])
def test_a_blind_or_empty_stretch_does_not_count(bad: Reading) -> None:
    board = looks(GOOD, GOOD, *[bad] * 20)
    assert board.baked == 2 * INTERVAL
    assert conclusion(board, FEW_STAGE) in (None, Verdict.BLIND)


def test_time_that_is_not_counting_does_not_count() -> None:
    board = looks(*[GOOD] * 20, counting=False)
    assert board.baked == 0
    assert conclusion(board, FEW_STAGE) is None


def test_a_bake_that_is_blind_at_its_end_is_not_over() -> None:
    board = looks(*[GOOD] * 6, BLIND)
    assert board.baked >= BAKE
    assert conclusion(board, FEW_STAGE) is Verdict.BLIND
    assert conclusion(look(board, GOOD), FEW_STAGE) is Verdict.PASS


def test_a_bake_that_is_empty_at_its_end_is_not_a_pass() -> None:
    assert conclusion(looks(*[GOOD] * 6, EMPTY), FEW_STAGE) is Verdict.NOT_ENOUGH_DATA


def test_the_worst_verdict_is_the_conclusion() -> None:
    board = looks(*[Reading(errors=8.0, users=1.0)] * 4)
    assert conclusion(board, FEW_STAGE) is Verdict.FAIL
    assert conclusion(looks(*[Reading(samples=3.0, users=0.0)] * 4), FEW_STAGE) is Verdict.FAIL


def test_a_board_that_lacks_a_gate_of_the_stage_does_not_pass() -> None:
    board = looks(*[GOOD] * 4)
    assert conclusion(replace(board, gates=board.gates[:1]), FEW_STAGE) is Verdict.NOT_ENOUGH_DATA


def test_max_bake_waits_for_neither_the_blind_nor_the_paused_nor_the_stopped() -> None:
    """Else whoever pauses overnight comes back to a stage that is overdue, and perhaps rolled back for it."""
    for unfit in (
        looks(GOOD, *[BLIND] * 100, GOOD),
        looks(GOOD, board=looks(*[GOOD] * 100, counting=False)),
        look(look(EMPTY_BOARD, GOOD), GOOD, seconds=48 * 3600),
    ):
        assert unfit.last_at is not None
        assert unfit.last_at - T0 > FEW_STAGE.max_bake
        assert not overdue(unfit, FEW_STAGE, unfit.last_at)
    waiting = looks(*[EMPTY] * 8)
    assert overdue(waiting, FEW_STAGE, T0 + 8 * INTERVAL)
    assert not overdue(waiting, FEW_STAGE, T0 + 8 * INTERVAL - 1)


READINGS = st.sampled_from([GOOD, BAD, FEW, EMPTY, BLIND, NAN, AWFUL, Reading(users=None), Reading(failed=("users",))])
STEP = st.tuples(READINGS, st.floats(0.0, 4 * INTERVAL), st.booleans())


@settings(deadline=None)
@given(st.lists(STEP, max_size=40))
def test_the_bake_is_never_more_than_what_was_really_measured(steps: list[tuple[Reading, float, bool]]) -> None:
    """An oracle of its own: every step's time, where it counted and every gate had a value, two intervals at most."""
    board, real = EMPTY_BOARD, 0.0
    for reading, seconds, counting in steps:
        before = board
        board = look(board, reading, seconds, counting=counting)
        seen = reading in (GOOD, BAD, FEW, AWFUL)
        real += min(seconds, 2 * INTERVAL) if seen and counting else 0.0
        assert board.baked == pytest.approx(real, abs=1e-3)  # Unix seconds have no digits left for microseconds
        assert board.baked - before.baked <= seconds + 1e-6
        if conclusion(board, FEW_STAGE) is Verdict.PASS:
            assert real >= BAKE - 1e-3
            assert all(ERRORS.holds(g.canary) if g.metric == "error_rate" else True for g in board.gates if g.canary)
            assert board.gates[0].samples is not None and board.gates[0].samples >= FEW_STAGE.min_samples
            assert all(g.readings >= FEW_STAGE.min_readings for g in board.gates)
            assert seen
        total = board.baked + board.blind_total + board.idle_total
        assert total <= (board.last_at or T0) - T0 + 1e-3, "no second is accounted for twice"


@settings(deadline=None)
@given(st.lists(st.sampled_from([EMPTY, BLIND, NAN, FEW, Reading(users=None)]), max_size=60))
def test_never_a_pass_on_no_data(readings: list[Reading]) -> None:
    assert conclusion(looks(*readings), FEW_STAGE) is not Verdict.PASS


# --- triggers


def test_one_bad_reading_does_not_trip_a_trigger_that_waits() -> None:
    spike = Reading(errors=12.0)
    board = look(EMPTY_BOARD, spike)
    assert tripped(board) is None
    assert board.triggers[0].holding_since == T0 + INTERVAL
    assert tripped(look(board, GOOD)) is None
    assert look(board, GOOD).triggers[0].holding_since is None
    assert tripped(look(look(board, GOOD), spike)) is None


def test_a_bad_stretch_trips_it_after_its_time() -> None:
    spike = Reading(errors=12.0)
    board = looks(spike, spike)
    assert tripped(board) is None
    trip = tripped(look(board, spike))
    assert trip is not None
    assert (trip.text, trip.value, trip.holding_since) == (SLOW_TRIP.text, 12.0, T0 + INTERVAL)


def test_a_catastrophe_trips_at_once() -> None:
    trip = tripped(look(EMPTY_BOARD, AWFUL))
    assert trip is not None
    assert trip.text == FAST_TRIP.text


@pytest.mark.parametrize(
    "nothing", [EMPTY, NAN, Reading(errors=50.0, samples=19.0), Reading(errors=50.0, samples=None)]
)
def test_too_little_data_neither_trips_nor_clears(nothing: Reading) -> None:
    assert tripped(looks(nothing, nothing, nothing, nothing)) is None
    holding = look(EMPTY_BOARD, Reading(errors=12.0))
    assert look(holding, nothing).triggers[0].holding_since == T0 + INTERVAL
    calm = look(EMPTY_BOARD, GOOD)
    assert look(calm, nothing).triggers[0].holding_since is None
    assert tripped(looks(Reading(errors=12.0, samples=20.0), board=look(look(holding, nothing), nothing))) is not None


def test_too_few_good_samples_do_not_clear_it_either() -> None:
    holding = look(EMPTY_BOARD, Reading(errors=12.0))
    assert look(holding, Reading(errors=0.0, samples=5.0)).triggers[0].holding_since == T0 + INTERVAL


def test_a_trigger_that_cannot_be_read_is_blindness() -> None:
    assert looks(BLIND).triggers[0].error
    samples_only = looks(Reading(failed=("requests",)), at=stage("few", 5.0, gates=(USERS,)))
    assert samples_only.triggers[0].error == "requests failed"
    assert samples_only.blind_since is not None
    assert tripped(looks(Reading(errors=50.0, failed=("requests",)))) is None


def test_triggers_are_judged_also_where_the_bake_does_not_count() -> None:
    assert tripped(look(EMPTY_BOARD, AWFUL, counting=False)) is not None


def test_a_trigger_looks_over_its_own_window() -> None:
    board = looks(GOOD, GOOD, GOOD, GOOD, Reading(errors=1.0, quick=50.0))
    assert board.gates[0].canary == 1.0
    assert tripped(board) is not None


def test_the_share_is_kept_when_it_cannot_be_measured() -> None:
    board = looks(GOOD, EMPTY)
    assert board.share == 50.0


def test_blindness_has_its_beginning_and_its_length() -> None:
    board = looks(GOOD, BLIND, BLIND)
    assert (board.blind_since, board.blind_total) == (T0 + 2 * INTERVAL, 2 * INTERVAL)
    board = look(board, GOOD)
    assert (board.blind_since, board.blind_total) == (None, 2 * INTERVAL)
