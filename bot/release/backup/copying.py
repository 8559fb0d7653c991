"""A live SQLite database -> a whole copy in a file, by SQLite's online backup; never by copying its file. Blocking."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from bot.release.backup.packing import Stopped

PAGES: Final = 1024  # copied between two looks at the clock
_RESTARTS: Final = 3
_WAIT: Final = 10.0  # seconds for a lock that a writer holds
_EVERY: Final = 100_000  # SQLite's instructions between two looks at the clock


class Unfit(Exception):
    """There is no usable database at the path; says why."""


class _Restarted(Exception):
    """Writers came between too often."""


def copy_live(source: Path, into: Path, stopped: Callable[[], bool]) -> None:
    """Copies one moment of a database that others write to. Raises Unfit, Stopped, sqlite3.Error and OSError.

    In WAL mode a read transaction holds the moment, and nobody waits. Otherwise a write between two pieces makes SQLite
    begin anew; after a few times of that the rest is copied in one piece, for which the writers wait.
    """
    if not source.is_file():
        raise Unfit(f"there is no database at {source}")
    with closing(_opened(source)) as live:
        try:
            tables = live.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            wal = live.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        except sqlite3.DatabaseError as error:
            raise Unfit(f"{source} cannot be read as an SQLite database: {error}") from None
        if not tables:
            raise Unfit(f"the database at {source} has no tables: is this the path?")
        if wal:
            live.execute("BEGIN")
            live.execute("SELECT count(*) FROM sqlite_master").fetchone()
        try:
            _copy(live, into, stopped, PAGES)
        except _Restarted:
            into.unlink()
            _copy(live, into, stopped, -1)


def _opened(path: Path) -> sqlite3.Connection:
    """Never creates a database. Raises Unfit."""
    try:
        return sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=_WAIT, isolation_level=None)
    except sqlite3.Error as error:
        raise Unfit(f"{path} cannot be opened: {error}") from None


def _copy(live: sqlite3.Connection, into: Path, stopped: Callable[[], bool], pages: int) -> None:
    left: list[int] = []
    restarts = 0

    def progress(status: int, remaining: int, total: int) -> None:
        nonlocal restarts
        if stopped():
            raise Stopped
        restarts += bool(left) and remaining > left[-1]
        left[:] = [remaining]
        if restarts > _RESTARTS:
            raise _Restarted

    with closing(sqlite3.connect(into)) as copy:
        copy.execute("PRAGMA synchronous = OFF")  # it is read back and packed before anybody relies on it
        live.backup(copy, pages=pages, progress=progress, sleep=0.01)


def damage(database: Path, stopped: Callable[[], bool] = lambda: False) -> list[str]:
    """What SQLite's integrity check finds in a restored copy; [] = it is whole. Raises Stopped."""
    with closing(sqlite3.connect(f"file:{quote(str(database))}?mode=rw", uri=True)) as copy:
        copy.set_progress_handler(lambda: int(stopped()), _EVERY)
        try:
            rows = [str(row[0]) for row in copy.execute("PRAGMA integrity_check(20)")]
        except sqlite3.OperationalError as error:
            if stopped():
                raise Stopped from None
            return [str(error)]
        except sqlite3.DatabaseError as error:
            return [str(error)]
    return [] if rows == ["ok"] else rows
