"""A PostgreSQL of the tests' own: a cluster in a temporary folder, on loopback, that ends with its process."""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bot.sandbox.production.ports import LOOPBACK, Ports

USER, PASSWORD = "bot", "s3cret/pass"
QUOTED = "s3cret%2Fpass"
DEADLINE = 60.0  # seconds for a start; a loaded machine takes its time

# What makes a test database fast, and would lose data in a power cut.
FAST = {"fsync": "off", "full_page_writes": "off"}
# A client that this very process blocks in the middle of its log-in must not hold up a stop for a minute.
SMALL = {
    "shared_buffers": "16MB",
    "max_connections": "60",
    "autovacuum_naptime": "10min",
    "jit": "off",
    "authentication_timeout": "5s",
}


class Cluster:
    """Start and stop as often as wanted; what is in it stays until `remove`.

    durable: with fsync, as in production; for measurements.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._ports = Ports()
        self.port = self._ports.take()
        shm = "/dev/shm"
        self._folder = Path(
            tempfile.mkdtemp(prefix="pg-", dir=shm if not durable and os.access(shm, os.W_OK) else None)
        )
        self._settings = SMALL if durable else SMALL | FAST
        self._process: subprocess.Popen[bytes] | None = None
        self._names = (f"t{n}" for n in itertools.count())
        self._init()

    def _init(self) -> None:
        password = self._folder / "password"
        password.write_text(PASSWORD)
        if os.geteuid() == 0:
            shutil.chown(password, _user())
            shutil.chown(self._folder, _user())
        self._run("initdb", "--no-sync", "-A", "password", "--pwfile", str(password), "-U", USER, "-E", "UTF8",
                  "--locale=C", "-D", str(self._data))  # fmt: skip

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run([*_as_user(), _binary(program), *arguments], check=True, capture_output=True, cwd=self._folder)

    def url(self, database: str = "postgres", *, password: str = QUOTED, port: int | None = None) -> str:
        return f"postgresql://{USER}:{password}@{LOOPBACK}:{port or self.port}/{database}"

    def start(self) -> None:
        """Returns when it takes connections. Raises RuntimeError with its last words when it does not."""
        settings = self._settings | {
            "port": str(self.port),
            "listen_addresses": LOOPBACK,
            "unix_socket_directories": "",
            "lc_messages": "C",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                # Should the tests be killed, so is this: at once and without a word (QUIT), but with all its children.
                [*_as_user("--pdeathsig", "QUIT"), _binary("postgres"), "-D", str(self._data), *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder,
            )  # fmt: skip
        self._wait_until_it_answers(self._process)

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + DEADLINE
        while process.poll() is None and time.monotonic() < end:
            try:
                psycopg.connect(self.url()).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.02)
        words = (self._folder / "log").read_text(errors="replace")[-600:]
        raise RuntimeError(f"PostgreSQL did not start: {words}")

    @property
    def running(self) -> bool:
        return self._process is not None

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT cuts connections off and ends in order; SIGQUIT is a crash. Does nothing when it is not running."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(DEADLINE)
            self._process = None

    def signal(self, which: signal.Signals) -> None:
        """To every process of the cluster: SIGSTOP makes a server that takes connections and answers nothing."""
        assert self._process is not None
        children = subprocess.run(
            ["pgrep", "-P", str(self._process.pid)], capture_output=True, text=True
        ).stdout.split()
        for pid in [self._process.pid, *map(int, children)]:
            with contextlib.suppress(ProcessLookupError):  # one of a connection that ended meanwhile
                os.kill(pid, which)

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._ports.close()

    def create(self, template: str = "template0", **options: str) -> str:
        """A database of a new name; it is the name."""
        name = next(self._names)
        more = " ".join(f"{key} {value}" for key, value in options.items())
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} {more}")
        return name

    def drop(self, database: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def execute(self, sql: str, database: str = "postgres") -> list[tuple[object, ...]]:
        with psycopg.connect(self.url(database), autocommit=True) as conn:
            cursor = conn.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []


def _binary(name: str) -> str:
    """Debian keeps the server's programs out of the path, by version: the newest."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        raise RuntimeError(f"{name} is missing: run scripts/setup.sh, which installs PostgreSQL")
    return path


def _user() -> str:
    """Whom a cluster belongs to when we are root, since PostgreSQL refuses to run as root."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise RuntimeError("there is neither a user postgres nor a user nobody")


def _as_user(*options: str) -> list[str]:
    if os.geteuid() != 0:
        return ["setpriv", *options] if options else []
    user = pwd.getpwnam(_user())
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *options]


@contextmanager
def running(*, durable: bool = False) -> Iterator[Cluster]:
    cluster = Cluster(durable=durable)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()
