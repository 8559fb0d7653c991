"""One warm SSH connection per machine, shared by all who act on it; re-made when dead, host keys always checked."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from dataclasses import dataclass, field
from typing import Any

import asyncssh

from bot.fleet.transport import AuthFailed, HostKeyRejected, TransportError, Unreachable
from bot.rollout.plan import Host

# a dead peer is noticed after KEEPALIVE * KEEPALIVE_MISSES seconds, well before a verb's deadline
KEEPALIVE = 5.0
KEEPALIVE_MISSES = 2
Place = tuple[str, int, str, str]
_JUMP = re.compile(r"(?:(?P<user>[^@]+)@)?(?P<address>\[[^\]]+\]|[^:]+)(?::(?P<port>\d+))?")


@dataclass(slots=True)
class _Line:
    connecting: asyncio.Lock = field(default_factory=asyncio.Lock)
    connection: asyncssh.SSHClientConnection | None = None


class Connections:
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
        self._lines: dict[Place, _Line] = {}

    async def to(self, host: Host) -> asyncssh.SSHClientConnection:
        """The open connection, or a new one. Raises TransportError. Not the caller's to close: see `drop`."""
        line = self._lines.setdefault(place(host), _Line())
        async with line.connecting:
            if line.connection is None or line.connection.is_closed():
                line.connection = None
                line.connection = await self._connect(host)
            return line.connection

    def drop(self, host: Host, connection: asyncssh.SSHClientConnection) -> None:
        """It turned out dead: the next who asks gets a new one."""
        connection.abort()
        line = self._lines.get(place(host))
        if line is not None and line.connection is connection:
            line.connection = None

    async def aclose(self) -> None:
        lines, self._lines = list(self._lines.values()), {}
        for line in lines:
            if line.connection is not None:
                line.connection.abort()
                with contextlib.suppress(asyncssh.Error, OSError):
                    await line.connection.wait_closed()

    async def _connect(self, host: Host) -> asyncssh.SSHClientConnection:
        options = connect_options(host, self._known_hosts, self._key_file, self._connect_timeout)
        if host.jump:
            options["tunnel"] = await self.to(jump_host(host))  # one for all behind it
        try:
            async with self._connects:
                return await asyncssh.connect(host.address or host.name, **options)
        except (asyncssh.Error, asyncssh.KeyImportError, OSError, ValueError) as error:
            raise translated(host, error) from error


def place(host: Host) -> Place:
    """What makes a connection of its own."""
    return host.address or host.name, host.port, host.user, host.jump


def jump_host(host: Host) -> Host:
    """The machine on the way: `[user@]address[:port]`. ValueError where it is not that."""
    match = _JUMP.fullmatch(host.jump)
    if match is None:
        raise ValueError(f"{host.name}: jump {host.jump!r} is not a machine; write it as ops@bastion.example.com:22")
    address = match["address"].strip("[]")
    return Host(f"jump host {address}", address=address, port=int(match["port"] or 22), user=match["user"] or "")


def connect_options(host: Host, known_hosts: str, key_file: str, timeout: float) -> dict[str, Any]:
    """For asyncssh.connect. timeout: seconds. Raises TransportError where a file that was named cannot be read."""
    options: dict[str, Any] = {
        "connect_timeout": timeout,
        "login_timeout": timeout,
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
    if known_hosts:
        path = os.path.expanduser(known_hosts)
        if not os.access(path, os.R_OK):
            raise HostKeyRejected(f"fleet.known_hosts {path} cannot be read; create it: {_keyscan(host)} > {path}")
        options["known_hosts"] = path
    if key_file:
        path = os.path.expanduser(key_file)
        if not os.access(path, os.R_OK):
            raise AuthFailed(f"fleet.key_file {path} cannot be read; give the path of a private key the bot may read")
        options |= {"client_keys": [path], "agent_path": None}
    return options


def translated(host: Host, error: Exception) -> TransportError:
    """asyncssh's and the system's errors, with the mend."""
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
        case asyncssh.ChannelOpenError() if host.jump:
            return Unreachable(
                f"{where} cannot be reached from {host.jump}: {error}; check that sshd there may forward"
            )
        case asyncssh.ChannelOpenError():
            return Unreachable(f"{where} refuses another session ({error}); let sshd's MaxSessions be 10, its default")
        case asyncssh.KeyImportError():
            return AuthFailed(f"fleet.key_file cannot be used ({error}); give an unencrypted private key")
    reason = str(error) or type(error).__name__
    return Unreachable(
        f"{where} cannot be reached: {reason}; check that the host is up and its SSH port open to the bot"
    )


def _keyscan(host: Host) -> str:
    return f"ssh-keyscan -p {host.port} {host.address or host.name}"
