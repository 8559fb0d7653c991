"""The measured share: when it is what it should be, and what waits for it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rollout import events as ev
from bot.rollout import intents as it
from bot.rollout.model import Hold, Status, Verdict
from bot.rollout.plan import OnVerdict, ShareRule, Stage
from bot.rollout.share import Measured, settled, target
from tests.rollout.kit import (
    ANN,
    AWFUL,
    BLIND,
    EMPTY,
    FEW,
    GOOD,
    INTERVAL,
    PLAN,
    SHARE,
    SKEWED,
    Flow,
    Reading,
    names,
    stage,
    with_stage,
)


def near(weight: float, share: float | None, requests: float, tolerance: float = 0.0) -> bool:
    plan = replace(SHARE, share=ShareRule("hits", tolerance))
    return settled(plan, stage("s", weight), Measured(share, requests))


def test_an_audience_has_no_target_nor_has_a_plan_without_a_share() -> None:
    assert target(SHARE, SHARE.stage("internal")) is None
    assert target(PLAN, PLAN.stage("few")) is None
    assert target(SHARE, SHARE.stage("few")) == 5.0


@pytest.mark.parametrize(
    ("weight", "share", "requests", "tolerance", "expected"),
    [
        (10.0, 9.7, 10_000, 0.0, True),
        (10.0, 9.7, 10_000_000, 0.0, False),  # with so many requests chance explains no 0.3 points
        (10.0, 9.7, 10_000_000, 0.5, True),
        (10.0, 12.0, 1_000, 0.0, True),
        (10.0, 50.0, 1_000, 1.0, False),
        (10.0, 10.0, 199, 50.0, False),  # fewer than 20 expected
        (1.0, 0.0, 1e9, 50.0, False),  # a tolerance never makes nothing out of the share
        (1.0, 0.0, 2_000, 0.0, False),
        (1.0, 1.4, 1e9, 50.0, True),
        (100.0, 100.0, 20, 0.0, True),
        (100.0, 99.5, 1e6, 0.0, False),
        (100.0, 99.5, 1e6, 1.0, True),
        (10.0, None, 0, 50.0, False),
    ],
)
def test_what_is_near_enough(weight: float, share: float | None, requests: float, tolerance: float, expected: bool):  # type: ignore[no-untyped-def]
    assert near(weight, share, requests, tolerance) is expected


@pytest.mark.parametrize("weight", [1.0, 5.0, 50.0])
@pytest.mark.parametrize("requests", [2_500, 10_000, 40_000])
def test_chance_alone_is_turned_away_about_once_in_a_thousand(weight: float, requests: int) -> None:
    """Against the exact binomial distribution: how likely an honest canary is not near enough."""
    p = weight / 100
    if requests * p < 20:
        return
    odds = [
        math.lgamma(requests + 1) - math.lgamma(k + 1) - math.lgamma(requests - k + 1)
        + k * math.log(p) + (requests - k) * math.log(1 - p)
        for k in range(requests + 1)
    ]  # fmt: skip
    turned = sum(math.exp(odd) for k, odd in enumerate(odds) if not near(weight, 100 * k / requests, requests))
    assert 0.0003 <= turned <= 0.003


@given(st.floats(0.01, 100), st.floats(0, 100), st.floats(0, 1e12), st.floats(0, 50))
def test_twice_or_none_of_the_share_is_never_near_with_enough_requests(
    weight: float, share: float, requests: float, tolerance: float
) -> None:
    if not near(weight, share, requests, tolerance):
        return
    assert requests * weight / 100 >= 20
    assert 0 < share < weight * 2 or math.isclose(share, weight * 2)


def waiting() -> Flow:
    return Flow(plan=SHARE).to_baking("few")


def test_nothing_counts_before_the_canary_gets_its_share() -> None:
    flow = waiting()
    for _ in range(2):
        flow.evaluate(SKEWED)
    assert flow.board is not None
    assert (flow.board.baked, flow.board.share, flow.board.settled_at) == (0.0, pytest.approx(60.0), None)
    assert {g.verdict for g in flow.board.gates} == {Verdict.NOT_ENOUGH_DATA}
    assert {g.readings for g in flow.board.gates} == {0}
    assert names(flow.evaluate(GOOD)) == ["ShareSettled"]
    assert (flow.board.baked, flow.board.settled_at, flow.board.started_at) == (0.0, flow.now, flow.now)
    flow.evaluate(GOOD)
    assert flow.board.baked == INTERVAL
    assert {g.readings for g in flow.board.gates} == {1}
    flow.bake()
    assert flow.r.status is Status.PASSED


def test_a_stage_for_an_audience_waits_for_no_share() -> None:
    flow = Flow(plan=SHARE).to_baking("internal")
    flow.evaluate(SKEWED)
    assert flow.board is not None and flow.board.baked == INTERVAL


def test_it_is_told_once_and_then_held_and_never_passed() -> None:
    flow = waiting().bake(SKEWED)
    told = [e for e in flow.log if isinstance(e, ev.ShareAstray)]
    assert [(e.share, e.target, e.requests) for e in told] == [(pytest.approx(60.0), 5.0, 50_000.0)]
    assert told[0].at - told[0].since >= 45.0
    assert (flow.r.status, flow.r.hold) == (Status.HELD, Hold.NOT_ENOUGH_DATA)
    assert flow.r.hold_detail == "share 60.00 % of 5 %"
    assert "BakeProlonged" not in names(flow.log)
    assert [e.stage for e in flow.log if isinstance(e, ev.StagePassed)] == ["internal"]


@pytest.mark.parametrize("reading", [EMPTY, FEW, Reading(samples=None)])
def test_too_few_requests_or_none_settle_nothing(reading: Reading) -> None:
    flow = waiting()
    for _ in range(4):
        flow.evaluate(reading)
    assert flow.board is not None and flow.board.settled_at is None
    assert names(flow.log).count("ShareAstray") == 1


def test_a_retry_waits_for_the_share_anew_and_tells_anew() -> None:
    flow = waiting().bake(SKEWED)
    flow.act(it.Retry(ANN))
    assert flow.r.share == ""
    flow.bake(SKEWED)
    assert names(flow.log).count("ShareAstray") == 2
    flow.act(it.Retry(ANN))
    flow.bake(GOOD)
    assert flow.r.status is Status.PASSED


def test_a_pause_settles_nothing_and_does_not_use_up_the_waiting() -> None:
    flow = waiting()
    flow.act(it.Pause(ANN))
    for _ in range(20):
        assert flow.evaluate(GOOD) == ()
    flow.act(it.Resume(ANN))
    assert names(flow.evaluate(GOOD)) == ["ShareSettled"]


def test_a_share_that_cannot_be_read_is_blindness_until_it_has_settled() -> None:
    unread = Reading(failed=("hits",))
    flow = waiting()
    for _ in range(5):
        flow.evaluate(unread)
    lost = next(e for e in flow.log if isinstance(e, ev.SightLost))
    assert lost.error == "hits failed"
    flow.evaluate(GOOD)
    assert names(flow.log).count("SightRegained") == 1
    flow.evaluate(unread)
    assert flow.board is not None and flow.board.baked == INTERVAL, "the gates can be read, and the share has settled"


def test_triggers_wait_for_nothing() -> None:
    flow = waiting()
    flow.evaluate(replace(AWFUL, share=60.0))
    assert flow.r.status is Status.ROLLING_BACK


def test_the_policy_for_not_enough_data_is_the_policy_here() -> None:
    plan = with_stage(SHARE, "few", on_not_enough_data=OnVerdict.ROLLBACK)
    flow = Flow(plan=plan).to_baking("few").bake(SKEWED)
    assert flow.r.rollback and flow.r.rollback.reason == "share 60.00 % of 5 %"


def test_blindness_does_not_use_up_the_waiting() -> None:
    flow = waiting()
    for _ in range(20):
        flow.evaluate(BLIND)
    assert flow.r.status is Status.BAKING
    assert "ShareAstray" not in names(flow.log)


def test_at_the_end_the_share_is_everything() -> None:
    everybody: Stage = SHARE.stage("all")
    assert settled(SHARE, everybody, Measured(100.0, 1e6))
    assert not settled(SHARE, everybody, Measured(97.0, 1e6))
