"""Visitors who never stop asking, and what became of each request."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.fleet.conftest import Box


@contextlib.asynccontextmanager
async def backend(ip: str, port: int, answer: str) -> AsyncIterator[str]:
    """A backend of its own process's making: it stays when nginx reloads, as real ones do. Gives its address:port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\n\r\n{answer}".encode())
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, ip, port)
    yield f"{ip}:{port}"
    server.close()


@dataclass
class Load:
    """answers: the body of every request that was asked, in the order they came; "lost: …" where none came."""

    box: Box
    answers: list[str] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    over: bool = False

    async def __aenter__(self) -> Load:
        self.tasks = [asyncio.create_task(self._fresh()) for _ in range(2)]
        self.tasks += [asyncio.create_task(self._kept()) for _ in range(4)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.over = True
        await asyncio.gather(*self.tasks)

    async def more(self, count: int = 200) -> list[str]:
        """The answers of the next `count` requests."""
        start = len(self.answers)
        async with asyncio.timeout(60):
            while len(self.answers) < start + count:  # noqa: ASYNC110 the visitors go on by themselves
                await asyncio.sleep(0.002)
        return self.answers[start:]

    async def _fresh(self) -> None:
        """A connection a request, and no second try."""
        while not self.over:
            try:
                self.answers.append(await self.box.get() or "lost: empty")
            except OSError as error:
                self.answers.append(f"lost: {error!r}")

    async def _kept(self) -> None:
        """Many requests a connection; one that the server closed under us is asked once more, as every client does."""
        pair = None
        while not self.over:
            fresh = pair is None
            pair = pair or await asyncio.open_connection(self.box.ip, 8000)
            answer = await self._ask(*pair)
            if answer.startswith("lost"):
                pair[1].close()
                pair = None
                if not fresh:
                    continue
            self.answers.append(answer)
        if pair:
            pair[1].close()

    @staticmethod
    async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        try:
            writer.write(b"GET / HTTP/1.1\r\nHost: app\r\n\r\n")
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.split("content-length:")[1].split("\r\n")[0])
            return (await reader.readexactly(length)).decode()
        except (OSError, asyncio.IncompleteReadError) as error:
            return f"lost: {error!r}"
