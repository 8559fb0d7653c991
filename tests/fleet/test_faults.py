"""The fault matrix, over real sshd and nginx: whatever goes wrong, every host that can be reached is in one known
generation, none ever gave the canary more than was approved, and the report says what is so."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.engine.targets import down_as_ordered
from bot.fleet import nginx
from bot.fleet.target import HostState, Outcome
from tests.fleet.conftest import SERVICE, Boxes, Sshd
from tests.fleet.scene import APPROVED, DEADLINE, Scene, a_scene, failed
from tests.fleet.test_contract import ask


@pytest.fixture
async def scene(ssh_boxes: Boxes, sshd: Sshd, tmp_path: Path) -> AsyncIterator[Scene]:
    async with a_scene(ssh_boxes, sshd, tmp_path) as scene:
        yield scene


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
