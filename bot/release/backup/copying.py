"""A live SQLite database -> a whole copy in a file, by SQLite's online backup; never by copying its file. Blocking."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from bot.release.backup.packing import Stopped
from bot.release.saying import Telling, said

PAGES: Final = 1024  # copied between two looks at the clock
_PATIENCE: Final = 3  # times that the copy is begun anew
_LOCKED_OUT: Final = 50  # looks at a lock in a row that writers hold
_EVERY: Final = 100_000  # SQLite's instructions between two looks at the clock
# A writer that never rests leaves the lock free for a fraction of a millisecond: SQLite's own, growing pauses miss it.
_LOOK: Final = 0.001  # seconds


class Unfit(Telling):
    """There is no usable database at the path; says why."""


class _Disturbed(Exception):
    """Writers came between too often."""


def copy_live(source: Path, into: Path, stopped: Callable[[], bool]) -> None:
    """Copies one moment of a database that others write to. Raises Unfit, Stopped, sqlite3.Error and OSError.

    In WAL mode a read transaction holds the moment, and nobody waits. Otherwise a write between two pieces makes SQLite
    begin anew; where that happens again and again, a read transaction keeps the writers waiting until the copy is done.
    """
    if not source.is_file():
        raise Unfit(said("no_database", path=str(source)))
    with closing(_opened(source)) as live:
        _hold(live, source, stopped)
        if live.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            live.execute("COMMIT")
            try:
                return _copy(live, into, stopped, _PATIENCE)
            except _Disturbed:
                into.unlink(missing_ok=True)
                _hold(live, source, stopped)
        _copy(live, into, stopped)


def _opened(path: Path) -> sqlite3.Connection:
    """Never creates a database. Raises Unfit."""
    try:
        return sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=0, isolation_level=None)
    except sqlite3.Error as error:
        raise Unfit(said("not_opened", path=str(path), why=str(error))) from None


def _hold(live: sqlite3.Connection, path: Path, stopped: Callable[[], bool]) -> None:
    """Begins to read: the moment that is seen stays. Raises Unfit where there is nothing to be read."""
    live.execute("BEGIN")
    while True:
        try:
            tables = live.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            break
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise Unfit(said("not_sqlite", path=str(path), why=str(error))) from None
        if stopped():
            raise Stopped
        time.sleep(_LOOK)
    if not tables:
        raise Unfit(said("no_tables", path=str(path)))


def _copy(live: sqlite3.Connection, into: Path, stopped: Callable[[], bool], patience: int | None = None) -> None:
    """patience: how often writers may come between; None = they cannot. Raises _Disturbed, Stopped."""
    left, anew, locked = 0, -1, 0

    def progress(status: int, remaining: int, total: int) -> None:
        nonlocal left, anew, locked
        if stopped():
            raise Stopped
        anew += remaining > left
        locked = locked + 1 if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) else 0
        left = remaining
        if patience is not None and (anew > patience or locked > _LOCKED_OUT):
            raise _Disturbed

    with closing(sqlite3.connect(into)) as copy:
        copy.execute("PRAGMA synchronous = OFF")  # it is read back and packed before anybody relies on it
        live.backup(copy, pages=PAGES, progress=progress, sleep=_LOOK)


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
