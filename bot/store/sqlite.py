"""The store in one SQLite file: WAL, `synchronous=FULL`, one writing thread, reads beside it."""

from __future__ import annotations

import asyncio
import functools
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from sqlite_utils import Database

from bot.engine.ports.records import (
    Claimed,
    Commit,
    Committed,
    Lead,
    LogEvent,
    Measurement,
    MessageRef,
    Rooms,
    Stored,
    StreamState,
)
from bot.rollout.model import Board, Rollout
from bot.store import journal, leads, outbox, schema
from bot.store.codec import STATES
from bot.store.errors import NoDatabase, StoreBroken, StoreUnavailable, translate
from bot.store.listeners import Listeners
from bot.store.rules import check
from bot.store.schema import Db
from bot.store.shapes import CodecError
from bot.store.writer import Writer

T = TypeVar("T")

BUSY_SECONDS = 2.0  # below the three seconds in which Slack wants its answer
WAL_LIMIT = 64 * 1024 * 1024  # bytes the WAL file is cut back to after a checkpoint
READERS = 2  # a long read (the whole log of a report) must not hold up a short one


class SqliteStore:
    """See `bot.engine.ports.store`. All methods raise StoreUnavailable (nothing was written; retry) or StoreBroken.

    A write once begun is carried out also when its caller is cancelled; `close` waits for it.
    """

    shared = False

    def __init__(self, path: str, writer: Writer | None, clock: Callable[[], float] = time.time) -> None:
        """Use `open`."""
        self._clock = clock
        self._listeners = Listeners()
        self._path = path
        self._writer = writer
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._local = threading.local()
        self._connections: list[Db] = []
        self._closed = False

    @classmethod
    async def open(
        cls, path: str | os.PathLike[str], *, read_only: bool = False, clock: Callable[[], float] = time.time
    ) -> SqliteStore:
        """Creates or migrates the file. read_only: beside a running bot, for looking; a write raises StoreBroken.

        Raises StoreBroken: another bot has the file, it is newer than this program, damaged, or not the bot's.
        """
        path = os.fspath(path)
        if sqlite3.sqlite_version_info < (3, 37):
            raise StoreBroken(f"SQLite {sqlite3.sqlite_version} is too old: 3.37 or newer is needed")
        if read_only:
            store = cls(path, None, clock)
            try:
                await store._read(functools.partial(_check_version, path=path))
            except BaseException:
                await store.close()
                raise
            return store
        writer = Writer(path, functools.partial(connect, path))
        writer.start()
        try:
            await asyncio.shield(asyncio.wrap_future(writer.opened))
        except asyncio.CancelledError:
            writer.stop()
            raise
        return cls(path, writer, clock)

    async def close(self) -> None:
        """Waits for the writes under way. Safe to call twice."""
        await asyncio.shield(asyncio.to_thread(self._close))

    def _close(self) -> None:
        self._closed = True
        self._listeners.clear()
        self._readers.shutdown(wait=True)
        while self._connections:
            self._connections.pop().conn.close()
        if self._writer:  # last, since only it can fold the WAL back into the file
            self._writer.close()

    async def _write(self, job: Callable[[Db], T]) -> T:
        return await asyncio.shield(asyncio.wrap_future(self._submit(job)))

    def _submit(self, job: Callable[[Db], T]) -> Future[T]:
        if self._writer is None:
            raise StoreBroken(f"{self._path}: opened for reading only")
        return self._writer.submit(job)

    async def _read(self, job: Callable[[Db], T]) -> T:
        if self._closed:
            raise StoreUnavailable(f"{self._path}: the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._look, job)

    def _look(self, job: Callable[[Db], T]) -> T:
        try:
            db: Db | None = getattr(self._local, "db", None)
            if db is None:
                db = self._local.db = _connect_for_reading(self._path)
                self._connections.append(db)
            return job(db)
        except sqlite3.Error as error:
            raise translate(error, self._path) from error
        except CodecError as error:
            raise StoreBroken(f"{self._path}: {error}") from error

    # the log

    async def load(self, stream: str) -> Stored:
        return await self._read(lambda db: journal.load(db, stream))

    async def streams(self) -> tuple[str, ...]:
        return await self._read(journal.streams)

    async def events(self, stream: str, after: int = 0) -> tuple[tuple[int, LogEvent], ...]:
        return await self._read(lambda db: journal.events(db, stream, after))

    async def last_before(self, stream: str, at: float) -> int:
        return await self._read(lambda db: journal.last_before(db, stream, at))

    async def commit(self, commit: Commit) -> Committed:
        check(commit)
        future = self._submit(lambda db: journal.apply(db, commit))
        future.add_done_callback(functools.partial(self._tell, commit.stream))
        return await asyncio.shield(asyncio.wrap_future(future))

    def _tell(self, stream: str, commit: Future[Committed]) -> None:
        if commit.exception() is None and not commit.result().duplicate:
            self._listeners.tell(stream)

    async def put_snapshot(self, stream: str, state: StreamState) -> None:
        text = await asyncio.to_thread(STATES.encode, state, tried=False)  # else the writer would stand still for it
        await self._write(lambda db: journal.put_snapshot(db, stream, state.seq, text))

    async def listen(self, on_change: Callable[[str], None]) -> None:
        self._listeners.add(on_change)

    # who acts

    async def now(self) -> float:
        return self._clock()

    async def lead(self, stream: str, owner: str, lease: float) -> Lead | None:
        return await self._write(lambda db: leads.take(db, stream, owner, lease, self._clock()))

    async def resign(self, owner: str) -> int:
        given_up = await self._write(lambda db: leads.resign(db, owner))
        for stream in given_up:
            self._listeners.tell(stream)
        return len(given_up)

    async def leads(self) -> tuple[Lead, ...]:
        return await self._read(leads.held)

    # the outbox

    async def claim(
        self,
        owner: str,
        now: float,
        lease: float,
        limit: int,
        kinds: Sequence[str] | None = None,
        epochs: Mapping[str, int] | None = None,
        rooms: Rooms = (),
    ) -> tuple[Claimed, ...]:
        def job(db: Db) -> tuple[Claimed, ...]:
            led = None if epochs is None else leads.those_of(db, owner, epochs)
            return outbox.claim(db, owner, now, lease, limit, kinds, led, rooms)

        future = self._submit(job)
        try:
            return await asyncio.shield(asyncio.wrap_future(future))
        except asyncio.CancelledError:
            future.add_done_callback(self._give_back)
            raise

    def _give_back(self, claim: Future[tuple[Claimed, ...]]) -> None:
        """Nobody will perform what a cancelled claim got; the next one need not wait for its lease."""
        if claim.exception() is None:
            for claimed in claim.result():
                try:
                    self._submit(functools.partial(outbox.unclaim, id=claimed.id, owner=claimed.owner))
                except StoreUnavailable:
                    return

    async def renew(self, id: int, owner: str, until: float) -> bool:
        return await self._write(lambda db: outbox.renew(db, id, owner, until))

    async def finish(self, id: int, owner: str) -> bool:
        return await self._write(lambda db: outbox.finish(db, id, owner))

    async def retry(self, id: int, owner: str, due_at: float, error: str) -> bool:
        return await self._write(lambda db: outbox.retry(db, id, owner, due_at, error))

    async def fail(self, id: int, owner: str, error: str) -> bool:
        return await self._write(lambda db: outbox.fail(db, id, owner, error))

    async def next_due(self, streams: Collection[str] | None = None) -> float | None:
        return await self._read(lambda db: outbox.next_due(db, streams))

    async def pending(self) -> tuple[Claimed, ...]:
        return await self._read(outbox.pending)

    async def failed(self, limit: int = 100) -> tuple[tuple[Claimed, str], ...]:
        """Effects given up, newest first, each with its error."""
        return await self._read(lambda db: outbox.failed(db, limit))

    # what lies beside the log

    async def board(self, rollout: str, stage: str) -> Board | None:
        return await self._read(lambda db: journal.board(db, rollout, stage))

    async def measurements(self, rollout: str, stage: str | None = None) -> tuple[Measurement, ...]:
        return await self._read(lambda db: journal.measurements(db, rollout, stage))

    async def prune(self, before: float) -> int:
        """In small transactions, so that a commit does not have to wait for all of it."""
        await self._write(lambda db: outbox.drop_shown(db, before))
        total = 0
        while dropped := await self._write(lambda db: journal.prune(db, before)):
            total += dropped
        return total

    async def rollouts(self, service: str | None = None, limit: int = 20) -> tuple[Rollout, ...]:
        return await self._read(lambda db: journal.rollouts(db, service, limit))

    async def rollout(self, id: str) -> Rollout | None:
        return await self._read(lambda db: journal.rollout(db, id))

    async def next_rollout_number(self, day: str) -> int:
        return await self._read(lambda db: journal.next_rollout_number(db, day))

    async def put_message(self, ref: MessageRef) -> None:
        await self._write(lambda db: journal.put_message(db, ref))

    async def message(self, key: str) -> MessageRef | None:
        return await self._read(lambda db: journal.message(db, key))

    async def message_at(self, channel: str, ts: str) -> MessageRef | None:
        return await self._read(lambda db: journal.message_at(db, channel, ts))


def connect(path: str) -> Db:
    """The one writing connection, on a file of this version. Raises sqlite3.Error, StoreBroken."""
    conn = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        db: Db = Database(conn)
        # Only after this may anything be written: a file of another program is left as it was found.
        schema.check(db, schema.version(db), path)
        mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise StoreBroken(f"{path}: this file system cannot do WAL ({mode}): put the file on a local disk")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
        schema.migrate(db, path)
        return db
    except BaseException:
        conn.close()
        raise


def _connect_for_reading(path: str) -> Db:
    if not os.path.exists(path):
        raise NoDatabase(f"{path}: there is no database: start the bot once, it makes one")
    uri = f"file:{quote(str(Path(path).absolute()))}?mode=ro"
    conn = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    conn.execute("PRAGMA query_only = ON")
    db: Db = Database(conn)
    return db


def _check_version(db: Db, path: str) -> None:
    found = schema.version(db)
    schema.check(db, found, path)
    if found < len(schema.MIGRATIONS):
        raise StoreBroken(f"{path}: the file has schema {found}, older than this bot: start the bot once")
