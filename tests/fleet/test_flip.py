"""blue_green on real nginx: everybody at once, there and back, and nobody's request is lost on the way."""

from __future__ import annotations

from bot.fleet.local import LocalTransport
from bot.fleet.router import FleetRouter
from bot.fleet.target import Outcome
from tests.fleet.conftest import Box, Boxes
from tests.fleet.load import Load, backend

FLIPS = 4


async def test_a_flip_and_a_flip_back_lose_no_request(box: Box) -> None:
    boxes, router = Boxes([box]), FleetRouter([box.host], LocalTransport(), deadline=20.0)
    async with backend(box.ip, 5100, "blue") as blue, backend(box.ip, 5101, "green") as green:
        plan = {"strategy": "blue_green", "stable": (blue,), "canary": (green,)}
        assert (await router.roll_back(boxes.target(1, mode="stable", **plan))).outcome is Outcome.DONE
        box.publish()
        async with Load(box) as load:
            await load.more()
            for generation in range(2, 2 + 3 * FLIPS, 3):
                await router.shift(boxes.target(generation, 0.0, **plan))
                assert set(await load.more()) == {"blue"}
                assert await box.get(X_Internal_User="1") == await box.get(Cookie="gray_release=true") == "green"
                done = await router.shift(boxes.target(generation + 1, 100.0, "canary", internal=False, **plan))
                assert done.outcome is Outcome.DONE
                # What was under way when the last old worker stopped accepting may still be of the old pool.
                assert set((await load.more())[20:]) == {"green"}
                back = await router.roll_back(boxes.target(generation + 2, mode="stable", **plan))
                assert back.outcome is Outcome.DONE
                assert set((await load.more())[20:]) == {"blue"}
        lost = [answer for answer in load.answers if answer not in ("blue", "green")]
        assert lost == []
    await router.aclose()


async def test_what_lies_between_is_refused_before_anything_changes(box: Box) -> None:
    boxes, router = Boxes([box]), FleetRouter([box.host], LocalTransport(), deadline=20.0)
    report = await router.shift(boxes.target(1, 10.0, strategy="blue_green"))
    assert report.outcome is Outcome.REFUSED and "weights of 0 and 100" in report.failed[0].error
    assert not box.live.exists()
    await router.aclose()
