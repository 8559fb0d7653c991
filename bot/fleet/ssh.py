"""The hosts are reached over SSH: one warm connection per host, re-made when dead; the host's key always checked."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

import asyncssh

from bot.fleet.loop import Loop, Lost
from bot.fleet.transport import (
    PROGRAM,
    AuthFailed,
    HostKeyRejected,
    RunResult,
    TransportError,
    Unreachable,
    script,
)
from bot.rollout.plan import Host

# sshd's MaxSessions is 10: two are left for a person's own ControlMaster through the same account
SESSIONS = 8
# a dead peer is noticed after KEEPALIVE * KEEPALIVE_MISSES seconds, well before a verb's deadline
KEEPALIVE = 5.0
KEEPALIVE_MISSES = 2
REFUSED_FOR = 0.05  # seconds until a server without a free session is asked again …
REFUSALS = 40  # … so many times


@dataclass(slots=True)
class _Link:
    connecting: asyncio.Lock = field(default_factory=asyncio.Lock)
    sessions: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SESSIONS))
    connection: asyncssh.SSHClientConnection | None = None
    free: list[Loop] = field(default_factory=list)  # loops that wait for a request, the last used at the end


class SshTransport:
    """known_hosts, key_file: paths, "" for the user's own. connects: handshakes at once. connect_timeout: seconds.

    The user's ~/.ssh/config is honoured (ProxyJump, User, …) where the plan says nothing.
    """

    def __init__(
        self, known_hosts: str = "", key_file: str = "", *, connect_timeout: float = 5.0, connects: int = 32
    ) -> None:
        self._known_hosts = known_hosts
        self._key_file = key_file
        self._connect_timeout = connect_timeout
        self._connects = asyncio.Semaphore(connects)
        self._links: dict[tuple[str, int, str], _Link] = {}

    async def run(self, host: Host, argv: tuple[str, ...], stdin: bytes, timeout: float) -> RunResult:
        """See Transport.run. At the deadline the channel is closed; the program goes on to its own bounded end.

        Every verb is idempotent, so when a connection from before turns out dead the request is sent once more.
        """
        link = self._links.setdefault((host.address or host.name, host.port, host.user), _Link())
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
        links, self._links = list(self._links.values()), {}
        for link in links:
            if link.connection is not None:
                link.connection.abort()
                with contextlib.suppress(asyncssh.Error, OSError):
                    await link.connection.wait_closed()

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
            connection = await self._connection(host, link)
            try:
                _, loop = await connection.create_session(Loop, _program(), encoding=None)
                return cast(Loop, loop)
            except (asyncssh.Error, OSError) as error:
                full = isinstance(error, asyncssh.ChannelOpenError) and not connection.is_closed()
                if full:
                    refusals += 1
                    if refusals > REFUSALS:
                        raise _translated(host, error) from error
                    await asyncio.sleep(REFUSED_FOR)
                    continue
                connection.abort()
                if link.connection is connection:
                    link.connection = None
                if last:
                    raise _translated(host, error) from error
                last = True

    async def _connection(self, host: Host, link: _Link) -> asyncssh.SSHClientConnection:
        async with link.connecting:
            if link.connection is None or link.connection.is_closed():
                link.connection = None
                async with self._connects:
                    link.connection = await self._connect(host)
            return link.connection

    async def _connect(self, host: Host) -> asyncssh.SSHClientConnection:
        try:
            return await asyncssh.connect(host.address or host.name, **self._options(host))
        except (asyncssh.Error, asyncssh.KeyImportError, OSError, ValueError) as error:
            raise _translated(host, error) from error

    def _options(self, host: Host) -> dict[str, Any]:
        options: dict[str, Any] = {
            "connect_timeout": self._connect_timeout,
            "login_timeout": self._connect_timeout,
            "keepalive_interval": KEEPALIVE,
            "keepalive_count_max": KEEPALIVE_MISSES,
            "kex_algs": "^curve25519-sha256",  # a third of the work of the default, at a hundred hosts
            "encryption_algs": "^aes128-gcm@openssh.com",  # chacha20 costs five calls through Python per packet
            "password_auth": False,
            "kbdint_auth": False,
        }
        if host.port != 22:
            options["port"] = host.port
        if host.user:
            options["username"] = host.user
        if self._known_hosts:
            path = os.path.expanduser(self._known_hosts)
            if not os.access(path, os.R_OK):
                raise HostKeyRejected(f"fleet.known_hosts {path} cannot be read; create it: {_keyscan(host)} > {path}")
            options["known_hosts"] = path
        if self._key_file:
            path = os.path.expanduser(self._key_file)
            if not os.access(path, os.R_OK):
                raise AuthFailed(
                    f"fleet.key_file {path} cannot be read; give the path of a private key the bot may read"
                )
            options |= {"client_keys": [path], "agent_path": None}
        return options


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


def _keyscan(host: Host) -> str:
    return f"ssh-keyscan -p {host.port} {host.address or host.name}"


def _translated(host: Host, error: Exception) -> TransportError:
    where = f"{host.name} ({host.address or host.name}:{host.port})"
    match error:
        case TransportError():
            return error
        case asyncssh.HostKeyNotVerifiable():
            return HostKeyRejected(
                f"{where} shows a host key that known_hosts does not hold; if the host is new or rebuilt, compare the "
                f"fingerprint at its console, then add the line that `{_keyscan(host)}` prints to known_hosts"
            )
        case asyncssh.PermissionDenied():
            return AuthFailed(
                f"{where} does not let user {host.user or 'of the bot'} in with the bot's key; add its public key to "
                f"that user's authorized_keys, or name the right fleet.hosts user and fleet.key_file"
            )
        case asyncssh.ChannelOpenError():
            return Unreachable(f"{where} refuses another session ({error}); let sshd's MaxSessions be 10, its default")
        case asyncssh.KeyImportError():
            return AuthFailed(f"fleet.key_file cannot be used ({error}); give an unencrypted private key")
    reason = str(error) or type(error).__name__
    return Unreachable(
        f"{where} cannot be reached: {reason}; check that the host is up and its SSH port open to the bot"
    )
