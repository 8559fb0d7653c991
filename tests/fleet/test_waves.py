"""A part of the fleet at a time: over real nginx, asked as a visitor would."""

from __future__ import annotations

import pytest

from bot.fleet.fake import FakeFleet, Fault
from bot.fleet.router import FleetRouter
from bot.fleet.target import Outcome
from bot.rollout.plan import Host
from tests.fleet.conftest import SERVICE, Boxes

NAMES = ("lb-1", "lb-2", "lb-3")


async def served(router: FleetRouter) -> list[tuple[int, float | None]]:
    return [(r.live.generation if r.live else 0, r.share) for r in await router.read(SERVICE)]


@pytest.fixture
async def ready(boxes: Boxes, router: FleetRouter) -> FleetRouter:
    assert (await router.roll_back(boxes.target(1, mode="stable"))).outcome is Outcome.DONE
    for box in boxes.boxes:
        box.publish()
    return router


async def test_the_first_wave_alone_gives_the_canary_its_share(boxes: Boxes, ready: FleetRouter) -> None:
    target = boxes.target(2, 100.0, "canary", internal=False)
    assert (await ready.part(("lb-1",)).shift(target)).outcome is Outcome.DONE
    assert [await box.get() for box in boxes.boxes] == ["canary", "stable", "stable"]
    assert (await ready.part(NAMES).shift(target)).outcome is Outcome.DONE
    assert [await box.get() for box in boxes.boxes] == ["canary"] * 3


async def test_a_later_wave_that_fails_puts_the_earlier_back(boxes: Boxes, ready: FleetRouter) -> None:
    target = boxes.target(2, 100.0, "canary", internal=False)
    await ready.part(("lb-1",)).shift(target)
    broken = boxes[2].root / "conf.d" / "person.conf"
    broken.write_text("nonsense;\n")
    report = await ready.part(NAMES).shift(target)
    assert report.outcome is Outcome.REVERTED
    assert [result.host for result in report.failed] == ["lb-3"]
    broken.unlink()
    assert await served(ready) == [(1, 0.0)] * 3
    assert [await box.get() for box in boxes.boxes] == ["stable"] * 3


async def test_put_back_restores_what_was_there_and_leaves_other_generations_alone(
    boxes: Boxes, ready: FleetRouter
) -> None:
    target = boxes.target(2, 100.0, "canary", internal=False)
    await ready.part(("lb-1", "lb-2")).shift(target)
    for _ in range(2):  # twice is once
        assert (await ready.put_back(target)).outcome is Outcome.REVERTED
        assert await served(ready) == [(1, 0.0)] * 3
    await ready.roll_back(boxes.target(5, mode="stable"))
    assert (await ready.put_back(target)).outcome is Outcome.REVERTED
    assert await served(ready) == [(5, 0.0)] * 3
    assert [await box.get() for box in boxes.boxes] == ["stable"] * 3


async def test_a_host_that_cannot_be_put_back_is_named(boxes: Boxes) -> None:
    fleet = FakeFleet([Host(name) for name in NAMES])
    target = boxes.target(2, 10.0)
    await fleet.shift(target)
    fleet.fault("lb-2", Fault.UNREACHABLE)
    report = await fleet.put_back(target)
    assert (report.outcome, [r.host for r in report.failed]) == (Outcome.PARTIAL, ["lb-2"])
    fleet.mend("lb-2")
    assert (await fleet.put_back(target)).outcome is Outcome.REVERTED
