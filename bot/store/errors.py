"""What a store can raise besides Conflict and Fenced. SQLite's own errors are translated into these once, here."""

from __future__ import annotations

import sqlite3

from bot.engine.ports.errors import Away, Conflict, Final


class StoreUnavailable(Away):
    """The database could not do it now (locked, disk full, I/O error, not reached, closed). Trying again is safe.

    Nothing was written, except where a database over the network took the COMMIT and its answer was lost.
    """


class StoreBroken(Final):
    """The database will not do it until a person mends something; the sentence names the mend."""


class NoDatabase(StoreBroken):
    """Asked for reading only, and there is none yet: no bot has been started on it."""


_NOW_NOT = {
    sqlite3.SQLITE_BUSY: "another process holds the database locked",
    sqlite3.SQLITE_LOCKED: "the database is locked",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk did not read or write",
    sqlite3.SQLITE_NOMEM: "there is not enough memory",
    sqlite3.SQLITE_INTERRUPT: "it was interrupted",
    sqlite3.SQLITE_PROTOCOL: "the database is locked",
}
_BROKEN = {
    sqlite3.SQLITE_CORRUPT: "the file is damaged: stop the bot and restore it from a backup",
    sqlite3.SQLITE_NOTADB: "this is not an SQLite database: give the path of the bot's own file",
    sqlite3.SQLITE_READONLY: "the file cannot be written: mend its owner and mode, and those of its folder",
    sqlite3.SQLITE_PERM: "access was denied: mend the owner and mode of the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: the folder must exist and be writable by the bot",
}
_TAKEN = (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE)


def translate(error: sqlite3.Error, path: str) -> Exception:
    """StoreUnavailable, StoreBroken, or Conflict where another row has the key."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code in _TAKEN:
        return Conflict(f"{path}: {error}")
    primary = code & 0xFF
    if primary in _NOW_NOT:
        return StoreUnavailable(f"{path}: {_NOW_NOT[primary]} ({error})")
    return StoreBroken(f"{path}: {_BROKEN.get(primary, 'SQLite refused')} ({error})")
