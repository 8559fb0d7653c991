"""Who acts for which stream, as SQL. Every function runs inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping

from bot.engine.ports.records import Lead
from bot.store import outbox
from bot.store.rules import succession
from bot.store.schema import Db


def take(db: Db, stream: str, owner: str, lease: float, now: float) -> Lead | None:
    """A file has a sole owner, so nobody else can hold it: see `succession`."""
    row = db.execute("SELECT stream, owner, epoch, until FROM leads WHERE stream = ?", (stream,)).fetchone()
    known = Lead(*row) if row else None
    epoch = succession(known, owner, now, shared=False)
    if epoch is None:
        return None
    if known is None or known.epoch != epoch:
        outbox.put_back_before(db, stream, epoch)
    db.execute("INSERT OR REPLACE INTO leads VALUES (?, ?, ?, ?)", (stream, owner, epoch, now + lease))
    return Lead(stream, owner, epoch, now + lease)


def resign(db: Db, owner: str) -> tuple[str, ...]:
    """The streams given up."""
    found = db.execute("SELECT stream FROM leads WHERE owner = ? ORDER BY stream", (owner,)).fetchall()
    db.execute("UPDATE leads SET owner = '', until = 0 WHERE owner = ?", (owner,))
    return tuple([stream for (stream,) in found])


def held(db: Db) -> tuple[Lead, ...]:
    rows = db.execute("SELECT stream, owner, epoch, until FROM leads WHERE owner <> '' ORDER BY stream")
    return tuple([Lead(*row) for row in rows])


def epoch(db: Db, stream: str) -> int:
    """0 where nobody ever led."""
    row = db.execute("SELECT epoch FROM leads WHERE stream = ?", (stream,)).fetchone()
    return int(row[0]) if row else 0


def those_of(db: Db, owner: str, epochs: Mapping[str, int]) -> dict[str, int]:
    """The streams among these whose lead the owner holds in that epoch."""
    rows = db.execute("SELECT stream, epoch FROM leads WHERE owner = ?", (owner,))
    return {stream: epoch for stream, epoch in rows if epochs.get(stream) == epoch}
