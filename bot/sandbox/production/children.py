"""Subprocesses that end with us: each in its own process group, tied to our life, with its output in a file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

TIED = Path(__file__).with_name("tied.py")


class ProductionError(Exception):
    """A part of the sandbox production did not start, died, or did not answer; says which, and where its log is."""


async def until(probe: Callable[[], Awaitable[bool]], what: str, deadline: float = 60.0, every: float = 0.01) -> None:
    """Return as soon as `probe` is true; it is asked again every so many seconds.

    Raises ProductionError naming `what` after `deadline` seconds.
    """
    try:
        async with asyncio.timeout(deadline):
            while True:
                if await probe():
                    return
                await asyncio.sleep(every)
    except TimeoutError:
        raise ProductionError(f"{what}: not so after {deadline:g} s") from None


async def accepts(host: str, port: int) -> bool:
    """Whether something accepts TCP connections there now."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


class Child:
    """One subprocess. Start, stop and kill may be repeated; output is appended to `log`.

    env: variables added to this process's own.
    stdout: a file of its own for the standard output; default the log.
    on_parent_death: what the kernel sends the child when the thread that started it ends. nginx needs SIGTERM, since
        its workers outlive a master that was killed; all others get SIGKILL.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        log: Path,
        *,
        stdout: Path | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        on_parent_death: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.name = name
        self.argv = tuple(argv)
        self.log = log
        self._stdout = stdout
        self._cwd = cwd
        self._env = env
        self._on_parent_death = on_parent_death
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[int] | None = None

    @property
    def running(self) -> bool:
        return self._watch is not None and not self._watch.done()

    @property
    def pid(self) -> int:
        """Raises ProductionError while the child is not running."""
        if self._process is None or not self.running:
            raise ProductionError(f"{self.name} is not running")
        return self._process.pid

    async def start(self) -> None:
        """Spawn; says nothing about readiness. Raises ProductionError when it runs already or cannot be spawned."""
        if self.running:
            raise ProductionError(f"{self.name} runs already")
        tie = (sys.executable, "-I", "-S", str(TIED), str(int(self._on_parent_death)), str(os.getpid()))
        with self.log.open("ab") as log, (self._stdout or self.log).open("ab") as out:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *tie,
                    *self.argv,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=out,
                    stderr=log,
                    cwd=self._cwd,
                    env=None if self._env is None else os.environ | self._env,
                    start_new_session=True,
                )
            except OSError as error:
                raise ProductionError(f"{self.name} cannot be started: {error}") from error
        self._watch = asyncio.create_task(self._reap(self._process), name=f"child {self.name}")

    async def _reap(self, process: asyncio.subprocess.Process) -> int:
        code = await process.wait()
        # What the leader left behind (nginx workers of a master that crashed) would keep the port.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        return code

    async def ready(self, probe: Callable[[], Awaitable[bool]], deadline: float = 10.0, every: float = 0.01) -> None:
        """As `until`. Raises ProductionError when the child dies first, or after `deadline` seconds."""

        async def alive_and_ready() -> bool:
            if not self.running:
                raise ProductionError(f"{self.name} ended while it was starting: {self.last_words()}")
            return await probe()

        await until(alive_and_ready, f"{self.name} is ready (log: {self.log})", deadline, every)

    async def gone(self) -> None:
        """Return when it has ended, by whatever cause."""
        if self._watch is not None:
            await asyncio.shield(self._watch)

    def last_words(self) -> str:
        """The last three lines of the log and where it is, on one line."""
        with contextlib.suppress(OSError):
            lines = self.log.read_text(errors="replace").strip().splitlines()[-3:]
            return f"{' | '.join(lines)} ({self.log})"
        return f"no log at {self.log}"

    async def stop(self, grace: float = 5.0) -> None:
        """SIGTERM, then SIGKILL to the whole group after `grace` seconds. Does nothing when it is not running."""
        await self._end(signal.SIGTERM, grace)

    async def kill(self) -> None:
        """SIGKILL to the whole group, as a power cut would."""
        await self._end(signal.SIGKILL, 0.0)

    async def _end(self, how: signal.Signals, grace: float) -> None:
        if self._process is None or self._watch is None or self._watch.done():
            return
        with contextlib.suppress(ProcessLookupError):
            if how == signal.SIGTERM:
                self._process.terminate()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(self._watch), grace)
                    return
            os.killpg(self._process.pid, signal.SIGKILL)
        await asyncio.shield(self._watch)
