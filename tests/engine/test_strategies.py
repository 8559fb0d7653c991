"""The strategies through the whole engine: what people do, and what the hosts then serve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bot.fleet.fake import FakeHosts, Fault
from bot.fleet.verbs import Answer, Order
from bot.rollout import events as ev
from bot.rollout.gate import Need, Value, Values
from bot.rollout.intents import Promote, RollBack
from bot.rollout.model import Status
from bot.rollout.plan import Host, Metric, Plan, ShareRule, StepDownRule
from tests.engine.conftest import CHEN, LIN, SERVICE, WANG, Rig, ScriptedMetrics, a_plan


def blue_green() -> Plan:
    plan = a_plan(source="flip")
    stages = (replace(plan.stages[0], name="green", weight=0.0), replace(plan.stages[1], name="flip"))
    return replace(plan, traffic=replace(plan.traffic, strategy="blue_green", keep_warm=20.0), stages=stages)


async def bake(rig: Rig) -> None:
    for _ in range(60):
        await rig.tick()
        if (await rig.rollout()).status is not Status.BAKING:
            return
    raise AssertionError(await rig.rollout())


async def flipped() -> Rig:
    """A rollout that has come to the watch."""
    rig = Rig(blue_green())
    await rig.start()
    await rig.react(WANG.user)
    assert rig.shares() == {0.0}
    await bake(rig)
    await rig.rollouts.submit(SERVICE, Promote(LIN))
    await rig.work()
    await rig.react(WANG.user)
    assert rig.shares() == {100.0}
    await bake(rig)
    return rig


async def events(rig: Rig) -> list[ev.Event]:
    return [event for _, event in await rig.store.events(SERVICE)]


async def test_blue_green_flips_and_says_when_the_old_pool_may_go_also_after_a_restart() -> None:
    rig = await flipped()
    for _ in range(8):
        await rig.tick()
    assert (await rig.rollout()).status is Status.COMPLETED
    rig.build()
    for _ in range(20):
        await rig.tick()
    assert [type(e) for e in await events(rig)].count(ev.PoolReleased) == 1
    assert any("PoolReleased" in m["text"] for m in rig.chat.by_key("tell:"))


class Split(ScriptedMetrics):
    """What nginx's log says: of 1,000 hits the canary got `share` percent."""

    share = 60.0

    async def measure(self, needs: Sequence[Need]) -> Values:
        hits = {"canary": self.share * 10, "stable": 1000 - self.share * 10}
        found = await super().measure(needs)
        return {n: Value(hits[n.pool]) if n.metric == "hits" else v for n, v in found.items()}


async def test_nothing_counts_before_the_measured_share_is_the_stages_own_also_after_a_restart() -> None:
    plan = a_plan(source="share")
    metrics = (*plan.metrics, Metric("hits", "count", "H{$pool}[$window]"))
    rig = Rig(replace(plan, metrics=metrics, share=ShareRule("hits", warn_after=5.0)))
    rig.metrics = Split()
    rig.build()
    await rig.start()
    await rig.react(WANG.user)
    for turn in range(20):
        await rig.tick()
        if turn == 9:
            rig.build()
    board = await rig.rollouts.board(SERVICE)
    assert board is not None and (board.baked, board.settled_at) == (0.0, None)
    assert [type(e) for e in await events(rig)].count(ev.ShareAstray) == 1
    rig.metrics.share = 10.4
    await bake(rig)
    assert (await rig.rollout()).status is Status.PASSED
    passed = next(e for e in await events(rig) if isinstance(e, ev.StagePassed))
    assert passed.share is not None and abs(passed.share - 10.4) < 0.01


async def test_blue_green_flips_back_at_once() -> None:
    rig = await flipped()
    await rig.rollouts.submit(SERVICE, RollBack(CHEN, "it smells"))
    await rig.work()
    assert rig.shares() == {0.0}
    assert (await rig.rollout()).status is Status.ROLLED_BACK


async def everybody() -> Rig:
    """100 % bakes, under a plan with steps back."""
    plan = a_plan(source="steps", step_down=StepDownRule((50.0, 10.0), 3.0))
    rig = Rig(replace(plan, stages=plan.stages[1:]))
    await rig.start()
    await rig.react(WANG.user)
    assert rig.shares() == {100.0}
    return rig


async def test_a_person_goes_back_in_steps_also_over_a_restart() -> None:
    rig = await everybody()
    await rig.rollouts.submit(SERVICE, RollBack(CHEN, "slowly", gradual=True))
    await rig.work()
    seen = [rig.shares()]
    for _ in range(30):
        rig.build()
        await rig.tick()
        if rig.shares() != seen[-1]:
            seen.append(rig.shares())
    assert seen == [{50.0}, {10.0}, {0.0}]
    assert (await rig.rollout()).status is Status.ROLLED_BACK


async def test_a_host_that_does_not_take_its_step_turns_it_into_a_rollback() -> None:
    rig = await everybody()
    rig.fleet.fault("lb-2", Fault.TEST_FAILS)
    await rig.rollouts.submit(SERVICE, RollBack(CHEN, "slowly", gradual=True))
    await rig.work()
    assert (await rig.rollout()).status is Status.ROLLING_BACK
    rig.fleet.mend("lb-2")
    for _ in range(5):
        await rig.tick()
    assert rig.shares() == {0.0}
    assert (await rig.rollout()).status is Status.ROLLED_BACK


async def test_a_step_down_that_may_not_go_on_raises_nobody_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bot was killed after its hosts had taken the step, and somebody changed one of them meanwhile."""
    rig, reverted = await everybody(), []
    perform, revert = rig.fleet.shift, FakeHosts.revert

    async def shift_and_die(*args: object) -> object:
        await perform(*args)  # type: ignore[arg-type]
        raise ConnectionError("killed here")

    async def seen(self: FakeHosts, host: Host, order: Order) -> Answer:
        reverted.append(host.name)
        return await revert(self, host, order)

    monkeypatch.setattr(FakeHosts, "revert", seen)
    rig.fleet.shift = shift_and_die  # type: ignore[assignment]
    rig.fleet.part = lambda names: rig.fleet  # type: ignore[method-assign, assignment, return-value]
    await rig.rollouts.submit(SERVICE, RollBack(CHEN, "slowly", gradual=True))
    await rig.work()
    assert rig.shares() == {50.0}
    rig.fleet.edit("lb-1", SERVICE, lambda text: text + "# by hand\n")
    rig.fleet.shift = perform  # type: ignore[method-assign]
    for _ in range(5):
        await rig.tick()
    assert reverted == [] and rig.shares() == {0.0}
    assert (await rig.rollout()).status is Status.ROLLED_BACK


async def test_a_trigger_on_the_way_down_goes_at_once() -> None:
    rig = await everybody()
    await rig.rollouts.submit(SERVICE, RollBack(CHEN, "slowly", gradual=True))
    await rig.work()
    rig.metrics.values["error_rate"] = 60.0
    for _ in range(4):
        await rig.tick(0.9)
    assert rig.shares() == {0.0}
    rollout = await rig.rollout()
    assert rollout.rollback is not None and rollout.rollback.by == "trigger"
