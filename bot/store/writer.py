"""One thread that owns the one writing connection, and the lock that keeps a second bot from the same file."""

from __future__ import annotations

import fcntl
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Generic, TypeVar

from bot.store.errors import StoreBroken, StoreUnavailable, translate
from bot.store.schema import Db

T = TypeVar("T")
Job = Callable[[Db], T]

AT_ONCE = 128  # jobs that share one transaction, at most


class Writer:
    """Runs jobs in order. Those that wait at the same moment share a transaction, and with it the cost of one fsync.

    Each has a savepoint of its own: one that fails leaves the others alone. Futures are settled only after COMMIT.
    """

    def __init__(self, path: str, connect: Callable[[], Db]) -> None:
        self._path = path
        self._connect = connect
        self._queue: queue.SimpleQueue[_Waiting[Any] | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self.opened: Future[None] = _begun()

    def start(self) -> None:
        """`opened` tells how it went: StoreBroken, StoreUnavailable."""
        self._thread.start()

    def submit(self, job: Job[T]) -> Future[T]:
        """The future: what the job returns or raises, or one of the store's errors. StoreUnavailable once closed."""
        waiting: _Waiting[T] = _Waiting(job)
        with self._closing:
            if self._closed:
                raise StoreUnavailable(f"{self._path}: the store is closed")
            self._queue.put(waiting)
        return waiting.future

    def stop(self) -> None:
        """Takes no more; what was submitted so far is still written."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._queue.put(None)

    def close(self) -> None:
        """Stops, and waits until all is written and the lock is free."""
        self.stop()
        self._thread.join()

    def _run(self) -> None:
        try:
            lock = Lock(self._path)
        except Exception as error:
            self._refuse(error)
            return
        try:
            db = self._connect()
        except Exception as error:
            lock.release()  # before anyone hears of it: they may mend it and try again at once
            self._refuse(translate(error, self._path) if isinstance(error, sqlite3.Error) else error)
            return
        self.opened.set_result(None)
        try:
            self._serve(db)
            with suppress(sqlite3.Error):  # nothing is unwritten; the next open takes up the WAL
                db.conn.close()
        finally:
            lock.release()

    def _refuse(self, error: Exception) -> None:
        with self._closing:
            self._closed = True
        self.opened.set_exception(error)

    def _serve(self, db: Db) -> None:
        while True:
            batch, more = self._next()
            if batch:
                self._transact(db, batch)
            if not more:
                return

    def _next(self) -> tuple[list[_Waiting[Any]], bool]:
        batch: list[_Waiting[Any]] = []
        item = self._queue.get()
        while item is not None:
            batch.append(item)
            if len(batch) == AT_ONCE:
                return batch, True
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _transact(self, db: Db, batch: list[_Waiting[Any]]) -> None:
        try:
            db.execute("BEGIN IMMEDIATE")
            for waiting in batch:
                waiting.attempt(db, self._path)
            db.execute("COMMIT")
        except Exception as error:
            with suppress(sqlite3.Error):  # some errors have rolled back already
                db.execute("ROLLBACK")
            told = translate(error, self._path) if isinstance(error, sqlite3.Error) else error
            for waiting in batch:
                waiting.future.set_exception(told)
            return
        for waiting in batch:
            waiting.settle()


def _begun() -> Future[Any]:
    """One that can no longer be cancelled: what was submitted is carried out."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()
    return future


class _Waiting(Generic[T]):
    def __init__(self, job: Job[T]) -> None:
        self.future: Future[T] = _begun()
        self._job = job
        self._result: T
        self._error: Exception | None = None

    def attempt(self, db: Db, path: str) -> None:
        """Raises only when the whole transaction is lost."""
        db.execute("SAVEPOINT job")
        try:
            self._result = self._job(db)
        except Exception as error:
            if not db.conn.in_transaction:  # SQLite rolled it all back: disk full, I/O error
                raise
            db.execute("ROLLBACK TO job")
            self._error = translate(error, path) if isinstance(error, sqlite3.Error) else error
        db.execute("RELEASE job")

    def settle(self) -> None:
        if self._error is not None:
            self.future.set_exception(self._error)
        else:
            self.future.set_result(self._result)


class Lock:
    """An advisory lock on `<path>.lock`; the system drops it when the process ends, however it ends.

    The file stays: removing it would let two processes lock two files of one name.
    """

    def __init__(self, path: str) -> None:
        """Raises StoreBroken when another process, or another store of this one, has it."""
        name = f"{path}.lock"
        try:
            self._file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreBroken(f"{name}: {error.strerror}: the folder must exist and be writable by the bot") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._file, 32, 0).decode("ascii", "replace").strip()
            os.close(self._file)
            who = f"process {holder}" if holder else "a process"
            raise StoreBroken(f"{path}: another bot uses this database ({who}): stop it first") from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        os.close(self._file)
