"""The same runner on this machine and over a real sshd; a scene is one of them."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.release.runner.run import ShellRunner
from bot.rollout.plan import FleetPlan
from bot.rollout.runbook import BOT, Machine
from tests.fleet.conftest import Sshd, address, until
from tests.release.kit import alive, surroundings

PATIENCE = 60.0  # seconds, for what comes at once on a machine that has nothing else to do


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    server = Sshd(tmp_path_factory.mktemp("sshd"), [address()]).start()
    yield server
    server.stop()


@dataclass
class Scene:
    """machine: where lines are run. state: the folder under which that machine remembers keyed runs."""

    machine: str
    fleet: FleetPlan
    machines: tuple[Machine, ...]
    root: Path
    state: Path
    runners: list[ShellRunner] = field(default_factory=list)

    def another(self, *, replicas: bool = False) -> ShellRunner:
        """A runner as the bot's next process has it."""
        environ = surroundings(self.root)
        runner = ShellRunner(self.fleet, self.machines, environ, replicas=replicas, connect_timeout=PATIENCE)
        self.runners.append(runner)
        return runner

    @property
    def runner(self) -> ShellRunner:
        return self.runners[0] if self.runners else self.another()

    @property
    def folders(self) -> list[Path]:
        return list((self.state / "rollout-bot").iterdir())

    def file(self, name: str) -> Path:
        return self.root / name

    async def killed_in(self, line: str, key: str) -> None:
        """Another bot that runs it is killed once the line is under way, and has written its pid to `leader`."""
        at = self.machines[0] if self.machines else None
        place = [at.address, at.port, self.fleet.known_hosts, self.fleet.key_file] if at else None
        words = (str(self.root), json.dumps(place), line, key)
        bot = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.release.runner.process", *words)
        try:
            await self.pid("leader")
        finally:
            bot.kill()
            await bot.wait()

    async def pid(self, name: str) -> int:
        """What a line wrote with `echo $$ >…`, once it is there."""
        path = self.file(name)
        await until(lambda: path.exists() and path.read_text().endswith("\n"), PATIENCE)
        return int(path.read_text())

    async def dead(self, name: str) -> None:
        pid = await self.pid(name)
        await until(lambda: not alive(pid), PATIENCE)


def remote(sshd: Sshd, root: Path, place: tuple[str, int] | None = None, known_hosts: str = "") -> Scene:
    """The scene over SSH; place: where the server is reached."""
    where, port = place or (sshd.addresses[0], sshd.port)
    fleet = FleetPlan("ssh", (), known_hosts=known_hosts or sshd.known_hosts, key_file=sshd.key_file)
    return Scene("db-1", fleet, (Machine("db-1", where, port),), root, sshd.root / "state")


@pytest.fixture(params=["local", "ssh"])
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    if request.param == "ssh":
        scene = remote(request.getfixturevalue("sshd"), tmp_path)
        shutil.rmtree(scene.state, ignore_errors=True)  # the server is the same for all tests
    else:
        scene = Scene(BOT, FleetPlan("local", ()), (), tmp_path, tmp_path)
    yield scene
    for runner in scene.runners:
        await runner.aclose()
