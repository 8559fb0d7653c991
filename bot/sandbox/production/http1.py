"""As little of an HTTP/1.1 client as the load needs: GET over persistent connections, several requests in flight.

It is here because the load shares two cores with what it loads: a full client costs several times as much per request.
Answers must carry Content-Length, as those of nginx and of the demo service do.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import dataclass
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_VERSION = re.compile(rb"\r\nx-version: *([^\r]*)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """version: of the X-Version header, "" without one."""

    status: int
    version: str


class Lost(ConnectionError):
    """The connection ended before this answer came; whether the request was served is not known."""


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> Address:
        """Raises ValueError on anything but `http://host:port/path`; without a path it is /report."""
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or not parts.port:
            raise ValueError(f"not an http://host:port/path: {url}")
        return cls(parts.hostname, parts.port, parts.path if parts.path not in ("", "/") else "/report")


def get(address: Address, user: str, internal: bool = False) -> bytes:
    """The bytes of one request of a user."""
    extra = "X-Internal-User: 1\r\n" if internal else ""
    head = f"GET {address.path} HTTP/1.1\r\nHost: {address.host}\r\nCookie: uid={user}\r\n{extra}\r\n"
    return head.encode()


class Connection(asyncio.Protocol):
    """Requests go out in the order of `send`, their futures resolve in the same order."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[asyncio.Future[Answer]] = deque()
        self._buffer = b""
        self.closed = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, address: Address) -> Connection:
        """Raises OSError."""
        _, connection = await asyncio.get_running_loop().create_connection(cls, address.host, address.port)
        return connection

    @property
    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def send(self, requests: list[bytes]) -> list[asyncio.Future[Answer]]:
        """Write all at once. The futures raise Lost when the connection ends first."""
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[Answer]] = [loop.create_future() for _ in requests]
        if self._transport is None or self._transport.is_closing():
            for future in futures:
                future.set_exception(Lost("closed"))
            return futures
        self._waiting.extend(futures)
        self._transport.write(b"".join(requests))
        return futures

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        start = 0
        while (end := self._buffer.find(b"\r\n\r\n", start)) >= 0:
            head = self._buffer[start:end]
            length = _LENGTH.search(head)
            if length is None:
                return self.close()
            after = end + 4 + int(length[1])
            if len(self._buffer) < after:
                break
            start = after
            self._answered(head)
        self._buffer = self._buffer[start:]

    def _answered(self, head: bytes) -> None:
        version = _VERSION.search(head)
        answer = Answer(int(head[9:12]), version[1].decode() if version else "")
        if self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(answer)
        if _CLOSE.search(head):
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_exception(Lost(str(error or "closed")))
        self._waiting.clear()
        if not self.closed.done():
            self.closed.set_result(None)
