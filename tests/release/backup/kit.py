"""Databases to back up, and what is looked at afterwards."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bot.release.backup.copying import damage

SERVICE = "brand-diagnosis"
ACCOUNTS, EACH = 40, 1000
# Each transaction moves an amount and writes a row; the sum never changes, and the log numbers its rows without a gap
# and keeps the last of them, so that the database stays small.
_WRITER = """
import random, sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
print("writing", flush=True)
while True:
    a, b, amount = random.randrange({accounts}), random.randrange({accounts}), random.randrange(50)
    db.execute("BEGIN IMMEDIATE")
    db.execute("UPDATE account SET amount = amount - ? WHERE id = ?", (amount, a))
    db.execute("UPDATE account SET amount = amount + ? WHERE id = ?", (amount, b))
    db.execute("INSERT INTO log (moved, filler) VALUES (?, randomblob(200))", (amount,))
    db.execute("DELETE FROM log WHERE id <= last_insert_rowid() - 500")
    db.execute("COMMIT")
"""


def make_database(path: Path, *, wal: bool = True, filler: int = 0) -> Path:
    """filler: bytes of random content besides the accounts."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(f"PRAGMA journal_mode = {'wal' if wal else 'delete'}")
        db.execute("CREATE TABLE account (id INTEGER PRIMARY KEY, amount INTEGER)")
        db.execute("CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, moved INTEGER, filler BLOB)")
        db.execute("CREATE INDEX by_amount ON log (moved)")
        db.executemany("INSERT INTO account VALUES (?, ?)", [(i, EACH) for i in range(ACCOUNTS)])
        if filler:
            db.execute("INSERT INTO log (moved, filler) VALUES (0, randomblob(?))", (filler,))
    return path


def assert_whole(path: Path) -> int:
    """Every transaction is in it wholly or not at all. The number of the last row in its log."""
    assert damage(path) == []
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT sum(amount), count(*) FROM account").fetchone() == (ACCOUNTS * EACH, ACCOUNTS)
        rows, first, last = db.execute(
            "SELECT count(*), coalesce(min(id), 1), coalesce(max(id), 0) FROM log"
        ).fetchone()
        assert rows == last - first + 1
        by_table = db.execute("SELECT sum(moved) FROM log NOT INDEXED").fetchone()
        assert by_table == db.execute("SELECT sum(moved) FROM log INDEXED BY by_amount").fetchone()
    return int(last)


@contextlib.contextmanager
def written(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process writes to the database as fast as it can."""
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER.format(accounts=ACCOUNTS), str(path)], stdout=subprocess.PIPE
    )
    try:
        assert writer.stdout and writer.stdout.readline() == b"writing\n"
        yield writer
        assert writer.poll() is None, "the writer was turned away"
    finally:
        writer.kill()
        writer.communicate()
