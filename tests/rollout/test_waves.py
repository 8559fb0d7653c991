"""Waves: some hosts first, watched by the triggers alone, and everything taken back where the rest cannot follow."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bot.rollout import effects as fx
from bot.rollout import events as ev
from bot.rollout import intents as it
from bot.rollout.evolve import fold
from bot.rollout.model import Hold, ServiceState, Status
from bot.rollout.plan import FleetPlan, Host
from bot.rollout.waves import hosts_up_to, watched_stage, waves
from bot.store.codec import EFFECTS, EVENTS, STATES
from tests.rollout.kit import (
    ANN,
    AWFUL,
    BLIND,
    EVE,
    GOOD,
    HOSTS,
    INTERVAL,
    OTHER_PLAN,
    PLAN,
    SHARE,
    WAVES,
    Flow,
    lower,
    names,
    plan,
)
from tests.rollout.situations import situation


def fleet(*marks: int) -> FleetPlan:
    return FleetPlan("local", tuple(Host(f"h{n}", wave=wave) for n, wave in enumerate(marks, 1)))


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ((), ()),
        ((0, 0), ()),
        ((1, 1), ()),
        ((1, 0, 0), (("h1",), ("h2", "h3"))),
        ((0, 2, 1), (("h3",), ("h2",), ("h1",))),
        ((3, 7), (("h1",), ("h2",))),
        ((2, 1, 2), (("h2",), ("h1", "h3"))),
    ],
)
def test_who_goes_when(marks: tuple[int, ...], expected: tuple[tuple[str, ...], ...]) -> None:
    assert waves(plan("w", fleet=fleet(*marks))) == expected


def shifts(flow: Flow) -> list[tuple[int, int]]:
    return [(e.generation, e.wave) for e in flow.effects if isinstance(e, fx.ShiftTraffic)]


def test_each_wave_is_ordered_with_the_stages_one_generation_after_the_one_before_was_watched() -> None:
    flow = Flow(plan=WAVES).start()
    assert names(flow.approve())[-1] == "ShiftOrdered"
    assert (flow.r.waves, flow.r.wave, flow.r.waved) == ((("h1",), ("h2", "h3")), 1, 0)
    assert not flow.r.baking_wave and flow.r.watched == ("", 0)
    (done,) = flow.shifted()
    assert isinstance(done, ev.WaveDone) and (done.wave, done.waves, done.hosts) == (1, 2, ("h1",))
    assert flow.r.baking_wave and flow.r.watched == ("internal", 1)
    assert flow.evaluate(GOOD) == ()
    assert names(flow.evaluate(GOOD)) == ["WaveOrdered"]
    assert shifts(flow) == [(1, 1), (1, 2)]
    assert hosts_up_to(flow.r, 2) == HOSTS
    assert names(flow.shifted()) == ["ShiftDone"]
    assert (flow.r.status, flow.r.live_generation, flow.r.waves, flow.r.wave) == (Status.BAKING, 1, (), 0)


def test_no_gate_and_no_share_counts_between_waves() -> None:
    flow = situation("wave")
    stage = watched_stage(replace(WAVES, share=SHARE.share), flow.r)
    assert (stage.gates, stage.weight, stage.bake) == ((), 0.0, 30.0)
    flow.next_wave()
    flow.shifted()
    flow.evaluate(GOOD)
    assert flow.board is not None and flow.board.baked == INTERVAL, "the bake begins with the last wave"


def test_the_keys_of_the_waves_effects_differ() -> None:
    flow = situation("wave")
    flow.next_wave()
    keys = [e.key for e in flow.effects if isinstance(e, fx.ShiftTraffic)]
    assert len(keys) == len(set(keys)) == 2


def test_a_report_of_a_wave_counts_once_and_for_that_wave_alone() -> None:
    flow = situation("wave")
    for wave in (0, 1, 2):
        assert flow.act(it.ReportShift(flow.r.generation, True, "done", (), 1.0, HOSTS, wave)) == ()
        assert flow.act(it.ReportShift(flow.r.generation, False, "refused", (), wave=wave)) == ()
    flow.next_wave()
    assert flow.act(it.ReportShift(flow.r.generation, True, "done", (), 1.0, ("h1",), 1)) == (), "come twice"
    assert flow.r.status is Status.SHIFTING


def test_triggers_act_from_the_first_wave_of_the_first_stage() -> None:
    flow = situation("wave")
    assert "RollbackOrdered" in names(flow.evaluate(AWFUL))
    assert (flow.r.waves, flow.r.wave, flow.r.wave_at) == ((), 0, None)
    assert names(flow.restored()) == ["HostsRestored", "RolledBack"]


def test_triggers_act_while_the_next_wave_is_being_shifted() -> None:
    flow = situation("wave")
    flow.next_wave()
    assert not flow.r.baking_wave
    assert "RollbackOrdered" in names(flow.evaluate(AWFUL))


def test_a_wave_waits_for_sight_and_for_people() -> None:
    flow = situation("wave")
    for _ in range(9):
        assert "WaveOrdered" not in names(flow.evaluate(BLIND))
    assert "SightLost" in names(flow.log)
    flow.act(it.Pause(ANN))
    for _ in range(9):
        assert "WaveOrdered" not in names(flow.evaluate(GOOD))
    flow.act(it.Resume(ANN))
    assert "WaveOrdered" in names(flow.next_wave())


def test_a_rollback_overtakes_a_wave() -> None:
    for where in (situation("wave"), situation("wave")):
        generation = where.r.generation
        where.act(it.RollBack(EVE, "it smells"))
        assert where.act(it.ReportShift(generation, True, "done", (), 1.0, HOSTS, 1)) == ()
        assert where.act(it.ReportShift(generation, True, "done", (), 1.0, HOSTS, 2)) == ()
        assert where.r.status is Status.ROLLING_BACK


def test_a_wave_that_fails_holds_and_a_retry_begins_with_the_first() -> None:
    flow = situation("wave")
    flow.next_wave()
    assert names(flow.shifted(ok=False)) == ["ShiftFailed"]
    assert (flow.r.hold, flow.r.waves, flow.r.watched) == (Hold.SHIFT_FAILED, (), ("", 0))
    (order,) = flow.act(it.Retry(ANN))
    assert isinstance(order, ev.ShiftOrdered) and order.waves == (("h1",), ("h2", "h3"))
    assert (flow.r.wave, flow.r.overwrite) == (1, True)
    flow.shifted()
    flow.next_wave()
    last = [e for e in flow.effects if isinstance(e, fx.ShiftTraffic)][-1]
    assert (last.wave, last.overwrite) == (2, True)


def test_a_changed_plan_between_waves_has_the_next_ordered_so_that_it_is_refused() -> None:
    flow = situation("wave")
    assert flow.change_plan(OTHER_PLAN) == ()
    assert names(flow.evaluate(GOOD)) == ["WaveOrdered"]


def test_restoring_goes_to_all_hosts_at_once() -> None:
    flow = Flow(plan=WAVES).to_baking("few")
    flow.drifted(lower())
    (order,) = flow.act(it.AnswerDrift(ANN, "restore"))
    assert isinstance(order, ev.ShiftOrdered) and order.waves == ()


def test_waves_to_the_end_and_the_log_tells_it_again() -> None:
    flow = Flow(plan=WAVES).to_baking("all").bake()
    assert flow.r.status is Status.WATCHING
    assert names(flow.log).count("WaveOrdered") == len(WAVES.stages)
    decoded = [EVENTS.decode(EVENTS.encode(e)) for e in flow.log]
    assert fold(ServiceState("shop"), decoded) == flow.state


def test_a_log_and_a_state_from_before_there_were_waves_are_read() -> None:
    old = '{"@":"ShiftOrdered/1","stage":"few","generation":3,"weight":5.0,"why":"stage","by":"U1","at":1.0}'
    assert EVENTS.decode(old) == ev.ShiftOrdered("few", 3, 5.0, "stage", "U1", 1.0)
    effect = '{"@":"ShiftTraffic/1","rollout":"R","stage":"few","generation":3,"overwrite":false}'
    assert EFFECTS.decode(effect).key == "shift:R:3"
    state = json.loads(STATES.encode(situation("shifting").state))
    for field in ("waves", "wave", "waved", "wave_at", "overwrite", "share", "warm_until", "released_at"):
        del state["rollout"][field]
    assert STATES.decode(json.dumps(state)) == situation("shifting").state


def test_no_waves_no_difference() -> None:
    flow = Flow(plan=PLAN).start()
    flow.approve()
    assert shifts(flow) == [(1, 0)]
    assert names(flow.shifted()) == ["ShiftDone"]
