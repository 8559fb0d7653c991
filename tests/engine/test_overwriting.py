"""What is on a host goes only when somebody who saw it says so (DESIGN §6.6)."""

from __future__ import annotations

import asyncio

import pytest

from bot.fleet.fake import Fault
from bot.rollout.intents import AnswerDrift, Promote, Retry
from bot.rollout.model import Hold, Status
from tests.engine.conftest import LIN, SERVICE, WANG, Rig, a_plan


async def second_stage(rig: Rig) -> None:
    await rig.start()
    await rig.react(WANG.user)
    for _ in range(12):
        await rig.tick()
    await rig.rollouts.submit(SERVICE, Promote(LIN))
    await rig.work()


def by_hand(text: str) -> str:
    return text + "# by hand\n"


async def test_a_retry_overwrites_nothing_that_was_changed_after_the_failure(rig: Rig) -> None:
    await second_stage(rig)
    rig.fleet.fault("lb-2", Fault.TEST_FAILS)
    await rig.react(WANG.user)
    rig.fleet.mend("lb-2")
    rig.fleet.edit("lb-1", SERVICE, by_hand)
    await rig.rollouts.submit(SERVICE, Retry(LIN))
    await rig.work()
    rollout = await rig.rollout()
    assert (rollout.status, rollout.hold) == (Status.HELD, Hold.SHIFT_FAILED)
    assert "lb-1: changed by hand" in rollout.hold_detail
    assert rig.shares() == {10.0}


async def test_a_restore_overwrites_what_was_shown_and_nothing_else(rig: Rig) -> None:
    await second_stage(rig)
    rig.fleet.edit("lb-1", SERVICE, by_hand)
    await rig.observer.patrol(SERVICE)
    rig.fleet.edit("lb-2", SERVICE, by_hand)
    await rig.rollouts.submit(SERVICE, AnswerDrift(LIN, "restore"))
    await rig.work()
    rollout = await rig.rollout()
    assert (rollout.status, rollout.hold) == (Status.HELD, Hold.SHIFT_FAILED)
    assert "lb-2: changed by hand" in rollout.hold_detail and "lb-1" not in rollout.hold_detail
    assert [d.host for d in rollout.drift] == ["lb-1", "lb-2"]
    await rig.rollouts.submit(SERVICE, AnswerDrift(LIN, "restore"))
    await rig.work()
    assert (await rig.rollout()).status is Status.BAKING


@pytest.mark.parametrize("out_of_reach", [False, True])
async def test_what_a_killed_bot_had_shifted_goes_back_when_the_plan_changed_meanwhile(
    rig: Rig, out_of_reach: bool
) -> None:
    await rig.start()
    perform = rig.fleet.shift

    async def shift_and_die(*args: object) -> object:
        await perform(*args)  # type: ignore[arg-type]
        raise ConnectionError("killed here")

    rig.fleet.shift = shift_and_die  # type: ignore[assignment]
    await rig.react(WANG.user)
    rig.fleet.shift = perform  # type: ignore[method-assign]
    rig.plan = a_plan(source="plan two")
    rig.build()
    if out_of_reach:
        rig.fleet.fault("lb-2", Fault.LOST_BEFORE)
        rig.fleet.fault("lb-2", Fault.RELOAD_IGNORED)
    rig.now += 60
    await rig.work()
    rollout = await rig.rollout()
    assert (rollout.status, rollout.hold) == (Status.HELD, Hold.SHIFT_FAILED)
    assert "plan changed" in rollout.hold_detail
    assert rig.fleet.served("lb-1", SERVICE) is None
    assert ("lb-2: has the new share" in rollout.hold_detail) is out_of_reach
    assert (rig.fleet.served("lb-2", SERVICE) is not None) is out_of_reach


async def test_a_look_at_the_hosts_that_was_overtaken_ends_nothing(rig: Rig) -> None:
    """One host without an answer held it up; what a later look found meanwhile is there still."""
    await second_stage(rig)
    read, held, go_on = rig.fleet.read, asyncio.Event(), asyncio.Event()

    async def held_up(service: str) -> object:
        rig.fleet.read = read  # type: ignore[method-assign]
        seen = await read(service)
        held.set()
        await go_on.wait()
        return seen

    rig.fleet.read = held_up  # type: ignore[assignment]
    early = asyncio.create_task(rig.observer.patrol(SERVICE))
    await held.wait()
    rig.fleet.edit("lb-1", SERVICE, by_hand)
    await rig.observer.patrol(SERVICE)
    assert [d.host for d in (await rig.rollout()).drift] == ["lb-1"]
    go_on.set()
    await early
    assert [d.host for d in (await rig.rollout()).drift] == ["lb-1"]
