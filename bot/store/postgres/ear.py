"""A connection of its own that hears of every replica's commits, and is remade when it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psycopg
import structlog
from psycopg import AsyncConnection

from bot.store.postgres.journal import CHANNEL
from bot.store.postgres.server import PATIENCE

log = structlog.get_logger()
BEAT = 5.0  # seconds: how often it is asked whether it still lives
PAUSES = (0.1, 2.0)  # seconds between tries to connect: the first, and the longest


class Ear:
    """tell(stream) is called in the loop; "" after a time in which something may have been missed."""

    def __init__(self, conninfo: str, where: str, tell: Callable[[str], None]) -> None:
        self._conninfo = conninfo
        self._where = where
        self._tell = tell
        self._tried = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when it hears, or when the first try has failed: it goes on trying, and says "" once it hears."""
        if self._task is None:
            self._task = asyncio.create_task(self._listen(), name="listening to the database")
        await self._tried.wait()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=PATIENCE)

    async def _listen(self) -> None:
        pause = PAUSES[0]
        while True:
            try:
                async with asyncio.timeout(PATIENCE):
                    conn = await AsyncConnection.connect(self._conninfo, autocommit=True)
                async with conn:
                    await self._begin(conn)
                    pause = PAUSES[0]
                    while True:
                        await self._hear(conn)
            except (psycopg.Error, OSError, TimeoutError) as error:
                if pause == PAUSES[0]:  # once, however long it lasts
                    log.warning("the database is not heard", where=self._where, error=str(error) or repr(error))
            self._tried.set()
            await asyncio.sleep(pause)
            pause = min(PAUSES[1], pause * 2)

    async def _begin(self, conn: AsyncConnection) -> None:
        async with asyncio.timeout(PATIENCE):
            await conn.execute(f"LISTEN {CHANNEL}")
        if self._tried.is_set():
            self._tell("")
        self._tried.set()

    async def _hear(self, conn: AsyncConnection) -> None:
        """For one beat. Raises where the connection is dead."""
        async for heard in conn.notifies(timeout=BEAT):
            self._tell(heard.payload)
        async with asyncio.timeout(PATIENCE):
            await conn.execute("SELECT 1")  # what is notified meanwhile is kept for the next beat
