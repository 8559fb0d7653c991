"""TCP ports nobody else will take while we start something on them."""

from __future__ import annotations

import random
import socket
from pathlib import Path
from types import TracebackType

LOOPBACK = "127.0.0.1"
_RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")


class Ports:
    """Reserves loopback ports until closed.

    A port found by binding to 0 may be gone a moment later: to an outgoing connection, or to another sandbox on this
    machine. So ports come from below the range the kernel gives to outgoing connections, and each is held by an
    abstract unix socket of its name: it lives in the same network namespace and vanishes with this process.
    """

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def take(self) -> int:
        """A free port. Raises OSError when a thousand tries found none."""
        low, high = _usable()
        for _ in range(1000):
            port = random.randrange(low, high)
            lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                lock.bind(f"\0rollout-bot-port-{port}")
                _must_be_free(port)
            except OSError:
                lock.close()
                continue
            self._held.append(lock)
            return port
        raise OSError(f"no free port between {low} and {high}")

    def close(self) -> None:
        while self._held:
            self._held.pop().close()

    def __enter__(self) -> Ports:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _usable() -> tuple[int, int]:
    try:
        ephemeral = int(_RANGE_FILE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        ephemeral = 32768
    return (10240, ephemeral) if ephemeral >= 12288 else (20000, 32768)


def _must_be_free(port: int) -> None:
    with socket.socket() as trial:
        trial.bind((LOOPBACK, port))
        trial.listen()
