"""The real bot, killed with SIGKILL at every crash point and begun again, ends as if nothing had happened."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from bot.sandbox.crash.ledger import names_of
from bot.sandbox.crash.names import required
from tests.conftest import SAID
from tests.crash.ending import BY_CHANCE, differences
from tests.crash.plays import PLAYS
from tests.crash.run import NewDatabase, Ran, points_of, run
from tests.scenarios.kit import FIRST, LAST

# What no run comes by, and why that is no gap. Nothing else may be missing.
NOT_REACHED = {
    "store.prune": "comes once an hour, and deletes only what is two weeks old; the store's own suite has it",
    "store.put_snapshot": "of the alerts alone, after hundreds of events; tests/engine kills a bot in a burst of them",
}
FROZEN = "nginx did not take the reload: no new worker answered in time; the previous file is back"
HELD = "another change is under way on the host; try again"
TURNS = 5  # runs until a point is come by
by_play = pytest.mark.parametrize("play", PLAYS)


@dataclass(frozen=True)
class Runs:
    references: dict[str, Ran]  # by play
    disturbed: list[Ran]

    def of(self, play: str) -> list[Ran]:
        return [ran for ran in self.disturbed if ran.play == play]


def by_chance(name: str) -> bool:
    """Whether a run comes by the point only where the machine was slow for a moment."""
    return any(part == kind.__name__ for part in name.split(".") for kind in BY_CHANCE)


def unlike(reference: Ran, ran: Ran) -> list[str]:
    """What ended otherwise than undisturbed, but for why a host failed that is still held up by the dead bot's order.

    What the bot had begun on a host runs on there when the bot is killed, and keeps the host's lock until nginx has
    taken the reload or its time is over. Whoever comes next says so: it is true, and the mend is the same.
    """
    return [said for said in differences(reference.end, ran.end) if not _held_up(said)]


def _held_up(said: str) -> bool:
    expected, _, found = said.partition(": ")[2].partition(" != ")
    return expected != found and expected.replace(FROZEN, HELD) == found


class CrashPromises:
    """A test module has it as a base, with a fixture `new_database`."""

    store: str

    async def test_every_point_there_must_be_is_come_by(self, runs: Runs) -> None:
        """A new effect, intent, write, post or verb of the hosts has its points by its type: they must be reached."""
        reached = frozenset[str]().union(*points_of(runs.references).values())
        excused = frozenset(f"{name}.{when}" for name in NOT_REACHED for when in ("before", "after"))
        missing = required() - reached
        assert missing == excused, f"not come by: {sorted(missing - excused)}; after all: {sorted(excused - missing)}"

    async def test_the_process_is_killed_at_every_one(
        self, runs: Runs, record_property: Callable[[str, object], None]
    ) -> None:
        reached = frozenset[str]().union(*points_of(runs.references).values())
        killed = names_of(instant for ran in runs.disturbed for instant in ran.killed)
        kills = sum(len(ran.died) for ran in runs.disturbed)
        said = f"crash points on {self.store}: {len(required())} by type, {len(killed)} in all, {kills} kills"
        record_property(SAID, said)
        spared = sorted(name for name in reached - killed if not by_chance(name))
        assert not spared, spared
        for ran in runs.disturbed:
            assert ran.died == (int(signal.SIGKILL),) * len(ran.died)
            # A kill while the bot is being stopped is seen by nobody who would begin it again.
            assert len(ran.killed) >= len(ran.died) >= len(ran.killed) - 2

    @by_play
    async def test_the_end_is_that_of_the_undisturbed_run(self, runs: Runs, play: str) -> None:
        for ran in runs.of(play):
            wrong = unlike(runs.references[play], ran)
            assert not wrong, "\n".join(wrong)

    @by_play
    async def test_nothing_is_said_twice(self, runs: Runs, play: str) -> None:
        for ran in (runs.references[play], *runs.of(play)):
            messages = ran.end["messages"]
            assert messages and all(" x1 " in line for line in messages)
            assert len([line for line in messages if line.startswith("card:")]) == 1

    @by_play
    async def test_a_letter_comes_again_only_where_a_kill_cut_off_its_receipt(self, runs: Runs, play: str) -> None:
        assert runs.references[play].again == 0
        for ran in runs.of(play):
            assert 0 <= ran.again <= 2 * len(ran.killed), "one kill cuts off a mail and an SMS at most"

    async def test_each_order_of_a_step_ran_once(self, runs: Runs) -> None:
        """None of them is declared safe. The stage is said as people see it: where the rollout was."""
        expected = {
            "around": {
                "before_start": [FIRST],
                "before_stage": [FIRST, LAST],
                "during_stage": [FIRST, LAST],
                "after_stage": [FIRST, LAST],
                "on_promote": [FIRST],
                "after_completion": [LAST],
            },
            "back": {"on_rollback": [FIRST], "after_rollback": [FIRST]},
        }
        for ran in (*runs.references.values(), *runs.disturbed):
            assert ran.end["ran"] == expected.get(ran.play, {}), ran.play

    @by_play
    async def test_no_host_ever_served_more_than_was_approved(self, runs: Runs, play: str) -> None:
        for ran in runs.of(play):
            assert ran.samples > 20  # as many as a busy machine takes at least
            assert ran.above == ()

    @pytest.mark.long
    @by_play
    async def test_each_point_alone(
        self,
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
            """What is wrong. Which of two effects edits a message, and which finds it done, differs from run to run."""
            for turn in range(TURNS):
                async with room:
                    try:
                        ran = await run(root / f"{point}-{turn}", play, new_database, [point])
                    except Exception as error:  # the others go on
                        return f"{point}: {error!r}"
                wrong = unlike(reference, ran)
                if wrong or ran.above:
                    return f"{point}: {'; '.join(wrong)}; {len(ran.above)} above"
                if ran.killed or by_chance(point):
                    return ""
            return f"{point}: not come by in {TURNS} runs"

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(alone(point), name=point) for point in sorted(names_of(reference.reached))]
        record_property(SAID, f"crash points of {play} on {self.store}, each alone: {len(tasks)}")
        found = [said for task in tasks if (said := task.result())]
        assert not found, "\n".join(found)
