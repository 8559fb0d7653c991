"""One conversation with the program: what is sent is sent, what comes is kept or poured, until its last word."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from bot.fleet.local import to_the_end
from bot.release.runner.opened import Lost, Opened, Shell
from bot.release.runner.output import Tail
from bot.release.runner.program import Request, Word, word_of

ENDING = 6.0  # seconds in which what was told to end must have ended: two until it is made to, and some way
QUIET = 1.0  # seconds without output, after the last word, from a process that was left behind and holds the stream
Take = Callable[[bytes], Awaitable[None]]


@asynccontextmanager
async def opened(shell: Shell, request: Request) -> AsyncIterator[Talk]:
    """Raises TransportError where nothing could be begun. What is still running at the end is ended."""
    program = await shell.open(request.argv)
    talk = Talk(program, request)
    try:
        yield talk
    finally:
        _, cancelled = await to_the_end(talk.close())
        if cancelled:
            raise asyncio.CancelledError


class Talk:
    def __init__(self, program: Opened, request: Request) -> None:
        self._program = program
        self._request = request
        self._told = asyncio.Event()
        self.said = Tail()  # standard error, the last word included
        self.over = False
        self.left = asyncio.Event()  # nobody listens any more

    async def until_the_word(self, take: Take, *, whole: bool) -> Word | None:
        """None: the way broke, or it is not the program that answered. take: is given standard output, in order.

        whole: waits for the end of standard output even where a process was left behind that holds it open.
        """
        await self._program.send(self._request.sent)
        return await self._listen(take, whole)

    async def _listen(self, take: Take, whole: bool) -> Word | None:
        came = 0

        async def out() -> None:
            nonlocal came
            while data := await self._program.read(error=False):
                came += len(data)
                await take(data)

        both = [asyncio.ensure_future(out()), asyncio.ensure_future(self._hear())]
        streams = asyncio.gather(*both)
        told = asyncio.ensure_future(self._told.wait())
        try:
            ends: list[asyncio.Future[Any]] = [streams] if whole else [streams, told]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            before = -1
            while not streams.done() and came != before:
                before = came
                await asyncio.wait([streams], timeout=QUIET)
            if streams.done():
                with contextlib.suppress(Lost):
                    streams.result()
        finally:
            for task in (told, *both):
                task.cancel()
            await asyncio.gather(streams, told, *both, return_exceptions=True)
        word = word_of(self.said.raw, self._request.mark)
        self.over = word is not None
        return word

    async def _hear(self) -> None:
        while data := await self._program.read(error=True):
            self.said.feed(data)
            if word_of(self.said.raw, self._request.mark):
                self._told.set()

    async def status(self) -> int | None:
        """Of a program that ended without a word."""
        return await self._program.ended()

    def hang_up(self) -> None:
        """A plain run is told to end by that."""
        self._program.hang_up()

    async def end(self) -> None:
        """Hangs up, and waits a while for its end."""
        self.hang_up()

        async def away(data: bytes) -> None:
            """Nobody wants it any more."""

        with contextlib.suppress(TimeoutError, Lost):
            async with asyncio.timeout(ENDING):
                await self._listen(away, whole=False)

    async def close(self) -> None:
        if not self.over:
            await self.end()
        await self._program.abandon()
