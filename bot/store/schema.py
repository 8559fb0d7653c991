"""The tables, and how a file of an older version becomes one of this version.

A published migration is never changed; a new one is appended. `PRAGMA user_version` is the number of the last applied.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, Protocol

from bot.store.errors import StoreBroken


class Db(Protocol):
    """The part of sqlite_utils.Database that the store's modules use."""

    conn: sqlite3.Connection

    def execute(self, sql: str, parameters: Iterable[Any] | dict[str, Any] | None = None) -> sqlite3.Cursor: ...


_FIRST = (
    # One tree per table that is only ever read by its key: fewer pages to write and sync in a commit.
    """CREATE TABLE events (
        stream TEXT NOT NULL,
        seq INTEGER NOT NULL CHECK (seq > 0),
        at REAL NOT NULL,
        cause TEXT,
        event TEXT NOT NULL,
        PRIMARY KEY (stream, seq)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
        BEGIN SELECT raise(ABORT, 'events are never changed'); END""",
    """CREATE TRIGGER events_are_never_dropped BEFORE DELETE ON events
        BEGIN SELECT raise(ABORT, 'events are never dropped'); END""",
    """CREATE TABLE snapshots (
        stream TEXT NOT NULL PRIMARY KEY,
        seq INTEGER NOT NULL,
        state TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE causes (
        cause TEXT NOT NULL PRIMARY KEY,
        stream TEXT NOT NULL,
        at REAL NOT NULL
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX causes_by_age ON causes (at)",
    # ready_at: when it can next be claimed: due_at while pending, the end of the lease while claimed.
    """CREATE TABLE effects (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL,
        stream TEXT NOT NULL,
        lane TEXT NOT NULL,
        kind TEXT NOT NULL,
        priority INTEGER NOT NULL,
        effect TEXT NOT NULL,
        coalesce INTEGER NOT NULL CHECK (coalesce IN (0, 1)),
        added_at REAL NOT NULL,
        ready_at REAL NOT NULL,
        state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'claimed', 'done', 'failed')),
        owner TEXT NOT NULL DEFAULT '',
        attempts INTEGER NOT NULL DEFAULT 0,
        error TEXT NOT NULL DEFAULT ''
    ) STRICT""",
    "CREATE INDEX effects_by_key ON effects (key)",
    "CREATE UNIQUE INDEX effects_once ON effects (key) WHERE coalesce = 0",
    "CREATE UNIQUE INDEX effects_waiting_once ON effects (key) WHERE state = 'pending'",
    "CREATE INDEX effects_open ON effects (priority, id) WHERE state IN ('pending', 'claimed')",
    "CREATE INDEX effects_claimed ON effects (lane, ready_at) WHERE state = 'claimed'",
    """CREATE TABLE boards (
        rollout TEXT NOT NULL,
        stage TEXT NOT NULL,
        board TEXT NOT NULL,
        PRIMARY KEY (rollout, stage)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE measurements (
        id INTEGER PRIMARY KEY,
        rollout TEXT NOT NULL,
        stage TEXT NOT NULL,
        metric TEXT NOT NULL,
        pool TEXT NOT NULL,
        value REAL,
        error TEXT NOT NULL,
        at REAL NOT NULL
    ) STRICT""",
    "CREATE INDEX measurements_by_rollout ON measurements (rollout, at)",
    "CREATE INDEX measurements_by_age ON measurements (at)",
    # day and number are those of `ROLLOUT-<day>-<number>`.
    """CREATE TABLE rollouts (
        added INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        stream TEXT NOT NULL,
        service TEXT NOT NULL,
        day TEXT,
        number INTEGER,
        started_at REAL NOT NULL,
        rollout TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX rollouts_by_start ON rollouts (started_at, added)",
    "CREATE INDEX rollouts_by_service ON rollouts (service, started_at, added)",
    "CREATE INDEX rollouts_by_day ON rollouts (day, number)",
    """CREATE TRIGGER rollouts_stay_with_their_service BEFORE UPDATE ON rollouts
        WHEN NEW.stream IS NOT OLD.stream OR NEW.service IS NOT OLD.service
        BEGIN SELECT raise(ABORT, 'a rollout belongs to one service'); END""",
    """CREATE TABLE messages (
        added INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        channel TEXT NOT NULL,
        ts TEXT NOT NULL,
        digest TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX messages_by_place ON messages (channel, ts)",
)

# epoch: of the lead under which the effect was claimed; 0 = none. owner: "" once it was resigned.
_LEADS = (
    "ALTER TABLE effects ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0",
    """CREATE TABLE leads (
        stream TEXT NOT NULL PRIMARY KEY,
        owner TEXT NOT NULL,
        epoch INTEGER NOT NULL CHECK (epoch > 0),
        until REAL NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TRIGGER epochs_never_fall BEFORE UPDATE ON leads WHEN NEW.epoch < OLD.epoch
        BEGIN SELECT raise(ABORT, 'an epoch never falls'); END""",
)

# All that claiming asks of what waits, so that it reads no row of the thousands that are not next.
_WAITING = (
    """CREATE INDEX effects_waiting ON effects (stream, kind, lane, priority, ready_at, state)
        WHERE state = 'pending'""",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _LEADS, _WAITING)


def migrate(db: Db, path: str) -> None:
    """Brings the file to this version in one transaction: all of it or none. Raises StoreBroken, sqlite3.Error."""
    if version(db) == len(MIGRATIONS):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        found = version(db)
        check(db, found, path)
        for statements in MIGRATIONS[found:]:
            for statement in statements:
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        db.execute("COMMIT")
    except BaseException:
        if db.conn.in_transaction:
            db.execute("ROLLBACK")
        raise


def version(db: Db) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def check(db: Db, found: int, path: str) -> None:
    """Raises StoreBroken for a file that is newer than this program, or not the bot's."""
    if found > len(MIGRATIONS):
        raise StoreBroken(
            f"{path}: the file has schema {found}, this version of the bot knows {len(MIGRATIONS)}: "
            "run the newer version, or restore the backup made before it ran"
        )
    if found == 0 and db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise StoreBroken(f"{path}: the file holds the tables of another program: give the bot a file of its own")
