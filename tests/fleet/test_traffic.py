"""Who gets which pool: asked of real nginx, as a visitor."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from bot.fleet.local import LocalTransport
from bot.fleet.router import FleetRouter
from bot.fleet.target import Outcome
from bot.rollout.plan import InternalAudience
from tests.fleet.conftest import Box, Boxes, until

USERS = [f"u{number}" for number in range(300)]


@pytest.fixture
async def one(box: Box) -> AsyncIterator[tuple[Box, Boxes, FleetRouter]]:
    boxes = Boxes([box])
    router = FleetRouter([box.host], LocalTransport(), deadline=4.0)
    assert (await router.roll_back(boxes.target(1, mode="stable"))).outcome is Outcome.DONE
    box.publish()
    yield box, boxes, router
    await router.aclose()


async def canary_users(box: Box) -> set[str]:
    async def ask(user: str) -> str | None:
        return user if await box.get(Cookie=f"uid={user}") == "canary" else None

    found = [await asyncio.gather(*map(ask, USERS[start : start + 50])) for start in range(0, len(USERS), 50)]
    return {user for part in found for user in part if user}


async def test_sticky_shares_grow_and_keep_everyone(one: tuple[Box, Boxes, FleetRouter]) -> None:
    box, boxes, router = one
    before: set[str] = set()
    for generation, weight in enumerate((0.0, 5.0, 20.0, 50.0, 100.0), start=2):
        await router.shift(boxes.target(generation, weight))
        now = await canary_users(box)
        assert before <= now and abs(len(now) / len(USERS) * 100 - weight) <= (8 if 0 < weight < 100 else 0)
        before = now
    await router.roll_back(boxes.target(9, mode="stable"))
    assert await canary_users(box) == set()


async def test_a_repeated_salt_chooses_the_same_visitors_and_another_one_others(
    one: tuple[Box, Boxes, FleetRouter],
) -> None:
    """Also when the pools have changed roles since: it is the visitor who is chosen, not the backend."""
    box, boxes, router = one
    first: dict[str, set[str]] = {}
    for generation, (rollout, salt) in enumerate((("R-1", "R-1"), ("R-2", "R-2"), ("R-3", "R-1")), start=2):
        await router.shift(boxes.target(generation, 20.0, rollout=rollout, salt=salt))
        first[rollout] = await canary_users(box)
    assert first["R-3"] == first["R-1"]
    assert first["R-2"] != first["R-1"]
    await router.shift(boxes.target(5, 50.0, rollout="R-3", salt="R-1"))
    assert first["R-1"] <= await canary_users(box)
    swapped = {"stable": (f"{box.ip}:5001",), "canary": (f"{box.ip}:5000",)}
    await router.shift(boxes.target(6, 20.0, rollout="R-4", salt="R-1", **swapped))
    assert set(USERS) - await canary_users(box) == first["R-1"]


async def test_a_visitor_stays_where_they_are_through_reloads(one: tuple[Box, Boxes, FleetRouter]) -> None:
    box, boxes, router = one
    await router.shift(boxes.target(2, 30.0))
    before = await canary_users(box)
    for generation in range(3, 6):
        await router.shift(boxes.target(generation, 30.0))
        assert await canary_users(box) == before


async def test_visitors_without_the_cookie_are_not_one_bucket(one: tuple[Box, Boxes, FleetRouter]) -> None:
    box, boxes, router = one
    await router.shift(boxes.target(2, 1.0, sticky_by=("$cookie_uid", "$http_x_device")))
    got = [await box.get(X_Device=f"d{number}") for number in range(200)]
    assert got.count("canary") <= 10
    assert len({await box.get() for _ in range(5)}) == 1


@pytest.mark.parametrize("strategy", ["sticky", "weighted"])
async def test_the_internal_audience_and_the_cookie(one: tuple[Box, Boxes, FleetRouter], strategy: str) -> None:
    box, boxes, router = one
    audience = {"weight": 0.0, "strategy": strategy, "upstream": "old_upstream"}
    await router.shift(boxes.target(2, **audience))
    assert await box.get() == "stable"
    assert await box.get(X_Internal_User="1") == await box.get(Cookie="gray_release=true") == "canary"
    assert await box.get(X_Internal_User="0") == await box.get(Cookie="gray_release=yes") == "stable"
    await router.shift(boxes.target(3, **audience, internal=False))
    assert await box.get(X_Internal_User="1") == await box.get(Cookie="gray_release=true") == "stable"
    await router.shift(boxes.target(4, **audience))
    await router.roll_back(boxes.target(5, mode="stable"))
    assert await box.get(X_Internal_User="1") == await box.get(Cookie="gray_release=true") == "stable"
    await router.shift(boxes.target(6, mode="canary", internal=False))
    assert await box.get() == "canary"


@pytest.mark.parametrize("cidrs", [(), ("192.0.2.0/24",)])
@pytest.mark.parametrize("header", [None, ("X-Internal-User", "default")])
@pytest.mark.parametrize("cookie", [None, ("gray_release", "a.b-c")])
async def test_each_way_in_takes_its_own_value_and_no_other(
    one: tuple[Box, Boxes, FleetRouter],
    cidrs: tuple[str, ...],
    header: tuple[str, str] | None,
    cookie: tuple[str, str] | None,
) -> None:
    box, boxes, router = one
    await router.shift(boxes.target(2, 0.0, audience=InternalAudience(cidrs, header), override_cookie=cookie))
    for value in ("1", "default", "DEFAULT", "xdefault", "defaultx", "a.b-c", "A.B-C", "axb-c", "xa.b-c", "a.b-cx", ""):
        by_header = header is not None and value.lower() == header[1]
        assert await box.get(X_Internal_User=value) == ("canary" if by_header else "stable"), value
        by_cookie = cookie is not None and value.lower() == cookie[1]
        assert await box.get(Cookie=f"gray_release={value}") == ("canary" if by_cookie else "stable"), value


async def test_internal_networks(one: tuple[Box, Boxes, FleetRouter]) -> None:
    box, boxes, router = one
    for generation, cidr, pool in ((2, "127.0.0.0/8", "canary"), (3, "192.0.2.0/24", "stable")):
        target = boxes.target(generation, 0.0, audience=InternalAudience((cidr,)))
        await router.shift(target)
        assert await box.get() == pool


async def test_weighted_gives_its_share_of_requests(one: tuple[Box, Boxes, FleetRouter]) -> None:
    box, boxes, router = one
    await router.shift(boxes.target(2, 10.0, strategy="weighted", upstream="old_upstream"))
    got = [await box.get() for _ in range(100)]
    assert got.count("canary") == 10


async def test_the_log_tells_the_pool_that_answered(one: tuple[Box, Boxes, FleetRouter]) -> None:
    box, boxes, router = one
    await router.shift(boxes.target(2, 0.0))
    await box.get()
    await box.get(Cookie="gray_release=true")
    log = box.root / "access.log"
    await until(lambda: log.exists() and len(log.read_text().splitlines()) >= 2)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["pool"] for line in lines] == ["stable", "canary"]
    assert [line["way"] for line in lines] == ["share", "audience"]
    assert lines[1]["status"] == "200" and lines[1]["request_time"] >= 0 and lines[1]["generation"] == 2
    assert lines[1]["upstream_addr"] == f"{box.ip}:5001" and float(lines[1]["upstream_response_time"]) >= 0


async def test_the_share_can_be_measured_on_those_alone_who_were_split(one: tuple[Box, Boxes, FleetRouter]) -> None:
    """Colleagues ask as often as everybody else; without them the share is the stage's own."""
    box, boxes, router = one
    await router.shift(boxes.target(2, 10.0, strategy="weighted", upstream="old_upstream"))
    for number in range(100):
        await box.get(**({"X_Internal_User": "1"} if number % 2 else {}))
    log = box.root / "access.log"
    await until(lambda: log.exists() and len(log.read_text().splitlines()) >= 100)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    split = [line["pool"] for line in lines if line["way"] == "share"]
    assert (len(split), split.count("canary")) == (50, 5)
    assert sum(line["pool"] == "canary" for line in lines) == 55


async def test_a_dead_canary_shows_as_the_canarys_failure(one: tuple[Box, Boxes, FleetRouter]) -> None:
    box, boxes, router = one
    await router.shift(boxes.target(2, mode="shift", weight=0.0, canary=(f"{box.ip}:5999", f"{box.ip}:5998")))
    for _ in range(8):
        assert "502" in await box.get(Cookie="gray_release=true")
    log = box.root / "access.log"
    await until(lambda: log.exists() and len(log.read_text().splitlines()) >= 8)
    assert {json.loads(line)["pool"] for line in log.read_text().splitlines()} == {"canary"}


async def test_nobody_is_over_the_approved_weight_while_it_shifts(one: tuple[Box, Boxes, FleetRouter]) -> None:
    """Everyone who met the canary at any instant of 1 % → 10 % is someone of the 10 %; a refused shift adds nobody."""
    box, boxes, router = one
    await router.shift(boxes.target(2, 1.0))
    small = await canary_users(box)
    seen: set[str] = set()
    shift = asyncio.create_task(router.shift(boxes.target(3, 10.0)))
    while not shift.done():
        for user in USERS[::3]:
            if await box.get(Cookie=f"uid={user}") == "canary":
                seen.add(user)
    assert (await shift).outcome is Outcome.DONE
    large = await canary_users(box)
    assert small <= large and seen <= large
    (box.root / "conf.d" / "person.conf").write_text("nonsense;\n")
    assert (await router.shift(boxes.target(4, 50.0))).outcome is Outcome.REFUSED
    assert await canary_users(box) == large
