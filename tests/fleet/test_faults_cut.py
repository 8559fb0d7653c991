"""The fault matrix, continued: connections cut in the middle of each verb, and two bots at once."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.fleet.router import FleetRouter
from bot.fleet.ssh import SshTransport
from bot.fleet.target import HostState, Outcome
from tests.fleet.conftest import SERVICE, Boxes, Sshd, until
from tests.fleet.scene import APPROVED, DEADLINE, Scene, a_scene, failed


@pytest.fixture
async def scene(ssh_boxes: Boxes, sshd: Sshd, tmp_path: Path) -> AsyncIterator[Scene]:
    async with a_scene(ssh_boxes, sshd, tmp_path) as scene:
        yield scene


class Slow:
    """An nginx binary that waits to be let go, so that a test can be in the middle of a verb."""

    def __init__(self, folder: Path) -> None:
        self.program, self.reached, self.go = folder / "slow-nginx", folder / "reached", folder / "go"
        self.program.write_text(
            f'#!/bin/sh\n: >{self.reached}\nuntil [ -e {self.go} ]; do sleep 0.02; done\nexec nginx "$@"\n'
        )
        self.program.chmod(0o755)


@pytest.mark.parametrize("verb", ["ready", "stage"])
async def test_the_connection_is_cut_in_the_middle_of_a_test(scene: Scene, tmp_path: Path, verb: str) -> None:
    slow = Slow(tmp_path)
    hosts = [replace(host, nginx=str(slow.program)) if host.name == "lb-2" else host for host in scene.router.hosts]
    router = FleetRouter(hosts, scene.transport, DEADLINE)
    if verb == "stage":
        slow.go.touch()
        assert (await router.shift(scene.boxes.target(2, APPROVED))).outcome is Outcome.DONE
        slow.go.unlink()
        slow.reached.unlink()
    change = {"salt": "another"} if verb == "ready" else {}
    shift = asyncio.create_task(router.shift(scene.boxes.target(3, APPROVED, **change)))
    await until(slow.reached.exists, DEADLINE)
    scene.proxy.cut()
    slow.go.touch()
    report = await shift
    assert report.outcome is Outcome.DONE, report.failed
    await scene.settled(report, 3)
    await scene.back_and_well(4)


@pytest.mark.parametrize("verb", ["commit", "apply", "revert"])
@pytest.mark.parametrize("back_soon", [True, False])
async def test_the_connection_is_cut_in_the_middle_of_a_swap(scene: Scene, verb: str, back_soon: bool) -> None:
    old = scene.ill.live.read_text()
    if verb == "revert":
        # the third host makes the shift fail, the second is cut while it goes back
        os.kill(scene.boxes[2].master, signal.SIGSTOP)
    else:
        os.kill(scene.ill.master, signal.SIGSTOP)
    target = scene.boxes.target(2, 0.0 if verb == "apply" else APPROVED, "stable" if verb == "apply" else "shift")
    act = scene.router.roll_back if verb == "apply" else scene.router.shift
    router = FleetRouter(scene.router.hosts, scene.transport, 12.0) if verb == "revert" else None
    changing = asyncio.create_task((router.shift if router else act)(target))
    await until(lambda: scene.ill.live.read_text() != old, DEADLINE)
    if verb == "revert":
        await until(lambda: scene.ill.live.read_text() == old, DEADLINE)
    scene.proxy.go_down() if not back_soon else scene.proxy.cut()
    for box in scene.boxes.boxes:
        os.kill(box.master, signal.SIGCONT)
    report = await changing
    scene.proxy.come_back()
    if back_soon and verb != "revert":
        assert report.outcome is Outcome.DONE, report.failed
        await scene.settled(report, 2)
    elif verb == "apply":
        assert report.outcome is Outcome.PARTIAL and failed(report) == ["lb-2"]
        await scene.settled(report, 2, but=("lb-2",))
    elif verb == "commit":
        assert report.outcome is Outcome.PARTIAL and failed(report) == ["lb-2"]
        await scene.settled(report, 1, but=("lb-2",))
    else:
        assert report.outcome in (Outcome.REVERTED, Outcome.PARTIAL) and "lb-3" in failed(report)
        await scene.settled(report, 1, but=("lb-2",) if report.outcome is Outcome.PARTIAL else ())
    await scene.back_and_well(3)


async def test_the_connection_is_cut_in_the_middle_of_a_read(scene: Scene) -> None:
    lock = open(scene.ill.state / "lock", "a")  # noqa: ASYNC230, SIM115 held until the cut
    fcntl.flock(lock, fcntl.LOCK_EX)
    reading = asyncio.create_task(scene.router.read(SERVICE))
    await asyncio.sleep(0.2)  # whether the request is there yet or not, the answer is to be the same
    scene.proxy.cut()
    lock.close()
    assert [(r.state, r.share) for r in await reading] == [(HostState.OK, 1.0)] * 3
    await scene.back_and_well(2)


async def test_two_bots_at_once(scene: Scene, sshd: Sshd) -> None:
    """The lead keeps one of them away; were both to act, no host is over the approved share and the newer one wins."""
    other = SshTransport(scene.known_hosts, sshd.key_file, connect_timeout=DEADLINE)
    theirs = FleetRouter(scene.router.hosts, other, DEADLINE)
    older = replace(scene.boxes.target(2, APPROVED), epoch=1)
    newer = replace(scene.boxes.target(3, 5.0), epoch=2)
    first, second = await asyncio.gather(scene.router.shift(older), theirs.shift(newer))
    for report, generation in ((first, 2), (second, 3)):
        if report.outcome is Outcome.DONE:
            assert {r.live and r.live.generation for r in await theirs.read(SERVICE)} <= {generation, 3}
    assert {reading.state for reading in await theirs.read(SERVICE)} == {HostState.OK}
    report = await theirs.shift(replace(scene.boxes.target(4, 5.0), epoch=2))
    assert report.outcome is Outcome.DONE, report.failed
    assert (await scene.router.shift(older)).outcome is Outcome.SUPERSEDED
    await scene.settled(report, 4)
    await theirs.aclose()
