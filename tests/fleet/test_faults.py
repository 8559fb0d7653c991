"""The fault matrix, over real sshd and nginx: whatever goes wrong, every host that can be reached is in one known
generation, none ever gave the canary more than was approved, and the report says what is so."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.engine.targets import down_as_ordered
from bot.fleet import nginx
from bot.fleet.router import FleetRouter
from bot.fleet.ssh import SshTransport
from bot.fleet.target import HostState, Outcome, ShiftReport
from tests.fleet.conftest import SERVICE, Box, Boxes, Sshd, until
from tests.fleet.proxy import Proxy
from tests.fleet.test_contract import ask

APPROVED = 10.0
DEADLINE = 45.0  # seconds; a loaded machine gets its time


@dataclass
class Scene:
    """Three hosts over SSH, the second through a network that can be cut. It serves generation 1 with 1 %."""

    boxes: Boxes
    proxy: Proxy
    transport: SshTransport
    router: FleetRouter
    known_hosts: str
    peak: float = 0.0
    asked: int = 0
    names: tuple[str, ...] = ("lb-1", "lb-2", "lb-3")
    seen: set[int] = field(default_factory=set)

    @property
    def ill(self) -> Box:
        return self.boxes[1]

    def once_staged(self, act: Callable[[], object]) -> Callable[[], bool]:
        """A `superseded` that says no, and lets something happen between the two phases."""
        asked = 0

        def superseded() -> bool:
            nonlocal asked
            asked += 1
            if asked == 2:
                act()
            return False

        return superseded

    async def watch(self) -> None:
        while True:
            for box in self.boxes.boxes:
                with suppress(OSError, ValueError):
                    serving = await ask(box)
                    if serving is not None:
                        share = {"stable": 0.0, "canary": 100.0}.get(serving.mode, serving.weight)
                        self.peak, self.asked = max(self.peak, share), self.asked + 1
                        self.seen.add(serving.generation)
            await asyncio.sleep(0.02)

    async def settled(self, report: ShiftReport, generation: int, *, but: tuple[str, ...] = ()) -> None:
        """Every host but those serves the generation and says so itself; no host was ever over what was approved."""
        for reading in await self.router.read(SERVICE):
            if reading.host not in but:
                assert reading.state is HostState.OK and reading.live is not None, reading
                assert reading.live.generation == generation == (reading.file and reading.file.generation)
        assert self.asked and self.peak <= APPROVED
        if report.outcome is Outcome.DONE:
            assert not report.failed
        assert all(result.error for result in report.failed)

    async def back_and_well(self, generation: int) -> None:
        """Once mended, the next rollback and the next shift reach every host."""
        report = await self.router.roll_back(self.boxes.target(generation, 0.0, "stable"))
        assert report.outcome is Outcome.DONE, report.failed
        report = await self.router.shift(self.boxes.target(generation + 1, APPROVED))
        assert report.outcome is Outcome.DONE, report.failed
        await self.settled(report, generation + 1)


@pytest.fixture
async def scene(ssh_boxes: Boxes, sshd: Sshd, tmp_path: Path) -> AsyncIterator[Scene]:
    async with Proxy(sshd.port, ssh_boxes[1].ssh) as proxy:
        known = tmp_path / "known"
        known.write_text(sshd.known_lines() + f"[{proxy.place[0]}]:{proxy.place[1]} {sshd.public}\n")
        ssh_boxes[1].ssh = proxy.place
        transport = SshTransport(str(known), sshd.key_file, connect_timeout=DEADLINE)
        scene = Scene(ssh_boxes, proxy, transport, FleetRouter(ssh_boxes.hosts, transport, DEADLINE), str(known))
        assert (await scene.router.shift(ssh_boxes.target(1, 1.0))).outcome is Outcome.DONE
        watching = asyncio.create_task(scene.watch())
        yield scene
        assert not watching.done(), "the watch over what is served ended"
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await scene.router.aclose()


def failed(report: ShiftReport) -> list[str]:
    return [result.host for result in report.failed]


async def test_a_host_is_down_before_the_stage(scene: Scene) -> None:
    scene.proxy.go_down()
    report = await scene.router.shift(scene.boxes.target(2, APPROVED))
    assert report.outcome is Outcome.REFUSED and failed(report) == ["lb-2"]
    await scene.settled(report, 1, but=("lb-2",))
    scene.proxy.come_back()
    await scene.settled(report, 1)
    await scene.back_and_well(3)


async def test_nginx_is_stopped_and_its_file_tells_whether_somebody_changed_it(scene: Scene) -> None:
    scene.ill.stop()
    readings = await scene.router.read(SERVICE)
    assert [r.host for r in readings if r.state is HostState.DOWN] == ["lb-2"]
    assert down_as_ordered(readings, 1) == ("lb-2",) and down_as_ordered(readings, 2) == ()
    report = await scene.router.shift(scene.boxes.target(2, APPROVED))
    assert report.outcome is Outcome.REFUSED and failed(report) == ["lb-2"]
    text = scene.ill.live.read_text()
    scene.ill.live.write_text(text + "# by hand\n")
    assert down_as_ordered(await scene.router.read(SERVICE), 1) == ()
    report = await scene.router.roll_back(scene.boxes.target(3, 0.0, "stable"))
    assert report.outcome is Outcome.PARTIAL and failed(report) == ["lb-2"]
    scene.ill.start()
    serving = await ask(scene.ill)
    assert serving and serving.generation == 3, "the rollback's file was in place"
    await scene.back_and_well(4)


async def test_a_host_goes_down_between_stage_and_commit(scene: Scene) -> None:
    target = scene.boxes.target(2, APPROVED)
    report = await scene.router.shift(target, scene.once_staged(scene.proxy.go_down))
    assert report.outcome is Outcome.PARTIAL and failed(report) == ["lb-2"], "what it serves is not known"
    await scene.settled(report, 1, but=("lb-2",))
    scene.proxy.come_back()
    await scene.settled(report, 1)
    assert not (set(scene.seen) - {1, 2})
    await scene.back_and_well(3)


async def test_a_host_goes_down_after_the_commit(scene: Scene) -> None:
    report = await scene.router.shift(scene.boxes.target(2, APPROVED))
    assert report.outcome is Outcome.DONE
    await scene.settled(report, 2)
    scene.proxy.go_down()
    back = scene.boxes.target(3, 0.0, "stable")
    report = await scene.router.roll_back(back)
    assert report.outcome is Outcome.PARTIAL and failed(report) == ["lb-2"]
    await scene.settled(report, 3, but=("lb-2",))
    scene.proxy.come_back()
    report = await scene.router.roll_back(back)
    assert report.outcome is Outcome.DONE
    await scene.settled(report, 3)
    await scene.back_and_well(4)


async def test_nginx_minds_the_configuration_of_one_host(scene: Scene) -> None:
    bad = scene.ill.root / "conf.d" / "person.conf"
    bad.write_text("nonsense;\n")
    report = await scene.router.shift(scene.boxes.target(2, APPROVED))
    assert report.outcome is Outcome.REFUSED and failed(report) == ["lb-2"]
    assert f"{bad}:1" in report.failed[0].error
    await scene.settled(report, 1)
    bad.unlink()
    await scene.back_and_well(3)


async def test_nginx_does_not_take_the_reload_though_its_exit_is_0(scene: Scene) -> None:
    with socket.create_server((scene.ill.ip, 8099)):
        bad = scene.ill.root / "conf.d" / "person.conf"
        bad.write_text(f"server {{ listen {scene.ill.ip}:8099; }}\n")
        report = await scene.router.shift(scene.boxes.target(2, APPROVED))
        assert report.outcome is Outcome.REVERTED and failed(report) == ["lb-2"]
        assert "bind()" in report.failed[0].error
        await scene.settled(report, 1)
        bad.unlink()
    await scene.back_and_well(3)


@dataclass
class Disk:
    """The directory of the generated files on a disk of its own. Without root a directory that takes no writes."""

    folder: Path
    mounted: bool

    def fill(self) -> None:
        if not self.mounted:
            return self.lock()
        with suppress(OSError), open(self.folder / "somebody-else", "wb", buffering=0) as file:
            while True:
                file.write(b"x" * 512)

    def lock(self) -> None:
        if self.mounted:
            subprocess.run(["mount", "-o", "remount,ro", self.folder], check=True)
        else:
            for folder in (self.folder, self.folder / ".rollout-bot"):
                folder.chmod(0o555)

    def mend(self) -> None:
        if not self.mounted:
            for folder in (self.folder, self.folder / ".rollout-bot"):
                folder.chmod(0o755)
            return
        subprocess.run(["mount", "-o", "remount,rw", self.folder], check=True)
        (self.folder / "somebody-else").unlink(missing_ok=True)


@pytest.fixture
def disk(boxes: Boxes) -> Iterator[Disk]:
    folder = boxes[1].root / "conf.d"
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=400k", "rollout-bot-test", folder], check=False, capture_output=True
        ).returncode
    )
    if os.geteuid() == 0 and not mounted:
        pytest.fail("no tmpfs can be mounted here, and root writes where nobody may; run this test as another user")
    disk = Disk(folder, mounted)
    yield disk
    if mounted:
        boxes[1].stop()
        subprocess.run(["umount", "-l", folder], check=True)


async def test_the_disk_of_one_host_is_full(disk: Disk, scene: Scene) -> None:
    report = await scene.router.shift(scene.boxes.target(2, APPROVED))
    assert report.outcome is Outcome.DONE
    disk.fill()
    report = await scene.router.shift(scene.boxes.target(3, APPROVED))
    assert report.outcome is Outcome.REFUSED and failed(report) == ["lb-2"] and "disk" in report.failed[0].error
    await scene.settled(report, 2)
    if disk.mounted:  # what is held in reserve is enough to go back
        report = await scene.router.roll_back(scene.boxes.target(4, 0.0, "stable"))
        assert report.outcome is Outcome.DONE, report.failed
        await scene.settled(report, 4)
    disk.mend()
    await scene.back_and_well(5)


async def test_the_file_system_of_one_host_is_read_only(disk: Disk, scene: Scene) -> None:
    disk.lock()
    report = await scene.router.shift(scene.boxes.target(2, APPROVED))
    assert report.outcome is Outcome.REFUSED and failed(report) == ["lb-2"] and "read-only" in report.failed[0].error
    await scene.settled(report, 1)
    report = await scene.router.roll_back(scene.boxes.target(3, 0.0, "stable"))
    assert report.outcome is Outcome.PARTIAL and failed(report) == ["lb-2"]
    await scene.settled(report, 3, but=("lb-2",))
    disk.mend()
    await scene.back_and_well(4)


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


async def test_a_lower_generation_is_replayed(scene: Scene) -> None:
    """Every request of an old shift, as it was, once more."""
    host = scene.router.hosts[0]
    old = nginx.render(scene.boxes.target(2, APPROVED), host)
    place = (host.nginx, host.nginx_conf, host.conf_dir, host.pid_file, host.status, "1000")
    assert (await scene.router.shift(scene.boxes.target(2, APPROVED))).outcome is Outcome.DONE
    report = await scene.router.roll_back(scene.boxes.target(3, 0.0, "stable"))
    digest = hashlib.sha256(old.encode()).hexdigest()
    for words, stdin in (
        (("stage", SERVICE, "2", "0", digest, "-"), old),
        (("commit", SERVICE, "2", "0"), ""),
        (("apply", SERVICE, "2", "9", digest), old),
        (("revert", SERVICE, "2", "0"), ""),
    ):
        result = await scene.transport.run(host, (*place, *words), stdin.encode(), DEADLINE)
        assert (b'"code":"fenced"' in result.stdout) == (words[0] != "revert") and b'"swapped":false' in result.stdout
    await scene.settled(report, 3)


async def test_a_person_edits_the_file_between_stage_and_commit(scene: Scene) -> None:
    def edit() -> None:
        scene.ill.live.write_text(scene.ill.live.read_text().replace("1.00%", "0.50%"))

    report = await scene.router.shift(scene.boxes.target(2, APPROVED), scene.once_staged(edit))
    assert report.outcome is Outcome.REVERTED and failed(report) == ["lb-2"]
    assert "somebody changed" in report.failed[0].error and "0.50%" in scene.ill.live.read_text()
    readings = await scene.router.read(SERVICE)
    assert [reading.state for reading in readings] == [HostState.OK, HostState.EDITED, HostState.OK]
    await scene.settled(report, 1, but=("lb-2",))
    await scene.back_and_well(3)


def dated(year: int, *files: Path) -> None:
    when = datetime(year, 1, 1, tzinfo=UTC).timestamp()
    for file in files:
        os.utime(file, (when, when))


@pytest.mark.parametrize("year", [1971, 2037])
async def test_a_clock_is_wrong(scene: Scene, year: int) -> None:
    """What a host decides by is the order of generations and the time since it booted."""
    files = [*scene.ill.state.iterdir(), scene.ill.live, scene.ill.root / "error.log", scene.ill.root / "nginx.conf"]
    dated(year, *files)
    report = await scene.router.shift(scene.boxes.target(2, APPROVED))
    assert report.outcome is Outcome.DONE
    await scene.settled(report, 2)
    with socket.create_server((scene.ill.ip, 8099)):
        bad = scene.ill.root / "conf.d" / "person.conf"
        bad.write_text(f"server {{ listen {scene.ill.ip}:8099; }}\n")
        dated(year, scene.ill.root / "error.log")
        report = await scene.router.shift(scene.boxes.target(3, APPROVED))
        assert report.outcome is Outcome.REVERTED and "bind()" in report.failed[0].error
        bad.unlink()
    await scene.settled(report, 2)
    await scene.back_and_well(4)
