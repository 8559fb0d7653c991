"""A network that can be cut."""

from __future__ import annotations

import asyncio
import contextlib

from tests.fleet.conftest import address


class Proxy:
    """A TCP relay in front of sshd that can cut every connection at once, and take none while it is down."""

    down = False

    def __init__(self, port: int, behind: tuple[str, int]) -> None:
        self.place, self.behind = (address(), port), behind
        self.writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Proxy:
        self.server = await asyncio.start_server(self._relay, *self.place)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()
        self.server.close()

    def go_down(self) -> None:
        self.down = True
        self.cut()

    def come_back(self) -> None:
        self.down = False

    def cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.down:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection(*self.behind)
        self.writers += [writer, far_writer]

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()
            sink.close()

        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
