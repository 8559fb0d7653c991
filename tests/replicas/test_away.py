"""The replica that acts is away for longer than its lease, and comes back; or all are, with the database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Cluster, running
from tests.replicas.kit import TAKEOVER, Replicas, troupe
from tests.scenarios.kit import FIRST


@pytest.fixture
def restarted() -> Iterator[Cluster]:
    """A cluster that nobody else uses."""
    with running() as made:
        yield made


@pytest.mark.parametrize("count", [2, pytest.param(3, marks=pytest.mark.long)])
async def test_frozen_and_thawed(cluster: Cluster, tmp_path: Path, count: int) -> None:
    async with troupe(Replicas(tmp_path, cluster, count)) as people:
        await people.approved()
        actor, lead = await people.acting()
        stood = await people.now()
        actor.freeze()
        taken = await people.taken_over(lead.epoch)
        assert taken.at - stood <= TAKEOVER
        await people.live(FIRST)
        actor.thaw()
        await people.replicas.ready(actor)
        assert (await people.acting())[0] is not actor
        await people.to_the_end()
        await people.nothing_twice_and_nothing_too_much(in_flight=2)


@pytest.mark.parametrize("count", [2, pytest.param(3, marks=pytest.mark.long)])
async def test_cut_off_from_the_database_and_mended(cluster: Cluster, tmp_path: Path, count: int) -> None:
    async with troupe(Replicas(tmp_path, cluster, count)) as people:
        await people.approved()
        actor, lead = await people.acting()
        cut = await people.now()
        actor.proxy.cut()
        taken = await people.taken_over(lead.epoch)
        assert taken.at - cut <= TAKEOVER
        await people.live(FIRST)
        actor.proxy.mend()
        await people.replicas.ready(actor)
        assert (await people.acting())[0] is not actor
        await people.to_the_end()
        await people.nothing_twice_and_nothing_too_much()


@pytest.mark.parametrize("count", [2, pytest.param(3, marks=pytest.mark.long)])
async def test_the_database_is_restarted(restarted: Cluster, tmp_path: Path, count: int) -> None:
    async with troupe(Replicas(tmp_path, restarted, count)) as people:
        await people.approved()
        await asyncio.to_thread(restarted.stop)
        await asyncio.to_thread(restarted.start)
        await people.to_the_end()
        for replica in people.replicas.replicas:
            await people.replicas.ready(replica)
        await people.nothing_twice_and_nothing_too_much()
