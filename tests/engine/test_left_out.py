"""Hosts that the plan lets a shift go without: named, never above what was approved, and caught up when they answer."""

from __future__ import annotations

import pytest

from bot.fleet.fake import Fault
from bot.rollout import events as ev
from bot.rollout.intents import Pause, Promote, Resume, Retry, RollBack, Start
from bot.rollout.model import Hold, Status
from bot.rollout.plan import FleetPlan, Host, Plan
from tests.engine.conftest import CHEN, LIN, SERVICE, WANG, Rig, a_plan

HOSTS = ("lb-1", "lb-2", "lb-3")


def plan(source: str = "left out", most: int = 1, **waves: int) -> Plan:
    hosts = tuple(Host(name, wave=waves.get(name.replace("-", ""), 0)) for name in HOSTS)
    return a_plan(source=source, fleet=FleetPlan("local", hosts, wave_bake=1.0, max_unavailable=most))


def served(rig: Rig) -> list[tuple[int, float] | None]:
    found = [rig.fleet.served(name, SERVICE) for name in HOSTS]
    return [(s.generation, {"canary": 100.0, "stable": 0.0}.get(s.mode, s.weight)) if s else None for s in found]


async def until(rig: Rig, status: Status, most: int = 60) -> None:
    for _ in range(most):
        if (await rig.rollout()).status is status:
            return
        await rig.tick()
    raise AssertionError(await rig.rollout())


async def passed(rig: Rig) -> Rig:
    """10 % passed on every host."""
    await rig.start()
    await rig.react(WANG.user)
    await until(rig, Status.PASSED)
    return rig


async def on_to_everybody(rig: Rig) -> None:
    await rig.rollouts.submit(SERVICE, Promote(LIN))
    await rig.work()
    await rig.react(WANG.user)


async def of(rig: Rig, kind: type[ev.Event]) -> list[ev.Event]:
    return [event for _, event in await rig.store.events(SERVICE) if isinstance(event, kind)]


@pytest.mark.parametrize("fault", [Fault.UNREACHABLE, Fault.STOPPED])
async def test_a_host_that_is_away_is_left_out_named_and_caught_up(fault: Fault) -> None:
    rig = await passed(Rig(plan()))
    rig.fleet.fault("lb-2", fault)
    await on_to_everybody(rig)
    assert served(rig) == [(2, 100.0), (1, 10.0), (2, 100.0)]
    rollout = await rig.rollout()
    assert (rollout.status, rollout.left_out, rollout.drift) == (Status.BAKING, ("lb-2",), ())
    (done,) = [e for e in await of(rig, ev.ShiftDone) if isinstance(e, ev.ShiftDone) and e.generation == 2]
    assert [host for host, _ in done.left_out] == ["lb-2"] and done.hosts == ("lb-1", "lb-3")
    (told,) = [m for m in rig.chat.messages.values() if "ShiftDone" in m["text"] and "generation=2" in m["text"]]
    assert told["broadcast"], "named aloud"
    await rig.tick(30)
    assert (await rig.rollout()).left_out == ("lb-2",)
    rig.fleet.mend("lb-2")
    await rig.tick(30)
    assert served(rig) == [(2, 100.0)] * 3
    rollout = await rig.rollout()
    assert rollout.left_out == () and rollout.drift == ()
    assert [e.hosts for e in await of(rig, ev.HostsCaughtUp) if isinstance(e, ev.HostsCaughtUp)] == [("lb-2",)]


async def test_more_than_the_plan_allows_stop_the_shift() -> None:
    rig = await passed(Rig(plan()))
    for name in ("lb-2", "lb-3"):
        rig.fleet.fault(name, Fault.UNREACHABLE)
    await on_to_everybody(rig)
    assert served(rig) == [(1, 10.0)] * 3
    assert (await rig.rollout()).hold is Hold.SHIFT_FAILED
    rig.fleet.mend("lb-3")
    await rig.rollouts.submit(SERVICE, Retry(LIN))
    await rig.work()
    assert served(rig) == [(3, 100.0), (1, 10.0), (3, 100.0)]


async def test_a_host_whose_configuration_is_bad_is_not_away() -> None:
    rig = await passed(Rig(plan()))
    rig.fleet.fault("lb-2", Fault.TEST_FAILS)
    await on_to_everybody(rig)
    assert served(rig) == [(1, 10.0)] * 3 and (await rig.rollout()).hold is Hold.SHIFT_FAILED


async def test_the_first_shift_that_the_log_knows_of_needs_every_host() -> None:
    """What a host serves that was never read is not known, and so not whether it may be left at it."""
    rig = Rig(plan())
    rig.fleet.fault("lb-2", Fault.UNREACHABLE)
    await rig.start()
    await rig.react(WANG.user)
    assert (await rig.rollout()).hold is Hold.SHIFT_FAILED and served(rig) == [None] * 3


async def test_a_wave_of_nobody_does_not_count() -> None:
    rig = Rig(plan(lb1=1))
    await rig.start()
    await rig.react(WANG.user)
    await until(rig, Status.PASSED)
    rig.fleet.fault("lb-1", Fault.UNREACHABLE)
    await on_to_everybody(rig)
    assert (await rig.rollout()).hold is Hold.SHIFT_FAILED and served(rig) == [(1, 10.0)] * 3


async def test_a_rollback_leaves_nobody_out() -> None:
    rig = await passed(Rig(plan()))
    rig.fleet.fault("lb-2", Fault.UNREACHABLE)
    await on_to_everybody(rig)
    await rig.rollouts.submit(SERVICE, RollBack(CHEN, "no"))
    await rig.work()
    rollout = await rig.rollout()
    assert rollout.status is Status.ROLLING_BACK and rollout.rollback and rollout.rollback.pending == ("lb-2",)
    rig.fleet.mend("lb-2")
    await rig.tick(30)
    assert (await rig.rollout()).status is Status.ROLLED_BACK and served(rig) == [(3, 0.0)] * 3
    assert (await rig.rollout()).left_out == () and not await of(rig, ev.HostsCaughtUp)


async def test_nothing_is_complete_and_nothing_new_begins_before_every_host_of_the_plan_has_caught_up() -> None:
    rig = await passed(Rig(plan()))
    rig.fleet.fault("lb-2", Fault.UNREACHABLE)
    await on_to_everybody(rig)
    await until(rig, Status.WATCHING)
    for _ in range(20):
        await rig.tick()
    assert (await rig.rollout()).status is Status.WATCHING
    without = a_plan(source="fewer", fleet=FleetPlan("local", (Host("lb-1"), Host("lb-3")), max_unavailable=1))
    rig.plan = without
    rig.build()
    await until(rig, Status.COMPLETED)
    rig.plan = plan()
    rig.build()
    said = await rig.rollouts.submit(SERVICE, Start("R9", "3.0.0", LIN))
    assert said.refusal and (said.refusal.code, said.refusal.fact("hosts")) == ("hosts_behind", "lb-2")


async def test_what_a_person_wrote_on_it_meanwhile_is_not_overwritten() -> None:
    rig = await passed(Rig(plan()))
    rig.fleet.fault("lb-2", Fault.UNREACHABLE)
    await on_to_everybody(rig)
    rig.fleet.edit("lb-2", SERVICE, lambda text: text.replace("10.00%", "3.00%"))
    rig.fleet.mend("lb-2")
    await rig.tick(30)
    await rig.observer.read_fleet(SERVICE)
    assert [d.host for d in (await rig.rollout()).drift] == ["lb-2"]
    assert served(rig)[1] == (1, 10.0), "its header is as it was, and so is its file"


async def test_one_that_was_read_while_its_nginx_stopped_is_down_and_waits_for_nobody() -> None:
    rig = await passed(Rig(plan()))
    await rig.rollouts.submit(SERVICE, Promote(LIN))
    rig.fleet.fault("lb-2", Fault.STOPPING)
    await rig.observer.patrol(SERVICE)
    await rig.work()
    assert [(d.host, d.state) for d in (await rig.rollout()).drift] == [("lb-2", "stale")]
    await rig.react(WANG.user)
    assert (await rig.rollout()).status is Status.AWAITING_APPROVAL
    rig.fleet.mend("lb-2")
    rig.fleet.fault("lb-2", Fault.STOPPED)
    await rig.observer.patrol(SERVICE)
    await rig.work()
    rollout = await rig.rollout()
    assert (rollout.drift, rollout.status, rollout.left_out) == ((), Status.BAKING, ("lb-2",)), "nobody reacted again"
    assert [e.down for e in await of(rig, ev.DriftGone) if isinstance(e, ev.DriftGone)] == [("lb-2",)]
    rig.fleet.mend("lb-2")
    await rig.tick(30)
    assert served(rig) == [(2, 100.0)] * 3 and (await rig.rollout()).left_out == ()


@pytest.mark.parametrize("then", [Fault.STOPPED, Fault.STOPPING])
async def test_a_shift_that_meets_an_nginx_on_its_way_down_looks_once_more(then: Fault) -> None:
    """And no oftener: one that stays like that is shown."""
    rig = await passed(Rig(plan()))
    await rig.rollouts.submit(SERVICE, Promote(LIN))
    await rig.work()
    rig.fleet.fault("lb-2", Fault.STOPPING)
    await rig.react(WANG.user)
    assert (await rig.rollout()).status is Status.SHIFTING and served(rig)[0] == (1, 10.0)
    rig.fleet.mend("lb-2")
    rig.fleet.fault("lb-2", then)
    await rig.tick(3)
    rollout = await rig.rollout()
    if then is Fault.STOPPED:
        assert (rollout.status, rollout.left_out) == (Status.BAKING, ("lb-2",))
    else:
        assert rollout.hold is Hold.SHIFT_FAILED and "lb-2: changed by hand (stale)" in rollout.hold_detail


async def test_one_whose_catching_up_was_cut_off_catches_up_all_the_same() -> None:
    rig = await passed(Rig(plan()))
    rig.fleet.fault("lb-2", Fault.UNREACHABLE)
    await on_to_everybody(rig)
    text = next(r.body for r in await rig.fleet.read(SERVICE) if r.host == "lb-1")
    rig.fleet.edit("lb-2", SERVICE, lambda _: text, reload=False)  # as a kill between swap and reload leaves it
    rig.fleet.mend("lb-2")
    await rig.observer.patrol(SERVICE)
    await rig.tick(30)
    assert served(rig) == [(2, 100.0)] * 3 and (await rig.rollout()).left_out == ()
    assert not await of(rig, ev.DriftFound), "the bot's own doing"


@pytest.mark.parametrize("fault", [Fault.UNREACHABLE, Fault.STOPPED])
async def test_what_a_person_wrote_stays_drift_while_its_host_is_away(fault: Fault) -> None:
    rig = await passed(Rig(plan()))
    rig.fleet.edit("lb-2", SERVICE, lambda text: text.replace("10.00%", "3.00%"))
    await rig.observer.patrol(SERVICE)
    rig.fleet.fault("lb-2", fault)
    await rig.observer.patrol(SERVICE)
    assert [(d.host, d.state) for d in (await rig.rollout()).drift] == [("lb-2", "edited")]
    said = await rig.rollouts.submit(SERVICE, Promote(LIN))
    assert said.refusal and said.refusal.code == "drifted"


async def test_a_pause_holds_the_catching_up_too_and_a_restart_loses_nothing() -> None:
    rig = await passed(Rig(plan()))
    rig.fleet.fault("lb-2", Fault.UNREACHABLE)
    await on_to_everybody(rig)
    await rig.rollouts.submit(SERVICE, Pause(LIN))
    rig.fleet.mend("lb-2")
    await rig.tick(30)
    assert served(rig)[1] == (1, 10.0)
    rig.build()
    await rig.rollouts.submit(SERVICE, Resume(LIN))
    await rig.tick(30)
    assert served(rig) == [(2, 100.0)] * 3 and (await rig.rollout()).left_out == ()


async def test_a_host_that_was_left_out_after_its_wave_is_named_when_the_next_wave_fails() -> None:
    """It keeps the new share: nobody can take it back now, and the card says so."""
    rig = await passed(Rig(plan(lb1=1)))
    await on_to_everybody(rig)
    assert served(rig) == [(2, 100.0), (1, 10.0), (1, 10.0)]
    rig.fleet.fault("lb-1", Fault.UNREACHABLE)
    rig.fleet.fault("lb-3", Fault.RELOAD_IGNORED)
    await until(rig, Status.HELD)
    detail = (await rig.rollout()).hold_detail
    assert "lb-1: has the new share already" in detail and "lb-3: " in detail
    assert served(rig) == [(2, 100.0), (1, 10.0), (1, 10.0)]
