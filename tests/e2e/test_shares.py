"""The shares users really get, on real nginx with the file the bot writes: DESIGN §7 and the issue's sixth demand."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.fleet.local import LocalTransport
from bot.fleet.router import FleetRouter
from bot.fleet.target import Outcome, Target
from bot.rollout.plan import Strategy
from bot.sandbox.production.shares import ShareResult, measure_shares, within_99
from bot.sandbox.production.world import Scale, World

USERS = 20_000
V2 = "2.2.0"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path, scale=Scale(hosts=1, rps=0)) as world:
        yield world


async def at(world: World, router: FleetRouter, weight: float, generation: int, strategy: Strategy) -> ShareResult:
    traffic = dataclasses.replace(world.traffic(strategy), sticky_by=("$cookie_uid", "$remote_addr"))
    target = Target(world.service, "R1", generation, traffic, "shift", weight, True, "R1")
    report = await router.shift(target)
    assert report.outcome is Outcome.DONE, report
    found = await measure_shares(world.urls[0], USERS)
    assert not found.failed
    return found


async def test_sticky_shares_are_right_and_nobody_loses_the_new_version(world: World) -> None:
    router = FleetRouter(world.hosts, LocalTransport())
    before: ShareResult | None = None
    for generation, weight in enumerate((1.0, 10.0, 50.0), start=1):
        found = await at(world, router, weight, generation, "sticky")
        assert found.total >= USERS
        assert within_99(found.requests.get(V2, 0), found.total, weight), (weight, found.requests)
        if before is not None:
            assert not before.lost_in(found, V2)
        before = found


async def test_weighted_shares_are_exact(world: World) -> None:
    router = FleetRouter(world.hosts, LocalTransport())
    for generation, weight in enumerate((1.0, 10.0, 50.0), start=1):
        found = await at(world, router, weight, generation, "weighted")
        assert within_99(found.requests.get(V2, 0), found.total, weight), (weight, found.requests)
