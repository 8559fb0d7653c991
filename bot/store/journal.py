"""The log and what is read beside it, as SQL. Every function runs inside the caller's transaction."""

from __future__ import annotations

from bot.engine.ports.errors import Conflict
from bot.engine.ports.records import Commit, Committed, LogEvent, Measurement, MessageRef, Stored
from bot.rollout.model import Board, Rollout
from bot.store import leads, outbox, rows
from bot.store.codec import BOARDS, EVENTS, ROLLOUTS, STATES
from bot.store.rules import check_epoch, check_snapshot, day_and_number, number
from bot.store.schema import Db

PRUNE_AT_ONCE = 5_000  # rows; a longer delete would hold up whoever waits for the writer


def apply(db: Db, commit: Commit) -> Committed:
    """The whole of a commit. Raises Fenced, Conflict, CodecError; the caller then rolls back."""
    check_epoch(commit, leads.epoch(db, commit.stream))
    if commit.cause is not None and _seen(db, commit.cause):
        outbox.settle(db, commit.finish)
        return Committed(duplicate=True)
    if last_seq(db, commit.stream) != commit.expected:
        raise Conflict(f"{commit.stream}: seq {commit.expected} is not the last")
    if commit.rollout is not None:
        _index(db, commit.stream, commit.rollout)
    if commit.cause is not None:
        db.execute("INSERT INTO causes VALUES (?, ?, ?)", (commit.cause, commit.stream, commit.at))
    outbox.settle(db, commit.finish)
    db.conn.executemany(
        "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
        [
            (commit.stream, seq, commit.at, commit.cause, EVENTS.encode(event))
            for seq, event in enumerate(commit.events, start=commit.expected + 1)
        ],
    )
    outbox.add(db, commit.stream, commit.at, commit.effects)
    if commit.board:
        board = commit.board
        db.execute("INSERT OR REPLACE INTO boards VALUES (?, ?, ?)", (board.rollout, board.stage, BOARDS.encode(board)))
    db.conn.executemany(
        "INSERT INTO measurements (rollout, stage, metric, pool, value, error, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(m.rollout, m.stage, m.metric, m.pool, number(m.value), m.error, m.at) for m in commit.measurements],
    )
    if commit.snapshot:
        _keep(db, commit.stream, commit.snapshot.seq, STATES.encode(commit.snapshot))
    return Committed()


def put_snapshot(db: Db, stream: str, seq: int, text: str) -> None:
    """Raises ValueError."""
    check_snapshot(stream, seq, last_seq(db, stream))
    _keep(db, stream, seq, text)


def _keep(db: Db, stream: str, seq: int, text: str) -> None:
    db.execute(
        "INSERT INTO snapshots VALUES (?, ?, ?) ON CONFLICT (stream) DO UPDATE "
        "SET seq = excluded.seq, state = excluded.state WHERE excluded.seq >= seq",
        (stream, seq, text),
    )


def _index(db: Db, stream: str, rollout: Rollout) -> None:
    known = db.execute("SELECT stream, service FROM rollouts WHERE id = ?", (rollout.id,)).fetchone()
    if known and known != (stream, rollout.service):
        raise Conflict(f"{rollout.id} belongs to {known[1]}")
    day, n = day_and_number(rollout.id) or (None, None)
    db.execute(
        "INSERT INTO rollouts (id, stream, service, day, number, started_at, rollout) VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET started_at = excluded.started_at, rollout = excluded.rollout, "
        "stream = excluded.stream, service = excluded.service",
        (rollout.id, stream, rollout.service, day, n, rollout.started_at, ROLLOUTS.encode(rollout)),
    )


def _seen(db: Db, cause: str) -> bool:
    return db.execute("SELECT 1 FROM causes WHERE cause = ?", (cause,)).fetchone() is not None


def last_seq(db: Db, stream: str) -> int:
    return int(db.execute("SELECT coalesce(max(seq), 0) FROM events WHERE stream = ?", (stream,)).fetchone()[0])


def load(db: Db, stream: str) -> Stored:
    row = db.execute("SELECT state FROM snapshots WHERE stream = ?", (stream,)).fetchone()
    snapshot = rows.snapshot(row)
    return Stored(snapshot, events(db, stream, snapshot.seq if snapshot else 0))


def events(db: Db, stream: str, after: int) -> tuple[tuple[int, LogEvent], ...]:
    sql = "SELECT seq, event FROM events WHERE stream = ? AND seq > ? ORDER BY seq"
    return rows.numbered(db.execute(sql, (stream, after)))


def last_before(db: Db, stream: str, at: float) -> int:
    sql = "SELECT coalesce(max(seq), 0) FROM events WHERE stream = ? AND at < ?"
    return int(db.execute(sql, (stream, at)).fetchone()[0])


def streams(db: Db) -> tuple[str, ...]:
    """One look-up per stream; DISTINCT would walk the whole log."""
    found = db.execute(
        "WITH RECURSIVE next(stream) AS (SELECT min(stream) FROM events UNION ALL "
        "SELECT (SELECT min(e.stream) FROM events e WHERE e.stream > next.stream) FROM next WHERE stream IS NOT NULL) "
        "SELECT stream FROM next WHERE stream IS NOT NULL"
    )
    return tuple([stream for (stream,) in found])


def board(db: Db, rollout: str, stage: str) -> Board | None:
    row = db.execute("SELECT board FROM boards WHERE rollout = ? AND stage = ?", (rollout, stage)).fetchone()
    return BOARDS.decode(row[0]) if row else None


def measurements(db: Db, rollout: str, stage: str | None) -> tuple[Measurement, ...]:
    found = db.execute(
        "SELECT rollout, stage, metric, pool, value, error, at FROM measurements "
        "WHERE rollout = :rollout AND (:stage IS NULL OR stage = :stage) ORDER BY at, id",
        {"rollout": rollout, "stage": stage},
    )
    return tuple([Measurement(*row) for row in found])


def prune(db: Db, before: float) -> int:
    """At most PRUNE_AT_ONCE rows of each; the number dropped."""
    dropped = db.execute(
        "DELETE FROM measurements WHERE id IN (SELECT id FROM measurements WHERE at < ? LIMIT ?)",
        (before, PRUNE_AT_ONCE),
    ).rowcount
    return (
        dropped
        + db.execute(
            "DELETE FROM causes WHERE cause IN (SELECT cause FROM causes WHERE at < ? LIMIT ?)", (before, PRUNE_AT_ONCE)
        ).rowcount
    )


def rollouts(db: Db, service: str | None, limit: int) -> tuple[Rollout, ...]:
    where = "" if service is None else "WHERE service = :service"
    found = db.execute(
        f"SELECT rollout FROM rollouts {where} ORDER BY started_at DESC, added DESC LIMIT :limit",
        {"service": service, "limit": limit},
    )
    return tuple([ROLLOUTS.decode(text) for (text,) in found])


def rollout(db: Db, id: str) -> Rollout | None:
    row = db.execute("SELECT rollout FROM rollouts WHERE id = ?", (id,)).fetchone()
    return ROLLOUTS.decode(row[0]) if row else None


def next_rollout_number(db: Db, day: str) -> int:
    row = db.execute("SELECT coalesce(max(number), 0) + 1 FROM rollouts WHERE day = ?", (day,)).fetchone()
    return int(row[0])


def put_message(db: Db, ref: MessageRef) -> None:
    db.execute(
        "INSERT OR REPLACE INTO messages (key, channel, ts, digest) VALUES (?, ?, ?, ?)",
        (ref.key, ref.channel, ref.ts, ref.digest),
    )


def message(db: Db, key: str) -> MessageRef | None:
    row = db.execute("SELECT key, channel, ts, digest FROM messages WHERE key = ?", (key,)).fetchone()
    return MessageRef(*row) if row else None


def message_at(db: Db, channel: str, ts: str) -> MessageRef | None:
    row = db.execute(
        "SELECT key, channel, ts, digest FROM messages WHERE channel = ? AND ts = ? ORDER BY added DESC LIMIT 1",
        (channel, ts),
    ).fetchone()
    return MessageRef(*row) if row else None
