"""Connections to one database, and a deadline for everything that is asked of it."""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from bot.store.errors import NoDatabase, StoreBroken, StoreUnavailable
from bot.store.postgres import schema
from bot.store.postgres.errors import place, translate
from bot.store.postgres.schema import Connection
from bot.store.shapes import CodecError

T = TypeVar("T")
Job = Callable[[Connection], Awaitable[T]]

PATIENCE = 2.0  # seconds; below the three in which Slack wants its answer
CONNECTIONS = 6
FRESH = 1.0  # seconds after its last use in which a connection is taken to work
TRIES = 3  # of a transaction that the server gave up for another's sake

# The server ends by itself, before we lose patience, what it cannot do; a client that died in the midst of a
# transaction keeps its locks no longer than the last of these (milliseconds).
LIMITS = "-c statement_timeout=1500 -c lock_timeout=1000 -c idle_in_transaction_session_timeout=3000"
# A cut cable is noticed in seconds, not in the kernel's two hours. A URL's own parameters go before these.
DEFAULTS = {
    "connect_timeout": "2",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "2",
    "tcp_user_timeout": "3000",
    "application_name": "rollout-bot",
}


class PooledConnection(AsyncConnection[TupleRow]):
    used_at: float = -math.inf

    @classmethod
    async def connect(  # type: ignore[override]  # the pool gives it what we gave the pool
        cls, conninfo: str = "", *, failed: dict[str, str], **more: Any
    ) -> Self:
        """failed: told why under "why", since the pool gives its clients no reason but that it took too long."""
        try:
            conn = await super().connect(conninfo, **more)
        except psycopg.Error as error:
            failed["why"] = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise
        failed.clear()
        return conn


class Server:
    """Everything raises StoreUnavailable within about PATIENCE seconds, or StoreBroken."""

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        """Raises StoreBroken for what is no URL of a PostgreSQL."""
        self.where = place(url)
        self.read_only = read_only
        self.conninfo = _conninfo(url, read_only)
        self._failed: dict[str, str] = {}
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False
        self._pool: AsyncConnectionPool[PooledConnection] = AsyncConnectionPool(
            self.conninfo,
            connection_class=PooledConnection,
            kwargs={"autocommit": True, "failed": self._failed},
            min_size=1,
            max_size=CONNECTIONS,
            open=False,
            timeout=PATIENCE - 0.2,
            reconnect_timeout=1.0,  # then the next that asks for one tries anew, and at once
            max_idle=60.0,
        )
        logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # whoever asked hears of it

    async def open(self) -> None:
        """Raises StoreUnavailable, StoreBroken."""
        await self.prepare()
        await self._pool.open()

    async def prepare(self) -> None:
        """Migrates, or only looks whether the version is right. Raises StoreUnavailable, StoreBroken."""
        try:
            async with await AsyncConnection.connect(self.conninfo, autocommit=True) as conn:
                if self.read_only:
                    await self._check_version(conn)
                else:
                    await schema.migrate(conn, self.where)
        except psycopg.Error as error:
            raise translate(error, self.where) from error

    async def _check_version(self, conn: Connection) -> None:
        found = await schema.version(conn, self.where)
        schema.check(found, self.where)
        if found == 0:
            raise NoDatabase(f"{self.where}: the database is empty: start the bot once, it makes its tables")
        if found < len(schema.MIGRATIONS):
            raise StoreBroken(f"{self.where}: schema {found} is older than this bot: start the bot once")

    async def close(self) -> None:
        """Waits for what is under way. Safe to call twice."""
        self._closed = True
        if self._running:
            await asyncio.wait(self._running, timeout=PATIENCE)
        await self._pool.close()

    def begin(self, job: Job[T]) -> asyncio.Task[T]:
        """Carries it out, also when nobody waits for it any more, until PATIENCE is over."""
        if self._closed:
            raise StoreUnavailable(f"{self.where}: the store is closed")
        task = asyncio.create_task(self._run(job), name="store")
        self._running.add(task)
        timer = asyncio.get_running_loop().call_later(PATIENCE, task.cancel)
        task.add_done_callback(functools.partial(self._ended, timer))
        return task

    def _ended(self, timer: asyncio.TimerHandle, task: asyncio.Task[Any]) -> None:
        timer.cancel()
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # whoever asked may have been cancelled: it is not "never retrieved"

    async def perform(self, job: Job[T]) -> T:
        return await self.answer(self.begin(job))

    async def answer(self, task: asyncio.Task[T]) -> T:
        """What was begun, as soon as it is done. A caller that is cancelled leaves it to be carried out."""
        # Not awaited itself: a driver that waits for a server which is gone may take its time to end.
        await asyncio.wait({task}, timeout=PATIENCE + 0.1)
        if not task.done() or task.cancelled():
            raise StoreUnavailable(f"{self.where}: no answer within {PATIENCE:g} s{self._why()}")
        return task.result()

    def _why(self) -> str:
        return f" ({self._failed['why']})" if self._failed else ""

    async def _run(self, job: Job[T]) -> T:
        for last in (False,) * (TRIES - 1) + (True,):
            try:
                async with self._connection() as conn:
                    return await job(conn)
            except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure) as error:
                if last:  # nothing of it was written, so it can be begun anew
                    raise translate(error, self.where) from error
            except PoolTimeout as error:
                raise StoreUnavailable(f"{self.where}: no connection could be had{self._why()}") from error
            except psycopg.Error as error:
                raise translate(error, self.where) from error
            except CodecError as error:
                raise StoreBroken(f"{self.where}: {error}") from error
        raise AssertionError("unreachable")

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[PooledConnection]:
        """One that works: after a restart of the server the idle ones do not, and are replaced."""
        while True:
            conn = await self._pool.getconn()
            try:
                if await _works(conn):
                    yield conn
                    conn.used_at = time.monotonic()
                    return
            finally:
                await self._pool.putconn(conn)


async def _works(conn: PooledConnection) -> bool:
    if time.monotonic() - conn.used_at < FRESH:
        return not conn.closed
    try:
        await conn.execute("")
    except psycopg.Error:
        return False
    return True


def _conninfo(url: str, read_only: bool) -> str:
    given = conninfo_to_dict(url)
    defaults = dict(DEFAULTS)
    options = LIMITS
    if read_only:
        options += " -c default_transaction_read_only=on"
    else:
        defaults["target_session_attrs"] = "read-write"  # of several hosts the one that takes writes
    own = {name: value for name, value in defaults.items() if name not in given}
    return make_conninfo(url, **own, options=f"{options} {given.get('options') or ''}".strip())
