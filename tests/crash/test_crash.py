"""The real bot, killed with SIGKILL at every crash point and begun again, ends as if nothing had happened."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass

import pytest
import pytest_asyncio

from bot.sandbox.crash.ledger import names_of
from bot.sandbox.crash.names import required
from tests.crash.plays import PLAYS
from tests.crash.run import Ran, disturbed, run, shared_out, undisturbed

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What no run comes by, and why that is no gap. Nothing else may be missing.
NOT_REACHED = {
    "store.prune": "comes once an hour, and deletes only what is two weeks old; the store's own suite has it",
}


@dataclass(frozen=True)
class Runs:
    references: dict[str, Ran]
    disturbed: dict[str, list[Ran]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    root = tmp_path_factory.mktemp("crash")
    references = await undisturbed(root)
    shares = shared_out(references)
    everything = frozenset[str]().union(*shares.values())
    async with asyncio.TaskGroup() as group:
        tasks = {
            play: group.create_task(disturbed(root, play, share, everything - share), name=play)
            for play, share in shares.items()
        }
    return Runs(references, {play: task.result() for play, task in tasks.items()})


async def test_every_point_there_must_be_is_come_by(runs: Runs) -> None:
    """A new effect, intent, write, post or verb of the hosts has its points by its type: they must be reached."""
    reached = names_of(instant for ran in runs.references.values() for instant in ran.reached)
    excused = frozenset(f"{name}.{when}" for name in NOT_REACHED for when in ("before", "after"))
    assert required() - reached == excused


async def test_the_process_is_killed_at_every_one(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    reached = names_of(instant for ran in runs.references.values() for instant in ran.reached)
    rans = [ran for rans in runs.disturbed.values() for ran in rans]
    killed = names_of(instant for ran in rans for instant in ran.killed)
    with capsys.disabled():
        lives = sum(len(ran.died) for ran in rans)
        print(f"\ncrash points: {len(killed)} named, {len(reached)} of them in an undisturbed run, {lives} kills")
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
    play: str, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """The matrix: one run for each point, killed there and nowhere else."""
    root = tmp_path_factory.mktemp(play)
    reference = await run(root / "undisturbed", play)
    room = asyncio.Semaphore(3)  # most of a run is waiting

    async def alone(point: str) -> str:
        async with room:
            ran = await run(root / point, play, [point])
        wrong = [part for part, expected in reference.end.items() if ran.end[part] != expected]
        if not ran.killed:
            wrong.append("not killed")
        return f"{point}: {', '.join(wrong)}; {len(ran.above)} above" if wrong or ran.above else ""

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(alone(point), name=point) for point in sorted(names_of(reference.reached))]
    with capsys.disabled():
        print(f"\ncrash points of {play}, each alone: {len(tasks)}")
    assert [found for task in tasks if (found := task.result())] == []
