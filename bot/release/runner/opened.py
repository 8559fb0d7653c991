"""The program opened somewhere, as a child of the bot or in a session over SSH: its streams, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from typing import Protocol

import asyncssh

from bot.fleet.connections import Connections, translated
from bot.fleet.local import to_the_end
from bot.fleet.ssh import REFUSALS, REFUSED_FOR, SESSIONS
from bot.fleet.transport import Unreachable
from bot.rollout.plan import Host

CHUNK = 262_144  # bytes read at once; a stream holds back its writer while more than twice as much waits
GONE = 1.0  # seconds for a child that has nothing left to do


class Opened(Protocol):
    async def send(self, data: bytes) -> None: ...

    async def read(self, error: bool) -> bytes:
        """What comes next on standard output, or error; b"" at its end. Lost."""
        ...

    def hang_up(self) -> None:
        """Closes its standard input: a plain run is then ended."""
        ...

    async def ended(self) -> int | None:
        """Its exit status; None = it was not seen, or a signal ended it."""
        ...

    async def abandon(self) -> None:
        """Lets go of it, at once, whatever it does."""
        ...


class Shell(Protocol):
    async def open(self, argv: tuple[str, ...]) -> Opened:
        """Raises TransportError: then nothing was begun."""
        ...


class Lost(Exception):
    """The way to the machine broke."""


class LocalShell:
    """environ: all that commands have of an environment, beside their own variables."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)

    async def open(self, argv: tuple[str, ...]) -> Opened:
        start = asyncio.create_subprocess_exec(
            *argv,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=CHUNK,
            env=self._environ,
            start_new_session=True,
        )
        try:
            process, cancelled = await to_the_end(start)
        except OSError as error:
            raise Unreachable(f"cannot start a shell here ({error}); free some memory or processes") from error
        opened = _Child(process)
        if cancelled:
            await opened.abandon()
            raise asyncio.CancelledError
        return opened


class _Child:
    def __init__(self, process: Process) -> None:
        self._process = process
        assert process.stdin and process.stdout and process.stderr
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr

    async def send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # it has ended; its last word says why
            self._stdin.write(data)
            await self._stdin.drain()

    async def read(self, error: bool) -> bytes:
        return await (self._stderr if error else self._stdout).read(CHUNK)

    def hang_up(self) -> None:
        self._stdin.close()

    async def ended(self) -> int | None:
        status = await self._process.wait()
        return status if status >= 0 else None

    async def abandon(self) -> None:
        self._stdin.close()
        if not await self._gone():
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._gone()
        # Its streams may still be held open by a process that was left behind: nobody waits for that.
        transport: asyncio.SubprocessTransport = self._process._transport  # type: ignore[attr-defined]
        transport.close()

    async def _gone(self) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GONE):
                await self._process.wait()
        return self._process.returncode is not None


class RemoteShell:
    """One machine, over the connections that are shared with nobody but its like."""

    def __init__(self, host: Host, connections: Connections) -> None:
        self._host = host
        self._connections = connections
        self._sessions = asyncio.Semaphore(SESSIONS)
        self._late: set[asyncio.Task[asyncssh.SSHClientProcess[bytes]]] = set()

    async def open(self, argv: tuple[str, ...]) -> Opened:
        await self._sessions.acquire()
        try:
            return _Session(await self._process(argv), self._sessions)
        except BaseException:
            self._sessions.release()
            raise

    async def _process(self, argv: tuple[str, ...]) -> asyncssh.SSHClientProcess[bytes]:
        """A connection from before may have died unseen, and a server with a low MaxSessions may be full just now."""
        refusals = 0
        anew = False
        while True:
            connection = await self._connections.to(self._host)
            try:
                return await self._create(connection, argv)
            except (asyncssh.Error, OSError) as error:
                full = isinstance(error, asyncssh.ChannelOpenError) and not connection.is_closed()
                if not full:
                    self._connections.drop(self._host, connection)
                if refusals == REFUSALS or (anew and not full):
                    raise translated(self._host, error) from error
                refusals, anew = refusals + full, anew or not full
                await asyncio.sleep(REFUSED_FOR if full else 0)

    async def _create(
        self, connection: asyncssh.SSHClientConnection, argv: tuple[str, ...]
    ) -> asyncssh.SSHClientProcess[bytes]:
        """A session that is opened after nobody waits for it any more would stay open: it is closed."""
        task = asyncio.ensure_future(connection.create_process(shlex.join(argv), encoding=None))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._late.add(task)
            task.add_done_callback(self._close_late)
            raise

    def _close_late(self, task: asyncio.Task[asyncssh.SSHClientProcess[bytes]]) -> None:
        self._late.discard(task)
        if not task.cancelled() and task.exception() is None:
            task.result().close()


class _Session:
    def __init__(self, process: asyncssh.SSHClientProcess[bytes], sessions: asyncio.Semaphore) -> None:
        self._process = process
        self._sessions: asyncio.Semaphore | None = sessions

    async def send(self, data: bytes) -> None:
        with contextlib.suppress(asyncssh.Error, OSError):
            self._process.stdin.write(data)
            await self._process.stdin.drain()

    async def read(self, error: bool) -> bytes:
        try:
            return await (self._process.stderr if error else self._process.stdout).read(CHUNK)
        except (asyncssh.Error, OSError) as reason:
            raise Lost(str(reason)) from reason

    def hang_up(self) -> None:
        with contextlib.suppress(asyncssh.Error, OSError):
            self._process.stdin.write_eof()

    async def ended(self) -> int | None:
        await self._process.wait_closed()
        status = self._process.exit_status
        return status if status is not None and status >= 0 else None

    async def abandon(self) -> None:
        self._process.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GONE):
                await self._process.wait_closed()  # until then it counts among the server's sessions
        if self._sessions is not None:
            self._sessions.release()
            self._sessions = None
