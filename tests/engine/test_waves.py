"""Waves through the whole engine: which hosts serve what, and that nothing of a shift that failed stays behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bot.fleet.fake import Fault
from bot.rollout import events as ev
from bot.rollout.intents import NotePlan, Promote, Retry, RollBack
from bot.rollout.model import Hold, Status
from bot.rollout.plan import FleetPlan, Host, Plan
from tests.engine.conftest import CHEN, LIN, SERVICE, WANG, Rig, a_plan

HOSTS = ("lb-1", "lb-2", "lb-3")


def plan(source: str = "waves") -> Plan:
    hosts = (Host("lb-1", wave=1), Host("lb-2"), Host("lb-3"))
    return a_plan(source=source, fleet=FleetPlan("local", hosts, wave_bake=3.0))


def served(rig: Rig) -> list[tuple[int, float] | None]:
    found = [rig.fleet.served(name, SERVICE) for name in HOSTS]
    return [(s.generation, {"canary": 100.0, "stable": 0.0}.get(s.mode, s.weight)) if s else None for s in found]


async def first_wave() -> Rig:
    """lb-1 has the 10 %, and is being watched."""
    rig = Rig(plan())
    await rig.start()
    await rig.react(WANG.user)
    assert served(rig) == [(1, 10.0), None, None]
    assert (await rig.rollout()).baking_wave
    return rig


async def until(rig: Rig, *statuses: Status, most: int = 60) -> None:
    for _ in range(most):
        if (await rig.rollout()).status in statuses:
            return
        await rig.tick()
    raise AssertionError(await rig.rollout())


async def passed() -> Rig:
    """10 % passed everywhere."""
    rig = await first_wave()
    await until(rig, Status.PASSED)
    assert served(rig) == [(1, 10.0)] * 3
    return rig


async def second_stage() -> Rig:
    """lb-1 has everybody, the others have the 10 %."""
    rig = await passed()
    await rig.rollouts.submit(SERVICE, Promote(LIN))
    await rig.work()
    await rig.react(WANG.user)
    assert served(rig) == [(2, 100.0), (1, 10.0), (1, 10.0)]
    return rig


async def events(rig: Rig) -> list[str]:
    return [type(event).__name__ for _, event in await rig.store.events(SERVICE)]


async def test_one_load_balancer_goes_first_and_the_rest_follow() -> None:
    rig = await second_stage()
    await until(rig, Status.COMPLETED)
    assert served(rig) == [(2, 100.0)] * 3
    found = await events(rig)
    assert (found.count("WaveDone"), found.count("WaveOrdered"), found.count("ShiftDone")) == (2, 2, 2)
    done = [e for _, e in await rig.store.events(SERVICE) if isinstance(e, ev.ShiftDone)]
    assert [e.hosts for e in done] == [HOSTS, HOSTS]


async def test_a_restart_at_any_moment_delays_and_changes_nothing() -> None:
    rig = await first_wave()
    for _ in range(40):
        rig.build()
        rig.now += 1.0
        await rig.observer.evaluate(SERVICE)
        rig.build()
        await rig.work()
        if (await rig.rollout()).status is Status.PASSED:
            break
    assert served(rig) == [(1, 10.0)] * 3
    assert (await events(rig)).count("WaveOrdered") == 1


async def test_time_the_bot_was_away_is_not_time_the_wave_was_watched() -> None:
    rig = await first_wave()
    rig.build()
    await rig.tick(3600.0)
    assert served(rig) == [(1, 10.0), None, None]


@pytest.mark.parametrize("fault", [Fault.UNREACHABLE, Fault.TEST_FAILS, Fault.RELOAD_IGNORED])
async def test_what_fails_in_a_later_wave_takes_the_earlier_one_back(fault: Fault) -> None:
    rig = await second_stage()
    rig.fleet.fault("lb-3", fault)
    await until(rig, Status.HELD)
    assert (await rig.rollout()).hold is Hold.SHIFT_FAILED
    assert served(rig) == [(1, 10.0)] * 3
    rig.fleet.mend("lb-3")
    await rig.tick()
    assert (await rig.rollout()).drift == (), "what was put back is what was live"
    await rig.rollouts.submit(SERVICE, Retry(LIN))
    await rig.work()
    assert served(rig) == [(3, 100.0), (1, 10.0), (1, 10.0)]
    await until(rig, Status.COMPLETED)
    assert served(rig) == [(3, 100.0)] * 3


async def test_what_fails_in_the_first_wave_touches_nobody_else() -> None:
    rig = await passed()
    rig.fleet.fault("lb-1", Fault.TEST_FAILS)
    await rig.rollouts.submit(SERVICE, Promote(LIN))
    await rig.work()
    await rig.react(WANG.user)
    assert (await rig.rollout()).hold is Hold.SHIFT_FAILED
    assert served(rig) == [(1, 10.0)] * 3


async def test_a_changed_plan_takes_the_first_wave_back() -> None:
    rig = await second_stage()
    rig.plan = plan("another")
    rig.build()
    await rig.rollouts.submit(SERVICE, NotePlan())
    await until(rig, Status.HELD)
    assert (await rig.rollout()).hold_detail.endswith("the plan changed after the approval")
    assert served(rig) == [(1, 10.0)] * 3


async def test_a_stage_that_is_gone_from_the_plan_is_taken_back_all_the_same() -> None:
    rig = await second_stage()
    stages = (rig.plan.stages[0], replace(rig.plan.stages[1], name="everybody"))
    rig.plan = replace(plan("without"), stages=stages)
    rig.build()
    await until(rig, Status.HELD)
    assert served(rig) == [(1, 10.0)] * 3


@pytest.mark.parametrize("changed", ["lb-1", "lb-2"])
async def test_a_host_changed_by_hand_between_waves_stops_the_shift_and_waits_for_an_answer(changed: str) -> None:
    """What a person set is never raised without an answer, not by putting back either."""
    rig = await second_stage()
    zero = {"lb-1": ("# weight 100.00", "# weight 0.00"), "lb-2": ("# weight 10.00", "# weight 0.00")}[changed]
    rig.fleet.edit(changed, SERVICE, lambda text: text.replace(*zero).replace("# mode canary", "# mode shift"))
    await until(rig, Status.HELD)
    await rig.work()
    weights = dict(zip(HOSTS, served(rig), strict=True))
    others = {found for name, found in weights.items() if name != changed}
    assert others == {(1, 10.0)}
    assert weights[changed] == ((2, 0.0) if changed == "lb-1" else (1, 0.0))
    assert [d.host for d in (await rig.rollout()).drift] == [changed]


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("share", ["1.00", "0.00", "none"])
async def test_a_retry_overwrites_what_was_there_before_it_and_no_later_change(again: bool, share: str) -> None:
    """Also in the first shift that this log knows of, which has nothing to compare a host with."""
    rig = await first_wave()
    if again:
        rig.fleet.fault("lb-3", Fault.TEST_FAILS)
        await until(rig, Status.HELD)
        rig.fleet.mend("lb-3")
        await rig.rollouts.submit(SERVICE, Retry(LIN))
        await rig.work()
    rig.fleet.edit(
        "lb-1", SERVICE, lambda text: "" if share == "none" else text.replace("# weight 10.00", f"# weight {share}")
    )
    before = served(rig)
    await until(rig, Status.HELD)
    rollout = await rig.rollout()
    assert rollout.hold is Hold.SHIFT_FAILED and "lb-1: " in rollout.hold_detail
    assert served(rig) == before, "nobody's share was raised"


async def test_what_was_changed_after_the_look_is_named_when_the_next_wave_fails() -> None:
    rig = await first_wave()
    read = rig.fleet.part

    def part(hosts: Sequence[str]) -> object:
        """The hosts have been looked at by then."""
        rig.fleet.edit("lb-1", SERVICE, lambda text: text.replace("# weight 10.00", "# weight 0.50"))
        rig.fleet.fault("lb-3", Fault.UNREACHABLE)
        return read(hosts)

    rig.fleet.part = part  # type: ignore[method-assign, assignment]
    await until(rig, Status.HELD)
    detail = (await rig.rollout()).hold_detail
    assert "lb-3: " in detail and "lb-1: has a file of this order already" in detail
    assert served(rig)[0] == (1, 0.5), "it is somebody's, and stays"


async def test_a_host_that_went_down_between_waves_was_changed_by_nobody() -> None:
    rig = await first_wave()
    rig.fleet.fault("lb-1", Fault.STOPPED)
    await until(rig, Status.HELD)
    detail = (await rig.rollout()).hold_detail
    assert "lb-1: " in detail and "by hand" not in detail
    assert [rig.fleet.served(name, SERVICE) for name in HOSTS[1:]] == [None, None]


async def test_a_trigger_between_waves_brings_every_host_back() -> None:
    rig = await second_stage()
    rig.metrics.values["error_rate"] = 50.0
    for _ in range(6):
        await rig.tick()
    assert (await rig.rollout()).status is Status.ROLLED_BACK
    assert {found[1] for found in served(rig) if found} == {0.0}
    assert "WaveOrdered" not in (await events(rig))[-6:]


async def test_a_rollback_between_waves_brings_every_host_back() -> None:
    rig = await first_wave()
    await rig.rollouts.submit(SERVICE, RollBack(CHEN, "it smells"))
    await rig.work()
    assert served(rig) == [(2, 0.0)] * 3
    assert (await rig.rollout()).status is Status.ROLLED_BACK


async def test_blind_no_wave_follows() -> None:
    rig = await first_wave()
    rig.metrics.error = "no connection"
    for _ in range(30):
        await rig.tick()
    assert served(rig) == [(1, 10.0), None, None]
    assert "SightLost" in await events(rig)
    rig.metrics.error = ""
    await until(rig, Status.BAKING)
    assert served(rig) == [(1, 10.0)] * 3


async def test_the_card_is_kept_up_to_date_between_waves() -> None:
    rig = await first_wave()
    rendered: list[Any] = []
    real = rig.store.board

    async def board(rollout: str, stage: str) -> Any:
        rendered.append(stage)
        return await real(rollout, stage)

    rig.store.board = board  # type: ignore[method-assign]
    await rig.tick()
    assert rendered and set(rendered) == {"10%"}
