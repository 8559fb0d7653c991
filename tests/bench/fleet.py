"""A whole shift and a rollback of 10, 50 and 100 real nginx behind real sshd, until the last worker of the last host.

Against the same hosts without SSH, and against Ansible and pyinfra on them. Everything runs on this machine, the hosts'
own work as well: what SSH and the controller add is what the ratios show.
"""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import asyncssh

from bot.fleet.local import LocalTransport
from bot.fleet.router import FleetRouter
from bot.fleet.ssh import SshTransport
from bot.fleet.target import Outcome, ShiftReport
from tests.bench.report import Result
from tests.bench.rivals import Rivals, install
from tests.fleet.conftest import SERVICE, Box, Boxes, Sshd, address

SIZES = (10, 50, 100)
RUNS = 7
RIVAL_RUNS = 2
PER_SERVER = 15  # addresses of one sshd, which takes 16
DEADLINE = 120.0  # seconds for a verb: here the hosts share one machine's processors


@dataclass
class World:
    boxes: Boxes
    servers: list[Sshd]
    root: Path
    generations: count[int] = field(default_factory=lambda: count(1))
    bare: list[asyncssh.SSHClientConnection] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.known_hosts = self.root / "known_hosts"
        self.known_hosts.write_text("".join(server.known_lines() for server in self.servers))

    @property
    def key_file(self) -> Path:
        return self.root / "user_key"

    def transport(self) -> SshTransport:
        return SshTransport(str(self.known_hosts), str(self.key_file), connect_timeout=DEADLINE)


async def run() -> list[Result]:
    install()
    gc.collect()
    gc.freeze()  # as the bot does at its start
    results: list[Result] = []
    for size in SIZES:
        async with world(size) as here:
            results += await _measure(here, size)
    return results


@asynccontextmanager
async def world(size: int) -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory(prefix="fleet", ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(root / "user_key")
        (root / "user_key").chmod(0o600)
        boxes, servers, here = [], [], None
        try:
            for number in range(size):
                if number % PER_SERVER == 0:
                    servers.append(_server(root, min(PER_SERVER, size - number), key))
                box = Box(f"lb-{number + 1}", root / f"lb-{number + 1}").start()
                box.ssh = (servers[-1].addresses[number % PER_SERVER], servers[-1].port)
                boxes.append(box)
            here = World(Boxes(boxes), servers, root)
            yield here
        finally:
            for connection in here.bare if here else ():
                connection.abort()
            for box in boxes:
                box.stop()
            for server in servers:
                server.stop()


def _server(root: Path, size: int, key: asyncssh.SSHKey) -> Sshd:
    folder = Path(tempfile.mkdtemp(prefix="sshd", dir=root))
    server = Sshd(folder, [address() for _ in range(size)]).start()
    server.authorize(key.export_public_key().decode())
    return server


async def _measure(here: World, size: int) -> list[Result]:
    hosts = here.boxes.hosts
    bare_cpu, bare_memory = await _bare(here, size)
    gc.collect()
    before = _resident()
    over_ssh = FleetRouter(hosts, here.transport(), DEADLINE)
    local = FleetRouter(hosts, LocalTransport(), DEADLINE)
    await over_ssh.read(SERVICE)
    memory = (_resident() - before) / size
    ours, plain, back, plain_back, cpu = [], [], [], [], []
    for router in (over_ssh, local):
        await _shift(here, router)  # the way back is made ready once a rollout
    for _ in range(RUNS):  # in turns, so that both meet the same machine
        spent = time.process_time()
        ours.append(await _shift(here, over_ssh))
        cpu.append((time.process_time() - spent) * 1000 / size)
        back.append(await _roll_back(here, over_ssh))
        plain.append(await _shift(here, local))
        plain_back.append(await _roll_back(here, local))
    await over_ssh.aclose()
    theirs = _rivals(here)
    shift, rollback = statistics.median(ours), statistics.median(back)
    name = f"fleet.shift.{size}"
    return [
        Result(name, shift, "s", "the same without SSH", statistics.median(plain), RUNS),
        *(Result(name, shift, "s", what, took, RUNS) for what, took in theirs.items()),
        Result(f"fleet.rollback.{size}", rollback, "s", "the same without SSH", statistics.median(plain_back), RUNS),
        Result(f"fleet.rollback.{size}", rollback, "s", "a shift", shift, RUNS),
        Result(f"fleet.cpu.{size}", statistics.median(cpu), "ms/host", "asyncssh, two bare execs", bare_cpu, RUNS),
        Result(f"fleet.memory.{size}", memory, "MB/connection", "asyncssh, bare", bare_memory, 1),
    ]


async def _shift(here: World, router: FleetRouter) -> float:
    generation = next(here.generations)
    target = here.boxes.target(generation, 1.0 + generation % 50)
    return await _timed(lambda: router.shift(target))


async def _roll_back(here: World, router: FleetRouter) -> float:
    target = here.boxes.target(next(here.generations), 0.0, "stable", internal=False)
    return await _timed(lambda: router.roll_back(target))


async def _timed(change: Callable[[], Awaitable[ShiftReport]]) -> float:
    began = time.perf_counter()
    report = await change()
    took = time.perf_counter() - began
    assert report.outcome is Outcome.DONE, report.failed
    return took


async def _bare(here: World, size: int) -> tuple[float, float]:
    """CPU ms a host for two commands on a warm connection each, and MB a connection, by asyncssh alone."""
    gc.collect()
    before = _resident()
    options = {"known_hosts": str(here.known_hosts), "client_keys": [str(here.key_file)], "agent_path": None}
    connections = [
        await asyncssh.connect(host.address, host.port, login_timeout=DEADLINE, **options) for host in here.boxes.hosts
    ]
    memory = (_resident() - before) / size
    spent = time.process_time()
    for connection in connections:
        for _ in range(2):
            await connection.run("true", check=True)
    cpu = (time.process_time() - spent) * 1000 / size
    here.bare = connections  # open to the end, or the next would have their memory
    return cpu, memory


def _rivals(here: World) -> dict[str, float]:
    rivals = Rivals(here.root, SERVICE, here.boxes.hosts, here.known_hosts, here.key_file)
    took: dict[str, list[float]] = {}
    for run in range(RIVAL_RUNS + 1):
        target = here.boxes.target(next(here.generations), 1.0 + run)
        router = FleetRouter(here.boxes.hosts, LocalTransport())
        rivals.prepare({host.name: router.render_for(host, target) for host in here.boxes.hosts})
        for what, act in (
            ("Ansible, one raw task", rivals.raw),
            ("pyinfra", rivals.pyinfra),
            ("Ansible playbook", rivals.playbook),
        ):
            # the first run only warms the connections, and a playbook takes minutes: once is enough
            if what == "Ansible, one raw task" or run == RIVAL_RUNS or (run and what == "pyinfra"):
                took.setdefault(what, []).append(act())
    took["Ansible, one raw task"].pop(0)
    for path in (here.root / "cp").glob("*"):
        subprocess.run(["ssh", "-o", f"ControlPath={path}", "-O", "exit", "x"], capture_output=True, check=False)
    return {what: statistics.median(times) for what, times in took.items()}


def _resident() -> float:
    """MB of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
