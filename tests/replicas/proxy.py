"""A cable between a replica and the database, which can be cut."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Self

from bot.sandbox.production.ports import LOOPBACK, Ports

CHUNK = 65536  # bytes


class Proxy:
    """Forwards TCP to a port on loopback. Enter to listen, leave to end every connection."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._ports = Ports()
        self.port = self._ports.take()
        self._whole = asyncio.Event()
        self._whole.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self._abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._ports.close()

    def cut(self) -> None:
        """From now on nothing comes through, in neither direction, and nobody is told."""
        self._whole.clear()

    def mend(self) -> None:
        """What was connected before has been given up meanwhile; new connections come through."""
        self._abort()
        self._whole.set()

    def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            await self._whole.wait()
            there, back = await asyncio.open_connection(LOOPBACK, self._to_port)
            self._writers.add(back)
            try:
                await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
            finally:
                self._writers.discard(back)
                back.transport.abort()
        except OSError:
            pass  # the database is away: so is the connection
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._whole.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()
