"""The log and what is read beside it, as SQL for PostgreSQL. Each function brings its transaction, or needs none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from bot.engine.ports.errors import Conflict
from bot.engine.ports.records import Commit, Committed, LogEvent, Measurement, MessageRef, Stored
from bot.rollout.model import Board, Rollout
from bot.store import rows
from bot.store.codec import BOARDS, EFFECTS, EVENTS, ROLLOUTS, STATES
from bot.store.postgres import outbox
from bot.store.postgres.schema import Connection
from bot.store.rules import check_epoch, check_snapshot, day_and_number, number

CHANNEL = "rollout_bot"
AT_ONCE = 5_000  # rows; more in one statement could run into its time limit


class Texts:
    """A commit's values, encoded before its transaction: what cannot be written opens none. Raises CodecError."""

    def __init__(self, commit: Commit) -> None:
        self.events = [EVENTS.encode(event) for event in commit.events]
        self.effects = [EFFECTS.encode(new.effect) for new in commit.effects]
        self.board = BOARDS.encode(commit.board) if commit.board else ""
        self.rollout = ROLLOUTS.encode(commit.rollout) if commit.rollout else ""
        self.snapshot = STATES.encode(commit.snapshot) if commit.snapshot else ""


async def apply(conn: Connection, commit: Commit, texts: Texts) -> Committed:
    """The whole of a commit, in three round trips. Raises Fenced, Conflict: nothing was written."""
    async with conn.pipeline(), conn.transaction():
        # Shared: a change of holder waits until this is committed, and what comes after it sees the new epoch.
        lead = await conn.execute("SELECT epoch FROM leads WHERE stream = %s FOR SHARE", (commit.stream,))
        cause = await conn.execute(
            "INSERT INTO causes SELECT %(cause)s, %(stream)s, %(at)s WHERE %(cause)s::text IS NOT NULL "
            "ON CONFLICT DO NOTHING RETURNING 1",
            {"cause": commit.cause, "stream": commit.stream, "at": commit.at},
        )
        last = await conn.execute("SELECT coalesce(max(seq), 0) FROM events WHERE stream = %s", (commit.stream,))
        wanted = commit.rollout.id if commit.rollout else None
        known = await conn.execute("SELECT stream, service FROM rollouts WHERE id = %s", (wanted,))
        check_epoch(commit, _number(await lead.fetchone()))
        if commit.cause is not None and await cause.fetchone() is None:
            await outbox.settle(conn, commit.finish)
            return Committed(duplicate=True)
        if _number(await last.fetchone()) != commit.expected:
            raise Conflict(f"{commit.stream}: seq {commit.expected} is not the last")
        owner = await known.fetchone()
        if commit.rollout and owner and owner != (commit.stream, commit.rollout.service):
            raise Conflict(f"{wanted} belongs to {owner[1]}")
        await _append(conn, commit, texts)
    return Committed()


async def _append(conn: Connection, commit: Commit, texts: Texts) -> None:
    await outbox.settle(conn, commit.finish)
    for seq, text in enumerate(texts.events, start=commit.expected + 1):
        values = (commit.stream, seq, commit.at, commit.cause, text)
        await conn.execute("INSERT INTO events VALUES (%s, %s, %s, %s, %s)", values)
    for new, text in zip(commit.effects, texts.effects, strict=True):
        await outbox.add(conn, commit.stream, commit.at, new, text)
    if commit.board:
        await conn.execute(
            "INSERT INTO boards VALUES (%s, %s, %s) ON CONFLICT (rollout, stage) DO UPDATE SET board = excluded.board",
            (commit.board.rollout, commit.board.stage, texts.board),
        )
    for m in commit.measurements:
        await conn.execute(
            "INSERT INTO measurements (rollout, stage, metric, pool, value, error, at) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (m.rollout, m.stage, m.metric, m.pool, number(m.value), m.error, m.at),
        )
    if commit.snapshot:
        await _keep(conn, commit.stream, commit.snapshot.seq, texts.snapshot)
    await tell(conn, commit.stream)
    if commit.rollout:  # last, since its answer is waited for
        await _index(conn, commit.stream, commit.rollout, texts.rollout)


async def put_snapshot(conn: Connection, stream: str, seq: int, text: str) -> None:
    """Raises ValueError."""
    last = await conn.execute("SELECT coalesce(max(seq), 0) FROM events WHERE stream = %s", (stream,))
    check_snapshot(stream, seq, _number(await last.fetchone()))
    await _keep(conn, stream, seq, text)


async def _keep(conn: Connection, stream: str, seq: int, text: str) -> None:
    await conn.execute(
        "INSERT INTO snapshots VALUES (%s, %s, %s) ON CONFLICT (stream) DO UPDATE "
        "SET seq = excluded.seq, state = excluded.state WHERE excluded.seq >= snapshots.seq",
        (stream, seq, text),
    )


async def tell(conn: Connection, stream: str) -> None:
    """Every replica hears of it when the transaction is committed, and nothing when it is not."""
    await conn.execute("SELECT pg_notify(%s, %s)", (CHANNEL, stream))


async def _index(conn: Connection, stream: str, rollout: Rollout, text: str) -> None:
    day, n = day_and_number(rollout.id) or (None, None)
    put = await conn.execute(
        "INSERT INTO rollouts (id, stream, service, day, number, started_at, rollout) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE "
        "SET started_at = excluded.started_at, rollout = excluded.rollout "
        "WHERE (rollouts.stream, rollouts.service) = (excluded.stream, excluded.service) RETURNING 1",
        (rollout.id, stream, rollout.service, day, n, rollout.started_at, text),
    )
    if await put.fetchone() is None:
        raise Conflict(f"{rollout.id} belongs to another service since a moment ago")


def _number(row: tuple[Any, ...] | None) -> int:
    return int(row[0]) if row else 0


async def load(conn: Connection, stream: str) -> Stored:
    found = await conn.execute("SELECT state FROM snapshots WHERE stream = %s", (stream,))
    snapshot = rows.snapshot(await found.fetchone())
    return Stored(snapshot, await events(conn, stream, snapshot.seq if snapshot else 0))


async def events(conn: Connection, stream: str, after: int) -> tuple[tuple[int, LogEvent], ...]:
    found: tuple[tuple[int, LogEvent], ...] = ()
    while True:
        page = await conn.execute(
            "SELECT seq, event FROM events WHERE stream = %s AND seq > %s ORDER BY seq LIMIT %s",
            (stream, after, AT_ONCE),
        )
        more = rows.numbered(await page.fetchall())
        found += more
        if len(more) < AT_ONCE:
            return found
        after = more[-1][0]


async def last_before(conn: Connection, stream: str, at: float) -> int:
    sql = "SELECT coalesce(max(seq), 0) FROM events WHERE stream = %s AND at < %s"
    return _number(await (await conn.execute(sql, (stream, at))).fetchone())


async def streams(conn: Connection) -> tuple[str, ...]:
    """One look-up per stream; DISTINCT would walk the whole log."""
    found = await conn.execute(
        "WITH RECURSIVE next(stream) AS ((SELECT stream FROM events ORDER BY stream LIMIT 1) UNION ALL "
        "SELECT (SELECT e.stream FROM events e WHERE e.stream > next.stream ORDER BY e.stream LIMIT 1) "
        "FROM next WHERE stream IS NOT NULL) SELECT stream FROM next WHERE stream IS NOT NULL"
    )
    return tuple([stream for (stream,) in await found.fetchall()])


async def board(conn: Connection, rollout: str, stage: str) -> Board | None:
    text = await _text(conn, "SELECT board FROM boards WHERE rollout = %s AND stage = %s", rollout, stage)
    return BOARDS.decode(text) if text is not None else None


async def measurements(conn: Connection, rollout: str, stage: str | None) -> tuple[Measurement, ...]:
    return tuple([Measurement(*row[2:]) async for row in _measured(conn, rollout, stage)])


async def _measured(conn: Connection, rollout: str, stage: str | None) -> AsyncIterator[tuple[Any, ...]]:
    at, id = float("-inf"), 0
    while True:
        page = await conn.execute(
            "SELECT at, id, rollout, stage, metric, pool, value, error, at FROM measurements "
            "WHERE rollout = %(rollout)s AND (%(stage)s::text IS NULL OR stage = %(stage)s) "
            "AND (at, id) > (%(at)s, %(id)s) ORDER BY at, id LIMIT %(limit)s",
            {"rollout": rollout, "stage": stage, "at": at, "id": id, "limit": AT_ONCE},
        )
        found = await page.fetchall()
        for row in found:
            yield row
        if len(found) < AT_ONCE:
            return
        at, id = found[-1][:2]


async def prune(conn: Connection, before: float) -> int:
    """At most AT_ONCE rows of each; the number dropped."""
    measured = await conn.execute(
        "DELETE FROM measurements WHERE id IN (SELECT id FROM measurements WHERE at < %s LIMIT %s)", (before, AT_ONCE)
    )
    known = await conn.execute(
        "DELETE FROM causes WHERE cause IN (SELECT cause FROM causes WHERE at < %s LIMIT %s)", (before, AT_ONCE)
    )
    return measured.rowcount + known.rowcount


async def rollouts(conn: Connection, service: str | None, limit: int) -> tuple[Rollout, ...]:
    found = await conn.execute(
        "SELECT rollout FROM rollouts WHERE %(service)s::text IS NULL OR service = %(service)s "
        "ORDER BY started_at DESC, added DESC LIMIT %(limit)s",
        {"service": service, "limit": limit},
    )
    return tuple([ROLLOUTS.decode(text) for (text,) in await found.fetchall()])


async def rollout(conn: Connection, id: str) -> Rollout | None:
    text = await _text(conn, "SELECT rollout FROM rollouts WHERE id = %s", id)
    return ROLLOUTS.decode(text) if text is not None else None


async def _text(conn: Connection, sql: str, *values: str) -> str | None:
    row = await (await conn.execute(sql.encode(), values)).fetchone()
    return str(row[0]) if row else None


async def next_rollout_number(conn: Connection, day: str) -> int:
    found = await conn.execute("SELECT coalesce(max(number), 0) + 1 FROM rollouts WHERE day = %s", (day,))
    return _number(await found.fetchone())


async def put_message(conn: Connection, ref: MessageRef) -> None:
    await conn.execute(
        "INSERT INTO messages (key, channel, ts, digest) VALUES (%s, %s, %s, %s) ON CONFLICT (key) DO UPDATE "
        "SET added = excluded.added, channel = excluded.channel, ts = excluded.ts, digest = excluded.digest",
        (ref.key, ref.channel, ref.ts, ref.digest),
    )


async def message(conn: Connection, key: str) -> MessageRef | None:
    return await _message(conn, "key = %s", key)


async def message_at(conn: Connection, channel: str, ts: str) -> MessageRef | None:
    return await _message(conn, "channel = %s AND ts = %s ORDER BY added DESC LIMIT 1", channel, ts)


async def _message(conn: Connection, which: str, *values: str) -> MessageRef | None:
    sql = f"SELECT key, channel, ts, digest FROM messages WHERE {which}"
    row = await (await conn.execute(sql.encode(), values)).fetchone()
    return MessageRef(*row) if row else None
