"""The strategies through the whole engine: what people do, and what the hosts then serve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.rollout import events as ev
from bot.rollout.gate import Need, Value, Values
from bot.rollout.intents import Promote, RollBack
from bot.rollout.model import Status
from bot.rollout.plan import Metric, Plan, ShareRule
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
