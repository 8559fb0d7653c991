"""The replica that acts is gone, for good: killed, or told to stop. Another goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.postgres import Cluster
from tests.replicas.kit import TAKEOVER, Replicas, troupe


@pytest.mark.parametrize("count", [2, pytest.param(3, marks=pytest.mark.long)])
async def test_killed_in_the_middle_of_a_shift(cluster: Cluster, tmp_path: Path, count: int) -> None:
    async with troupe(Replicas(tmp_path, cluster, count)) as people:
        await people.approved()
        actor, lead = await people.acting()
        died = await people.now()
        await actor.child.kill()
        taken = await people.taken_over(lead.epoch)
        assert taken.at - died <= TAKEOVER
        await people.to_the_end()
        await people.nothing_twice_and_nothing_too_much()


async def test_all_but_the_last_killed_one_after_the_other(cluster: Cluster, tmp_path: Path) -> None:
    async with troupe(Replicas(tmp_path, cluster, 3)) as people:
        await people.approved()
        for _ in range(2):
            actor, lead = await people.acting()
            died = await people.now()
            await actor.child.kill()
            taken = await people.taken_over(lead.epoch)
            assert taken.at - died <= TAKEOVER
        await people.to_the_end()
        await people.nothing_twice_and_nothing_too_much()


@pytest.mark.parametrize("count", [2, pytest.param(3, marks=pytest.mark.long)])
async def test_told_to_stop_it_hands_over_at_once(cluster: Cluster, tmp_path: Path, count: int) -> None:
    async with troupe(Replicas(tmp_path, cluster, count)) as people:
        await people.approved()
        actor, lead = await people.acting()
        stopping = asyncio.create_task(actor.child.stop(grace=60), name="stop")
        taken = await people.taken_over(lead.epoch)
        await stopping
        assert taken.at < lead.until, "the lease did not have to run out"
        await people.to_the_end()
        await people.nothing_twice_and_nothing_too_much()
