"""What every fleet must do, whatever its hosts are. FleetRouter over real nginx and FakeFleet both pass it.

A harness names its faults by effect; `served` is what visitors get, asked past the router.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.fleet.router import FleetRouter
from bot.fleet.target import HostResult, HostState, Outcome, Serving, Target


class Harness(ABC):
    router: FleetRouter
    names: tuple[str, str, str]

    @abstractmethod
    def target(self, generation: int, weight: float = 1.0, mode: str = "shift") -> Target: ...

    def of_epoch(self, epoch: int, generation: int, weight: float = 1.0, mode: str = "shift") -> Target:
        return replace(self.target(generation, weight, mode), epoch=epoch)

    @abstractmethod
    def unreachable(self, name: str) -> None: ...
    @abstractmethod
    def test_fails(self, name: str) -> None: ...
    @abstractmethod
    def ignores_reload(self, name: str) -> None: ...
    @abstractmethod
    def loses_answer(self, name: str, *, done: bool) -> None: ...
    @abstractmethod
    def edits(self, name: str, change: Callable[[str], str]) -> None: ...
    @abstractmethod
    def mend(self, name: str) -> None: ...
    @abstractmethod
    def requests(self) -> list[tuple[str, str]]:
        """(verb, host) of every request that was sent so far."""

    @abstractmethod
    def forgets(self, name: str) -> None:
        """What was put ready on the host beforehand is lost."""

    @abstractmethod
    async def served(self, name: str) -> Serving | None: ...

    async def weights(self) -> list[float | None]:
        serving = [await self.served(name) for name in self.names]
        return [one.weight if one else None for one in serving]


class FleetContract:
    """Subclass it with a `fleet` fixture that gives a Harness of three fresh hosts."""

    SERVICE = "brand-diagnosis"

    async def test_shift_forward_stage_by_stage_then_back(self, fleet: Harness) -> None:
        assert {r.state for r in await fleet.router.read(self.SERVICE)} == {HostState.ABSENT}
        for generation, weight in enumerate((0.0, 1.0, 10.0, 50.0), start=1):
            report = await fleet.router.shift(fleet.target(generation, weight))
            assert report.outcome is Outcome.DONE and not report.failed and report.generation == generation
            assert await fleet.weights() == [weight] * 3
        report = await fleet.router.shift(fleet.target(5, mode="canary"))
        assert report.outcome is Outcome.DONE
        assert [r.share for r in await fleet.router.read(self.SERVICE)] == [100.0] * 3
        told: list[HostResult] = []
        report = await fleet.router.roll_back(fleet.target(6, mode="stable"), told.append)
        assert report.outcome is Outcome.DONE and sorted(r.host for r in told) == sorted(fleet.names)
        readings = await fleet.router.read(self.SERVICE)
        assert {r.state for r in readings} == {HostState.OK} and [r.share for r in readings] == [0.0] * 3
        assert all(r.file == r.live and r.digest and r.body for r in readings)

    async def test_the_same_target_again_is_quick_success(self, fleet: Harness) -> None:
        for _ in range(2):
            report = await fleet.router.shift(fleet.target(1))
            assert report.outcome is Outcome.DONE and {r.phase for r in report.hosts} == {"commit"}
        for _ in range(2):
            assert (await fleet.router.roll_back(fleet.target(2, mode="stable"))).outcome is Outcome.DONE

    @pytest.mark.parametrize("fault", ["unreachable", "test_fails"])
    async def test_none_when_one_host_cannot_be_staged(self, fleet: Harness, fault: str) -> None:
        await fleet.router.shift(fleet.target(1, 1.0))
        getattr(fleet, fault)(fleet.names[1])
        report = await fleet.router.shift(fleet.target(2, 10.0))
        assert report.outcome is Outcome.REFUSED
        assert [r.host for r in report.failed] == [fleet.names[1]] and report.failed[0].error
        fleet.mend(fleet.names[1])
        assert await fleet.weights() == [1.0] * 3

    async def test_swapped_hosts_go_back_when_one_does_not_take_it(self, fleet: Harness) -> None:
        await fleet.router.shift(fleet.target(1, 1.0))
        fleet.ignores_reload(fleet.names[2])
        report = await fleet.router.shift(fleet.target(2, 10.0))
        assert report.outcome is Outcome.REVERTED
        assert [r.host for r in report.failed] == [fleet.names[2]]
        fleet.mend(fleet.names[2])
        assert await fleet.weights() == [1.0] * 3
        assert (await fleet.router.shift(fleet.target(3, 10.0))).outcome is Outcome.DONE

    @pytest.mark.parametrize("done", [True, False])
    async def test_a_lost_answer_is_resolved_by_reading(self, fleet: Harness, done: bool) -> None:
        await fleet.router.shift(fleet.target(1, 1.0))
        fleet.loses_answer(fleet.names[0], done=done)
        assert (await fleet.router.shift(fleet.target(2, 10.0))).outcome is Outcome.DONE
        fleet.loses_answer(fleet.names[0], done=done)
        assert (await fleet.router.roll_back(fleet.target(3, mode="stable"))).outcome is Outcome.DONE

    async def test_a_lower_generation_is_refused(self, fleet: Harness) -> None:
        await fleet.router.roll_back(fleet.target(7, mode="stable"))
        report = await fleet.router.shift(fleet.target(6, 10.0))
        assert report.outcome is Outcome.SUPERSEDED and len(report.failed) == 3
        assert await fleet.weights() == [0.0] * 3

    async def test_a_higher_generation_that_nobody_here_ordered_takes_the_others_back(self, fleet: Harness) -> None:
        """Somebody else's bot, or a file that was copied: no order of ours answers for the hosts that have this one."""
        first, other, _ = fleet.names
        await fleet.router.shift(fleet.target(1, 1.0))
        await fleet.router.part([first]).shift(fleet.target(2, 10.0))
        await fleet.router.part([other]).roll_back(fleet.target(9, mode="stable"))
        report = await fleet.router.shift(fleet.target(2, 10.0), lambda: True)
        assert report.outcome is Outcome.SUPERSEDED
        assert await fleet.weights() == [10.0, 0.0, 1.0], "a newer order of ours comes to every host by itself"
        report = await fleet.router.shift(fleet.target(2, 10.0))
        assert report.outcome is Outcome.REVERTED and other in [r.host for r in report.failed]
        assert await fleet.weights() == [1.0, 0.0, 1.0]

    async def test_of_one_generation_a_lower_epoch_is_refused(self, fleet: Harness) -> None:
        assert (await fleet.router.shift(fleet.of_epoch(5, 1, 1.0))).outcome is Outcome.DONE
        for late in (fleet.router.shift, fleet.router.roll_back):
            report = await late(fleet.of_epoch(4, 1, 1.0))
            assert report.outcome is Outcome.SUPERSEDED and len(report.failed) == 3
            assert all("epoch 5" in result.error for result in report.failed)
        assert await fleet.weights() == [1.0] * 3

    async def test_the_generation_counts_before_the_epoch(self, fleet: Harness) -> None:
        await fleet.router.shift(fleet.of_epoch(5, 1, 1.0))
        assert (await fleet.router.shift(fleet.of_epoch(2, 2, 10.0))).outcome is Outcome.DONE
        assert (await fleet.router.shift(fleet.of_epoch(9, 1, 50.0))).outcome is Outcome.SUPERSEDED
        assert await fleet.weights() == [10.0] * 3

    async def test_a_deposed_bot_can_neither_go_on_nor_put_back(self, fleet: Harness) -> None:
        await fleet.router.shift(fleet.target(1, 1.0))
        assert (await fleet.router.shift(fleet.of_epoch(1, 2, 10.0))).outcome is Outcome.DONE
        assert (await fleet.router.shift(fleet.of_epoch(2, 2, 10.0))).outcome is Outcome.DONE, "again, by a newer bot"
        fleet.unreachable(fleet.names[0])
        report = await fleet.router.shift(fleet.of_epoch(1, 2, 10.0))
        assert report.outcome is Outcome.SUPERSEDED
        fleet.mend(fleet.names[0])
        assert await fleet.weights() == [10.0] * 3

    async def test_the_same_generation_with_other_content_is_refused(self, fleet: Harness) -> None:
        await fleet.router.shift(fleet.target(1, 1.0))
        report = await fleet.router.shift(fleet.target(1, 10.0))
        assert report.outcome is not Outcome.DONE
        assert await fleet.weights() != [10.0] * 3

    async def test_rollback_waits_for_no_host_and_names_the_missing(self, fleet: Harness) -> None:
        await fleet.router.shift(fleet.target(1, 10.0))
        fleet.unreachable(fleet.names[0])
        target = fleet.target(2, mode="stable")
        report = await fleet.router.roll_back(target)
        assert report.outcome is Outcome.PARTIAL and [r.host for r in report.failed] == [fleet.names[0]]
        readings = await fleet.router.read(self.SERVICE)
        assert [r.state for r in readings] == [HostState.UNREACHABLE, HostState.OK, HostState.OK]
        assert readings[0].share is None
        fleet.mend(fleet.names[0])
        assert (await fleet.router.roll_back(target)).outcome is Outcome.DONE
        assert await fleet.weights() == [0.0] * 3

    async def test_the_way_back_is_ready_on_every_host_before_anything_goes_live(self, fleet: Harness) -> None:
        await fleet.router.shift(fleet.target(1, 1.0))
        sent = fleet.requests()
        verbs = [verb for verb, _ in sent]
        assert sorted(sent) == sorted((verb, name) for verb in ("ready", "stage", "commit") for name in fleet.names)
        assert max(n for n, verb in enumerate(verbs) if verb == "ready") < verbs.index("commit")
        await fleet.router.shift(fleet.target(2, 10.0))
        assert {verb for verb, _ in fleet.requests()[len(sent) :]} == {"stage", "commit"}, "it is ready still"
        sent = fleet.requests()
        assert (await fleet.router.roll_back(fleet.target(3, mode="stable"))).outcome is Outcome.DONE
        assert sorted(fleet.requests()[len(sent) :]) == [("apply", name) for name in fleet.names]

    async def test_a_lost_way_back_is_put_there_again(self, fleet: Harness) -> None:
        await fleet.router.shift(fleet.target(1, 1.0))
        fleet.forgets(fleet.names[1])
        sent = len(fleet.requests())
        assert (await fleet.router.shift(fleet.target(2, 10.0))).outcome is Outcome.DONE
        assert [name for verb, name in fleet.requests()[sent:] if verb == "ready"] == [fleet.names[1]]

    async def test_superseded_between_stage_and_commit_changes_nothing(self, fleet: Harness) -> None:
        await fleet.router.shift(fleet.target(1, 1.0))
        asked = iter([False, True])
        report = await fleet.router.shift(fleet.target(2, 10.0), lambda: next(asked, True))
        assert report.outcome is Outcome.SUPERSEDED
        assert await fleet.weights() == [1.0] * 3
        assert (await fleet.router.roll_back(fleet.target(3, mode="stable"))).outcome is Outcome.DONE
        assert (await fleet.router.shift(fleet.target(2, 10.0))).outcome is Outcome.SUPERSEDED

    async def test_a_rollback_overtakes_a_shift_under_way(self, fleet: Harness) -> None:
        await fleet.router.shift(fleet.target(1, 1.0))
        over = False
        task = asyncio.create_task(fleet.router.shift(fleet.target(2, 50.0), lambda: over))
        while fleet_not_staged(await fleet.router.read(self.SERVICE), task):
            pass
        over = True
        task.cancel()
        rolled = await fleet.router.roll_back(fleet.target(3, mode="stable"))
        report = await task
        assert rolled.outcome is Outcome.DONE
        assert report.outcome in (Outcome.SUPERSEDED, Outcome.DONE)
        assert await fleet.weights() == [0.0] * 3

    async def test_a_cancelled_shift_that_nothing_supersedes_stays_cancelled(self, fleet: Harness) -> None:
        task = asyncio.create_task(fleet.router.shift(fleet.target(1, 1.0)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await fleet.router.shift(fleet.target(1, 1.0))).outcome is Outcome.DONE

    async def test_a_hand_edit_is_seen_and_shown(self, fleet: Harness) -> None:
        target = fleet.target(1, 10.0)
        await fleet.router.shift(target)
        assert set((await fleet.router.plan_diff(target)).values()) == {""}
        fleet.edits(fleet.names[1], lambda text: text.replace("10.00%", "5.00%"))
        readings = await fleet.router.read(self.SERVICE)
        assert [r.state for r in readings] == [HostState.OK, HostState.EDITED, HostState.OK]
        diff = await fleet.router.plan_diff(target)
        assert "-    5.00%" in diff[fleet.names[1]] and "+    10.00%" in diff[fleet.names[1]]
        assert diff[fleet.names[0]] == ""

    async def test_what_cannot_be_rendered_is_refused_with_the_mend(self, fleet: Harness) -> None:
        report = await fleet.router.shift(fleet.target(1, 10.001))
        assert report.outcome is Outcome.REFUSED and "two decimals" in report.failed[0].error

    async def test_a_deleted_file_still_served_is_stale(self, fleet: Harness) -> None:
        await fleet.router.shift(fleet.target(1, 10.0))
        fleet.edits(fleet.names[0], lambda _: "")
        assert (await fleet.router.read(self.SERVICE))[0].state in (HostState.STALE, HostState.ABSENT)


def fleet_not_staged(readings: object, task: asyncio.Task[object]) -> bool:
    """True until some host has left the first generation, or the shift is over."""
    live = [reading.live for reading in readings]  # type: ignore[attr-defined]
    return not task.done() and all(one is not None and one.generation == 1 for one in live)
