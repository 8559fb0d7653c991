"""The hosts are reached over SSH: the host program as loops on a warm connection per host."""

from __future__ import annotations

import asyncio
import shlex
from dataclasses import dataclass, field
from functools import cache
from typing import cast

import asyncssh

from bot.fleet.connections import Connections, Place, place, translated
from bot.fleet.loop import Loop, Lost
from bot.fleet.transport import PROGRAM, RunResult, script
from bot.rollout.plan import Host

# sshd's MaxSessions is 10: two are left for a person's own ControlMaster through the same account
SESSIONS = 8
REFUSED_FOR = 0.05  # seconds until a server without a free session is asked again …
REFUSALS = 40  # … so many times


@dataclass(slots=True)
class _Link:
    sessions: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SESSIONS))
    free: list[Loop] = field(default_factory=list)  # loops that wait for a request, the last used at the end


class SshTransport:
    """The Transport of `fleet.executor: ssh`. Arguments as in Connections."""

    def __init__(
        self, known_hosts: str = "", key_file: str = "", *, connect_timeout: float = 5.0, connects: int = 32
    ) -> None:
        self._connections = Connections(known_hosts, key_file, connect_timeout=connect_timeout, connects=connects)
        self._links: dict[Place, _Link] = {}

    async def run(self, host: Host, argv: tuple[str, ...], stdin: bytes, timeout: float) -> RunResult:
        """See Transport.run. At the deadline the channel is closed; the program goes on to its own bounded end.

        Every verb is idempotent, so when a connection from before turns out dead the request is sent once more.
        """
        link = self._links.setdefault(place(host), _Link())
        try:
            async with asyncio.timeout(timeout), link.sessions:
                while True:
                    loop = await self._loop(host, link)
                    again = loop.used
                    try:
                        return await _asked(loop, link, argv, stdin)
                    except Lost as error:
                        if not again:
                            return RunResult(error.status, error.said, str(error).encode())
        except TimeoutError:
            return RunResult(None, stderr=f"no answer within {timeout:g} s".encode())

    async def aclose(self) -> None:
        self._links = {}
        await self._connections.aclose()

    async def _loop(self, host: Host, link: _Link) -> Loop:
        """One that waits, or another beside those at work: a rollback does not stand behind a shift.

        A server that has no session free (a lower MaxSessions, or one just ending) is asked again: the connection is
        well, and giving it up would cut off the verbs that run on it.
        """
        while link.free:
            waiting = link.free.pop()
            if not waiting.lost:
                return waiting
        refusals = 0
        last = False
        while True:
            connection = await self._connections.to(host)
            try:
                _, loop = await connection.create_session(Loop, _program(), encoding=None)
                return cast(Loop, loop)
            except (asyncssh.Error, OSError) as error:
                full = isinstance(error, asyncssh.ChannelOpenError) and not connection.is_closed()
                if full:
                    refusals += 1
                    if refusals > REFUSALS:
                        raise translated(host, error) from error
                    await asyncio.sleep(REFUSED_FOR)
                    continue
                self._connections.drop(host, connection)
                if last:
                    raise translated(host, error) from error
                last = True


@cache
def _program() -> str:
    return shlex.join(("sh", "-c", script(), PROGRAM, "--loop"))


async def _asked(loop: Loop, link: _Link, argv: tuple[str, ...], stdin: bytes) -> RunResult:
    try:
        result = await loop.ask(argv, stdin)
    except BaseException:
        loop.close()
        raise
    if not loop.lost:
        link.free.append(loop)
    return result
