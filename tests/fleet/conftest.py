"""Real nginx and real sshd on loopback addresses of their own, so that tests beside each other never meet."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
import pytest

from bot.fleet.local import LocalTransport
from bot.fleet.router import FleetRouter
from bot.fleet.target import Target
from bot.fleet.transport import RunResult, Transport, Unreachable
from bot.rollout.plan import Host, InternalAudience, Traffic

SERVICE = "brand-diagnosis"


def address() -> str:
    return f"127.{random.randint(1, 250)}.{random.randint(0, 250)}.{random.randint(1, 250)}"


async def until(condition: Callable[[], bool], timeout: float = 60.0) -> None:
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110 what is waited for is another process's file
            await asyncio.sleep(0.005)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.005)


def listening(place: tuple[str, int]) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(place, 1):
        return True
    return False


@dataclass
class Box:
    """One host: an nginx with its own directory and loopback address; its backends are two more servers in it."""

    name: str
    root: Path
    ip: str = field(default_factory=address)
    process: subprocess.Popen[bytes] | None = None
    conf_dir: str = "conf.d"
    ssh: tuple[str, int] = ("", 22)

    @property
    def host(self) -> Host:
        return Host(
            self.name,
            address=self.ssh[0],
            port=self.ssh[1],
            nginx_conf=str(self.root / "nginx.conf"),
            conf_dir=str(self.root / "conf.d"),
            pid_file=str(self.root / "nginx.pid"),
            status=f"{self.ip}:8911",
        )

    @property
    def live(self) -> Path:
        return self.root / "conf.d" / f"rollout-{SERVICE}.conf"

    @property
    def state(self) -> Path:
        return self.root / "conf.d" / ".rollout-bot"

    @property
    def master(self) -> int:
        return int((self.root / "nginx.pid").read_text())

    def write_conf(self, include: str) -> None:
        temp = "".join(
            f"{kind}_temp_path {self.root}/tmp;" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        backends = "".join(
            f'server {{ listen {self.ip}:{port}; return 200 "{pool}"; }}\n'
            for pool, port in (("stable", 5000), ("canary", 5001))
        )
        (self.root / "nginx.conf").write_text(
            f"daemon off;\nworker_processes 2;\npid {self.root}/nginx.pid;\nerror_log {self.root}/error.log;\n"
            f"events {{}}\nhttp {{\n{temp}\naccess_log off;\n{include}\n{backends}}}\n"
        )

    def start(self, include: str = "    include conf.d/*.conf;  # the bot's too") -> Box:
        (self.root / "conf.d").mkdir(parents=True, exist_ok=True)
        self.write_conf(include)
        self.process = subprocess.Popen(
            ["nginx", "-c", f"{self.root}/nginx.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(lambda: listening((self.ip, 5000)), "nginx did not start")
        pid_file = self.root / "nginx.pid"
        wait_for(lambda: pid_file.exists() and pid_file.read_text().strip() != "", "nginx wrote no pid")
        return self

    def publish(self) -> None:
        """What a person adds once the bot's first file is there."""
        name = SERVICE.replace("-", "_")
        (self.root / "conf.d" / "site.conf").write_text(
            f"server {{ listen {self.ip}:8000; access_log {self.root}/access.log rollout_{name};\n"
            f"location / {{ proxy_pass http://$rollout_{name}; proxy_http_version 1.1;\n"
            f'proxy_set_header Connection ""; proxy_next_upstream off; }} }}\n'
        )
        os.kill(self.master, signal.SIGHUP)
        wait_for(lambda: listening((self.ip, 8000)), "nginx did not take the person's server")

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            with contextlib.suppress(OSError, ValueError):
                os.kill(self.process.pid, signal.SIGCONT)
            self.process.terminate()
            self.process.wait(5)

    async def get(self, **headers: str) -> str:
        """The body that a visitor with these headers (Cookie="…", X_Internal_User="1") gets."""
        reader, writer = await asyncio.open_connection(self.ip, 8000)
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        writer.write(f"GET / HTTP/1.1\r\nHost: app\r\nConnection: close\r\n{lines}\r\n".encode())
        text = (await reader.read()).decode()
        writer.close()
        return text.rpartition("\r\n\r\n")[2]


def traffic(box: Box, **changes: object) -> Traffic:
    values: dict[str, object] = {
        "strategy": "sticky",
        "stable": (f"{box.ip}:5000",),
        "canary": (f"{box.ip}:5001",),
        "stable_version": "1.0",
        "override_cookie": ("gray_release", "true"),
        "internal": InternalAudience(("192.0.2.0/24",), ("X-Internal-User", "1")),
    }
    return Traffic(**{**values, **changes})  # type: ignore[arg-type]


@dataclass
class Boxes:
    """A fleet of boxes whose generated files may all name the first box's backends: a target is one for all hosts."""

    boxes: list[Box]

    def __getitem__(self, number: int) -> Box:
        return self.boxes[number]

    @property
    def hosts(self) -> list[Host]:
        return [box.host for box in self.boxes]

    def target(self, generation: int, weight: float = 1.0, mode: str = "shift", **changes: object) -> Target:
        values: dict[str, object] = {"internal": True, "rollout": "ROLLOUT-20260302-1", "salt": "ROLLOUT-20260302-1"}
        values |= {key: changes.pop(key) for key in list(changes) if key in values}
        if "audience" in changes:  # Target and Traffic both have an `internal`
            changes["internal"] = changes.pop("audience")
        return Target(
            SERVICE, generation=generation, traffic=traffic(self[0], **changes), mode=mode, weight=weight, **values
        )  # type: ignore[arg-type]


class Faulty:
    """A transport in front of another that loses what it is told to lose."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner
        self.unreachable: set[str] = set()
        self.lost_before: set[str] = set()
        self.lost_after: set[str] = set()
        self.calls: list[tuple[str, str]] = []

    async def run(self, host: Host, argv: tuple[str, ...], stdin: bytes, timeout: float) -> RunResult:
        verb = argv[6]
        self.calls.append((verb, host.name))
        if host.name in self.unreachable:
            raise Unreachable(f"{host.name} cannot be reached: scripted; start it")
        if verb in ("commit", "apply") and host.name in self.lost_before:
            self.lost_before.discard(host.name)
            return RunResult(None)
        result = await self.inner.run(host, argv, stdin, timeout)
        if verb in ("commit", "apply") and host.name in self.lost_after:
            self.lost_after.discard(host.name)
            return RunResult(None)
        return result

    async def aclose(self) -> None:
        await self.inner.aclose()


@pytest.fixture
def boxes(tmp_path: Path) -> Iterator[Boxes]:
    fleet = Boxes([Box(f"lb-{number}", tmp_path / f"lb-{number}").start() for number in (1, 2, 3)])
    yield fleet
    for box in fleet.boxes:
        box.stop()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box("lb-1", tmp_path / "lb-1").start()
    yield box
    box.stop()


@pytest.fixture
def faulty() -> Faulty:
    return Faulty(LocalTransport())


@pytest.fixture
async def router(boxes: Boxes, faulty: Faulty) -> AsyncIterator[FleetRouter]:
    router = FleetRouter(boxes.hosts, faulty, deadline=4.0)
    yield router
    await router.aclose()


@dataclass
class Sshd:
    """A real sshd on loopback addresses, at most 16 of them, each of which stands for a host."""

    root: Path
    addresses: list[str]
    port: int = 2022
    public: str = ""  # its host key
    process: subprocess.Popen[bytes] | None = None

    def authorize(self, line: str) -> None:
        with open(self.root / "authorized_keys", "a") as keys:
            keys.write(line)

    def known_lines(self) -> str:
        return "".join(f"[{one}]:{self.port} {self.public}\n" for one in self.addresses)

    @property
    def key_file(self) -> str:
        return str(self.root / "user_key")

    @property
    def known_hosts(self) -> str:
        return str(self.root / "known_hosts")

    def start(self) -> Sshd:
        """Keys are made at the first start, and kept."""
        root = self.root
        if not self.public:
            host_key, user_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
            host_key.write_private_key(root / "host_key")
            user_key.write_private_key(root / "user_key")
            user_key.write_public_key(root / "authorized_keys")
            self.public = host_key.export_public_key().decode().strip()
        (root / "known_hosts").write_text(self.known_lines())
        for name in ("host_key", "user_key"):
            (root / name).chmod(0o600)
        lines = [f"ListenAddress {one}:{self.port}" for one in self.addresses]
        lines += [f"HostKey {root}/host_key", f"AuthorizedKeysFile {root}/authorized_keys"]
        lines += ["StrictModes no", "UsePAM no", f"PidFile {root}/pid", "PermitRootLogin yes", "LogLevel FATAL"]
        lines += ["MaxStartups 300", "PerSourceMaxStartups none"]  # here many hosts are one server
        # or bash reads the tester's own ~/.bashrc for every command; and what is remembered of runs stays in the folder
        lines += [f"SetEnv SHLVL=2 XDG_STATE_HOME={root}/state"]
        (root / "sshd_config").write_text("\n".join(lines) + "\n")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # sshd as root does not start without it
        self.process = subprocess.Popen(self.command())
        wait_for(lambda: all(listening((one, self.port)) for one in self.addresses), "sshd did not start")
        return self

    def command(self) -> list[str]:
        return ["/usr/sbin/sshd", "-D", "-e", "-f", f"{self.root}/sshd_config"]

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(120)


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    server = Sshd(tmp_path_factory.mktemp("sshd"), [address() for _ in range(3)]).start()
    yield server
    server.stop()


@pytest.fixture
def ssh_boxes(boxes: Boxes, sshd: Sshd) -> Boxes:
    for box, one in zip(boxes.boxes, sshd.addresses, strict=True):
        box.ssh = (one, sshd.port)
    return boxes
