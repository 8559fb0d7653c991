"""The real bot, killed with SIGKILL at every crash point and begun again, ends as if nothing had happened."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio

from bot.sandbox.crash.ledger import names_of
from bot.sandbox.crash.names import required
from tests.conftest import SAID
from tests.crash.plays import PLAYS
from tests.crash.run import NewDatabase, Ran, disturbed, run, shared_out, undisturbed
from tests.postgres import Cluster

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What no run comes by, and why that is no gap. Nothing else may be missing.
NOT_REACHED = {
    "store.prune": "comes once an hour, and deletes only what is two weeks old; the store's own suite has it",
}


@dataclass(frozen=True)
class Runs:
    references: dict[str, Ran]
    disturbed: dict[str, list[Ran]]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def new_database(request: pytest.FixtureRequest) -> NewDatabase:
    if request.param == "sqlite":
        return lambda: ""
    cluster: Cluster = request.getfixturevalue("cluster")
    return lambda: cluster.url(cluster.create())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runs(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    root = tmp_path_factory.mktemp("crash")
    references = await undisturbed(root, new_database)
    # A killed replica's lead has to run out, so that on a shared store more of a run is waiting.
    shares = shared_out(references, copies=1 if new_database() == "" else 2)
    everything = frozenset[str]().union(*(share for _, share in shares))
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(disturbed(root / f"{play}-{n}", play, new_database, share, everything - share))
            for n, (play, share) in enumerate(shares)
        ]
    rans = [ran for task in tasks for ran in task.result()]
    return Runs(references, {play: [ran for ran in rans if ran.play == play] for play in references})


async def test_every_point_there_must_be_is_come_by(runs: Runs) -> None:
    """A new effect, intent, write, post or verb of the hosts has its points by its type: they must be reached."""
    reached = names_of(instant for ran in runs.references.values() for instant in ran.reached)
    excused = frozenset(f"{name}.{when}" for name in NOT_REACHED for when in ("before", "after"))
    assert required() - reached == excused


async def test_the_process_is_killed_at_every_one(
    runs: Runs, record_property: Callable[[str, object], None], request: pytest.FixtureRequest
) -> None:
    reached = names_of(instant for ran in runs.references.values() for instant in ran.reached)
    rans = [ran for rans in runs.disturbed.values() for ran in rans]
    killed = names_of(instant for ran in rans for instant in ran.killed)
    kills = sum(len(ran.died) for ran in rans)
    store = request.node.callspec.id
    record_property(SAID, f"crash points on {store}: {len(required())} by type, {len(killed)} in all, {kills} kills")
    assert reached <= killed
    for ran in rans:
        assert ran.died == (int(signal.SIGKILL),) * len(ran.died)
        # A kill while the bot is being stopped is seen by nobody who would begin it again.
        assert len(ran.killed) >= len(ran.died) >= len(ran.killed) - 2


@pytest.mark.parametrize("play", PLAYS)
async def test_the_end_is_that_of_the_undisturbed_run(runs: Runs, play: str) -> None:
    for ran in runs.disturbed[play]:
        for part, expected in runs.references[play].end.items():
            assert ran.end[part] == expected, part


@pytest.mark.parametrize("play", PLAYS)
async def test_nothing_is_said_twice(runs: Runs, play: str) -> None:
    for ran in (runs.references[play], *runs.disturbed[play]):
        messages = ran.end["messages"]
        assert messages and all(" x1 " in line for line in messages)
        assert len([line for line in messages if line.startswith("card:")]) == 1


@pytest.mark.parametrize("play", PLAYS)
async def test_no_host_ever_served_more_than_was_approved(runs: Runs, play: str) -> None:
    for ran in runs.disturbed[play]:
        assert ran.samples > 100
        assert ran.above == ()


@pytest.mark.long
@pytest.mark.parametrize("play", PLAYS)
async def test_each_point_alone(
    play: str,
    new_database: NewDatabase,
    tmp_path_factory: pytest.TempPathFactory,
    record_property: Callable[[str, object], None],
) -> None:
    """The matrix: one run for each point, killed there and nowhere else."""
    root = tmp_path_factory.mktemp(play)
    reference = await run(root / "undisturbed", play, new_database)
    room = asyncio.Semaphore(3)  # most of a run is waiting

    async def alone(point: str) -> str:
        async with room:
            ran = await run(root / point, play, new_database, [point])
        wrong = [part for part, expected in reference.end.items() if ran.end[part] != expected]
        if not ran.killed:
            wrong.append("not killed")
        return f"{point}: {', '.join(wrong)}; {len(ran.above)} above" if wrong or ran.above else ""

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(alone(point), name=point) for point in sorted(names_of(reference.reached))]
    record_property(SAID, f"crash points of {play}, each alone: {len(tasks)}")
    assert [found for task in tasks if (found := task.result())] == []
