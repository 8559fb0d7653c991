"""What hosts do on the way, in memory: they refuse, are changed by hand, go down, and are put back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.fleet.fake import Fault
from bot.rollout.intents import Promote, Retry, RollBack
from bot.rollout.model import Hold, Status
from bot.store.memory import MemoryStore
from tests.engine.conftest import CHEN, LIN, SERVICE, WANG, Rig, baked


async def next_asked(rig: Rig) -> None:
    """Begun, the first stage baked and promoted: the second waits for its approval."""
    await rig.start()
    await rig.react(WANG.user)
    await baked(rig)
    await rig.rollouts.submit(SERVICE, Promote(LIN))
    await rig.work()


def after_the_look(rig: Rig, happens: Callable[[], object]) -> None:
    """It happens each time between the reading of the hosts and what is done upon it."""
    read = rig.fleet.read

    async def read_and_then(service: str) -> object:
        readings = await read(service)
        happens()
        return readings

    rig.fleet.read = read_and_then  # type: ignore[method-assign, assignment]


async def test_a_host_that_refuses_holds_with_nothing_changed_and_a_retry_goes_on(rig: Rig) -> None:
    await rig.start()
    rig.fleet.fault("lb-2", Fault.TEST_FAILS)
    await rig.react(WANG.user)
    rollout = await rig.rollout()
    assert (rollout.status, rollout.hold) == (Status.HELD, Hold.SHIFT_FAILED)
    assert "lb-2" in rollout.hold_detail
    assert rig.shares() == {-1.0}
    rig.fleet.mend("lb-2")
    await rig.rollouts.submit(SERVICE, Retry(LIN))
    await rig.work()
    assert rig.shares() == {10.0}


async def test_a_rollback_takes_the_reachable_hosts_at_once_and_the_others_when_they_answer(rig: Rig) -> None:
    await rig.start()
    await rig.react(WANG.user)
    rig.fleet.fault("lb-2", Fault.UNREACHABLE)
    await rig.rollouts.submit(SERVICE, RollBack(CHEN, "looks wrong"))
    await rig.work()
    rollout = await rig.rollout()
    assert rollout.status is Status.ROLLING_BACK
    assert rollout.rollback and rollout.rollback.pending == ("lb-2",)
    served = rig.fleet.served("lb-1", SERVICE)
    assert served and served.mode == "stable"
    rig.fleet.mend("lb-2")
    rig.now += 3
    await rig.work()
    assert rig.shares() == {0.0}
    assert (await rig.rollout()).status is Status.ROLLED_BACK


async def test_a_hand_edited_host_stops_the_way_forward_until_somebody_answers(rig: Rig) -> None:
    await rig.start()
    await rig.react(WANG.user)
    rig.fleet.edit("lb-1", SERVICE, lambda text: text + "# by hand\n")
    await rig.observer.patrol(SERVICE)
    await rig.work()
    assert [d.host for d in (await rig.rollout()).drift] == ["lb-1"]
    await baked(rig, 15)
    assert (await rig.rollout()).status is Status.BAKING
    refused = await rig.rollouts.submit(SERVICE, Promote(LIN, "now"))
    assert refused.refusal and refused.refusal.code == "drifted"


async def test_a_host_changed_by_hand_since_the_last_order_stops_the_next_shift(rig: Rig) -> None:
    await next_asked(rig)
    rig.fleet.edit("lb-1", SERVICE, lambda text: text + "# by hand\n")
    await rig.react(WANG.user)
    rollout = await rig.rollout()
    assert (rollout.status, rollout.hold) == (Status.HELD, Hold.SHIFT_FAILED)
    assert [d.host for d in rollout.drift] == ["lb-1"]
    assert 100.0 not in rig.shares()


async def test_a_host_that_cannot_be_read_before_a_shift_stops_it(rig: Rig) -> None:
    await next_asked(rig)
    rig.fleet.edit("lb-1", SERVICE, lambda text: text + "# by hand\n")
    rig.fleet.fault("lb-1", Fault.UNREACHABLE)
    after_the_look(rig, lambda: rig.fleet.mend("lb-1"))
    await rig.react(WANG.user)
    rollout = await rig.rollout()
    assert (rollout.status, rollout.hold) == (Status.HELD, Hold.SHIFT_FAILED)
    assert "lb-1" in rollout.hold_detail
    assert 100.0 not in rig.shares()


async def test_what_somebody_changed_where_nginx_is_down_is_not_overwritten_as_it_starts(rig: Rig) -> None:
    await next_asked(rig)
    rig.fleet.edit("lb-1", SERVICE, lambda _: "")
    rig.fleet.fault("lb-1", Fault.STOPPED)
    after_the_look(rig, lambda: rig.fleet.mend("lb-1"))
    await rig.react(WANG.user)
    rollout = await rig.rollout()
    assert (rollout.status, rollout.hold) == (Status.HELD, Hold.SHIFT_FAILED)
    assert "lb-1: nginx is not running" in rollout.hold_detail
    assert rig.fleet.served("lb-1", SERVICE) is None


async def test_a_file_that_came_after_the_look_is_named_where_it_cannot_be_taken_back(rig: Rig) -> None:
    """The shift may not go on; a host to which somebody brought a file of its generation meanwhile is told of."""
    await next_asked(rig)
    rig.fleet.fault("lb-1", Fault.UNREACHABLE)
    rig.fleet.fault("lb-2", Fault.RELOAD_IGNORED)

    def bring() -> None:
        ordered = rig.rollouts.live()[0].generation
        rig.fleet.edit("lb-2", SERVICE, lambda text: text.replace("# generation 1", f"# generation {ordered}"))

    after_the_look(rig, bring)
    await rig.react(WANG.user)
    rollout = await rig.rollout()
    assert (rollout.status, rollout.hold) == (Status.HELD, Hold.SHIFT_FAILED)
    assert "lb-1" in rollout.hold_detail and "lb-2" in rollout.hold_detail


async def test_a_lost_database_does_not_send_everybody_to_the_old_pool(rig: Rig) -> None:
    await next_asked(rig)
    await rig.react(WANG.user)
    await baked(rig, 18)
    assert (await rig.rollout()).status is Status.COMPLETED
    rig.store = MemoryStore()
    rig.build()
    await rig.start("3.0.0")
    await rig.react(WANG.user)
    rollout = await rig.rollout()
    assert (rollout.status, rollout.hold) == (Status.HELD, Hold.SHIFT_FAILED)
    assert "does not know" in rollout.hold_detail
    assert rig.shares() == {100.0}


@pytest.mark.parametrize("stage", ["10%", "100%"])
async def test_a_bot_killed_between_the_swap_and_its_outcome_finishes_its_own_shift(rig: Rig, stage: str) -> None:
    if stage == "100%":
        await next_asked(rig)
    else:
        await rig.start()
    perform, killed = rig.performers._fleets[SERVICE].shift, []

    async def shift_and_die(*args: object) -> object:
        killed.append(await perform(*args))  # type: ignore[arg-type]
        raise ConnectionError("killed here")

    rig.fleet.shift = shift_and_die  # type: ignore[assignment]
    await rig.react(WANG.user)
    assert killed
    assert (await rig.rollout()).status is Status.SHIFTING
    rig.fleet.shift = perform  # type: ignore[method-assign]
    rig.build()
    rig.now += 60
    await rig.work()
    rollout = await rig.rollout()
    assert (rollout.status, rollout.hold, rollout.drift) == (Status.BAKING, None, ())
    assert rig.shares() == {float(stage.rstrip("%"))}
