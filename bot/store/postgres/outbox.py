"""The pending effects, as SQL for PostgreSQL: the rules of `bot.store.outbox`, for several claimers at once.

The functions up to `put_back_before` run inside the caller's transaction; the others bring their own, or need none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bot.engine.ports.records import Claimed, NewEffect, Rooms
from bot.store import rows
from bot.store.postgres.schema import Connection
from bot.store.rules import NEVER_HELD, one_per_lane, sayable, token
from bot.store.shapes import CodecError

LANES = 0x_6C61_6E65  # the class of the advisory locks on lanes
_OPEN = "state IN ('pending', 'claimed')"  # as in the index effects_open, or it is not used
_FREE = "owner = '', epoch = 0"
_SHOWN = (
    "id, key, stream, lane, effect, attempts - (state = 'claimed')::int, "
    "CASE WHEN state = 'claimed' THEN ready_at ELSE 0.0 END, epoch, owner"
)
_NOT_HELD = (
    "NOT EXISTS (SELECT 1 FROM effects AS held "
    "WHERE held.lane = e.lane AND held.state = 'claimed' AND held.ready_at > %(now)s)"
)
_COLUMNS = "key, stream, lane, kind, priority, effect, coalesce, added_at, ready_at"
_VALUES = (
    "%(key)s, %(stream)s, %(lane)s, %(kind)s, %(priority)s, %(effect)s, %(coalesce)s, "
    "%(added_at)s::float, %(due)s::float"
)
# Not one statement with ON CONFLICT alone, though it would do: that one takes an id also when it adds nothing.
_ADD_ONCE = (
    f"INSERT INTO effects ({_COLUMNS}) SELECT {_VALUES} "
    "WHERE NOT EXISTS (SELECT 1 FROM effects WHERE key = %(key)s) ON CONFLICT DO NOTHING"
)
_NEWER = "effect = {0}effect, kind = {0}kind, lane = {0}lane, priority = {0}priority"
_ADD_COALESCED = (
    "WITH waiting AS (UPDATE effects SET effect = %(effect)s, kind = %(kind)s, lane = %(lane)s, "
    "priority = %(priority)s, ready_at = least(ready_at, %(due)s) "
    "WHERE key = %(key)s AND state = 'pending' RETURNING 1) "
    f"INSERT INTO effects ({_COLUMNS}) SELECT {_VALUES} WHERE NOT EXISTS (SELECT 1 FROM waiting) "
    f"ON CONFLICT (key) WHERE state = 'pending' DO UPDATE SET {_NEWER.format('excluded.')}, "
    "ready_at = least(effects.ready_at, excluded.ready_at)"
)


async def add(conn: Connection, stream: str, at: float, new: NewEffect, text: str) -> None:
    """Nothing where the key is known; a coalesced one is added unless one of its key is waiting."""
    effect = new.effect
    values = {
        "key": effect.key,
        "stream": stream,
        "lane": new.lane,
        "kind": type(effect).__name__,
        "priority": effect.priority,
        "effect": text,
        "coalesce": int(new.coalesce),
        "added_at": at,
        "due": new.due_at,
    }
    await conn.execute((_ADD_COALESCED if new.coalesce else _ADD_ONCE).encode(), values)


async def settle(conn: Connection, ids: Collection[int]) -> None:
    """Done, whoever has them: their outcome is in the same transaction."""
    if ids:
        sql = f"UPDATE effects SET state = 'done', {_FREE}, error = '' WHERE id = ANY(%s) AND {_OPEN}"
        await conn.execute(sql.encode(), (list(ids),))


async def put_back_before(conn: Connection, stream: str, epoch: int) -> None:
    """What earlier epochs had claimed of the stream is pending at once: their holder no longer acts."""
    earlier = await conn.execute(
        "SELECT id, error FROM effects WHERE state = 'claimed' AND stream = %s AND epoch < %s ORDER BY id FOR UPDATE",
        (stream, epoch),
    )
    for id, error in await earlier.fetchall():
        await _put_back(conn, id, 0.0, error)


async def _put_back(conn: Connection, id: object, ready_at: float, error: object) -> None:
    """Pending again. Where a newer one of its key waits, that one shows all that this one would have: it goes on alone,
    with the attempts, and the wait that the outside asked for.
    """
    newer = await conn.execute(
        "UPDATE effects AS newer SET attempts = newer.attempts + older.attempts, "
        "ready_at = greatest(newer.ready_at, %s), error = %s FROM effects AS older "
        "WHERE older.id = %s AND newer.key = older.key AND newer.state = 'pending'",
        (ready_at, error, id),
    )
    if newer.rowcount:
        await conn.execute(f"UPDATE effects SET state = 'done', {_FREE} WHERE id = %s".encode(), (id,))
    else:
        change = f"UPDATE effects SET state = 'pending', {_FREE}, ready_at = %s, error = %s WHERE id = %s"
        await conn.execute(change.encode(), (ready_at, error, id))


async def claim(
    conn: Connection,
    owner: str,
    now: float,
    lease: float,
    limit: int,
    kinds: Sequence[str] | None,
    epochs: Mapping[str, int] | None,
    rooms: Rooms = (),
) -> tuple[Claimed, ...]:
    """Chooses as everywhere; then takes, of what it chose, what no other claimer has its hands on at this moment."""
    async with conn.pipeline(), conn.transaction():
        # Shared: a change of holder waits for this claim, and then makes it pending again.
        leads = await conn.execute(
            "SELECT stream, epoch FROM leads WHERE owner = %s AND stream = ANY(%s) ORDER BY stream FOR SHARE",
            (owner, list(epochs or ())),
        )
        due = await conn.execute(
            f"SELECT id, lane, kind, stream FROM effects AS e WHERE {_OPEN} AND ready_at <= %(now)s "
            "AND (%(kinds)s::text[] IS NULL OR kind = ANY(%(kinds)s)) "
            "AND (%(streams)s::text[] IS NULL OR stream = ANY(%(streams)s)) "
            f"AND (kind = %(never)s OR {_NOT_HELD}) ORDER BY priority, id".encode(),
            {"now": now, "kinds": _listed(kinds), "streams": _listed(epochs), "never": NEVER_HELD},
        )
        found = await due.fetchall()
        led = None
        if epochs is not None:
            led = {s: epoch for s, epoch in await leads.fetchall() if epochs.get(s) == epoch}
        rows_ = [(id, lane, kind) for id, lane, kind, stream in found if led is None or stream in led]
        chosen = set(one_per_lane(rows_, limit, rooms))
        if not chosen:
            return ()
        lanes = {lane for id, lane, kind in rows_ if id in chosen and kind != NEVER_HELD}
        taken = await _take(conn, chosen, await _reserve(conn, lanes), now, now + lease)
        return tuple([c for row in taken if (c := await _shown(conn, row, owner, now + lease, led))])


async def _reserve(conn: Connection, lanes: Collection[str]) -> list[str]:
    """Those in which nobody else claims anything until this transaction ends; the others are left to who has them."""
    mine = await conn.execute(
        "SELECT lane FROM unnest(%s::text[]) AS lane WHERE pg_try_advisory_xact_lock(%s, hashtext(lane))",
        (list(lanes), LANES),
    )
    return [lane for (lane,) in await mine.fetchall()]


async def _take(
    conn: Connection, ids: Collection[int], lanes: list[str], now: float, until: float
) -> list[tuple[Any, ...]]:
    """The rows after the claim, in order. What they were is looked at anew, now that the lanes are reserved."""
    taken = await conn.execute(
        "UPDATE effects SET state = 'claimed', ready_at = %(until)s, attempts = attempts + 1 WHERE id IN ("
        f"SELECT id FROM effects AS e WHERE id = ANY(%(ids)s) AND {_OPEN} AND ready_at <= %(now)s "
        f"AND (kind = %(never)s OR (lane = ANY(%(lanes)s) AND {_NOT_HELD})) FOR UPDATE SKIP LOCKED) "
        "RETURNING priority, id, key, stream, lane, effect, attempts - 1".encode(),
        {"ids": list(ids), "lanes": lanes, "now": now, "until": until, "never": NEVER_HELD},
    )
    return [row[1:] for row in sorted(await taken.fetchall(), key=lambda row: row[:2])]


async def _shown(
    conn: Connection, row: tuple[Any, ...], owner: str, until: float, led: Mapping[str, int] | None
) -> Claimed | None:
    id, stream = row[0], row[2]
    epoch = 0 if led is None else led[stream]
    try:
        claimed = rows.claimed((*row, until, epoch, token(owner, epoch)))
    except CodecError as error:  # left open it would be claimed for ever, and hold up its lane
        failed = f"UPDATE effects SET state = 'failed', {_FREE}, error = %s WHERE id = %s"
        await conn.execute(failed.encode(), (sayable(str(error)), id))
        return None
    await conn.execute("UPDATE effects SET owner = %s, epoch = %s WHERE id = %s", (claimed.owner, epoch, id))
    return claimed


def _listed(values: Collection[str] | None) -> list[str] | None:
    return None if values is None else list(values)


async def renew(conn: Connection, id: int, owner: str, until: float) -> bool:
    return await _mine(conn, "ready_at = %s", (until,), id, owner)


async def finish(conn: Connection, id: int, owner: str) -> bool:
    return await _mine(conn, f"state = 'done', {_FREE}, error = ''", (), id, owner)


async def fail(conn: Connection, id: int, owner: str, error: str) -> bool:
    return await _mine(conn, f"state = 'failed', {_FREE}, error = %s", (sayable(error),), id, owner)


async def _mine(conn: Connection, change: str, values: tuple[object, ...], id: int, owner: str) -> bool:
    sql = f"UPDATE effects SET {change} WHERE id = %s AND state = 'claimed' AND owner = %s"
    return (await conn.execute(sql.encode(), (*values, id, owner))).rowcount == 1


async def retry(conn: Connection, id: int, owner: str, due_at: float, error: str) -> bool:
    async with conn.transaction():
        mine = "SELECT 1 FROM effects WHERE id = %s AND state = 'claimed' AND owner = %s FOR UPDATE"
        if await (await conn.execute(mine, (id, owner))).fetchone() is None:
            return False
        await _put_back(conn, id, due_at, sayable(error))
    return True


async def unclaim(conn: Connection, claimed: Sequence[Claimed]) -> None:
    """As if they had not been claimed."""
    async with conn.transaction():
        for one in claimed:
            mine = await conn.execute(
                "UPDATE effects SET attempts = attempts - 1 WHERE id = %s AND state = 'claimed' AND owner = %s "
                "RETURNING error",
                (one.id, one.owner),
            )
            if row := await mine.fetchone():
                await _put_back(conn, one.id, 0.0, row[0])


async def next_due(conn: Connection, streams: Collection[str] | None) -> float | None:
    """An effect of a lane that is held up cannot be claimed before the lane's last lease has run out."""
    found = await conn.execute(
        "SELECT min(CASE WHEN kind = %(never)s THEN ready_at "
        "ELSE greatest(ready_at, coalesce(held_until, ready_at)) END) FROM effects LEFT JOIN ("
        "SELECT lane AS held_lane, max(ready_at) AS held_until FROM effects WHERE state = 'claimed' GROUP BY lane"
        f") AS held ON held_lane = lane WHERE {_OPEN} "
        "AND (%(streams)s::text[] IS NULL OR stream = ANY(%(streams)s))".encode(),
        {"never": NEVER_HELD, "streams": _listed(streams)},
    )
    row = await found.fetchone()
    return None if row is None or row[0] is None else float(row[0])


async def pending(conn: Connection) -> tuple[Claimed, ...]:
    found = await conn.execute(f"SELECT {_SHOWN} FROM effects WHERE {_OPEN} ORDER BY priority, id".encode())
    return tuple([rows.claimed(row) for row in await found.fetchall()])


async def failed(conn: Connection, limit: int) -> tuple[tuple[Claimed, str], ...]:
    sql = f"SELECT {_SHOWN}, error FROM effects WHERE state = 'failed' ORDER BY id DESC LIMIT %s"
    found = await (await conn.execute(sql.encode(), (limit,))).fetchall()
    return tuple([(rows.claimed(row[:-1]), row[-1]) for row in found])


async def drop_shown(conn: Connection, before: float) -> None:
    """Done and coalesced ones: their keys may come again, so nothing is told by keeping them."""
    await conn.execute("DELETE FROM effects WHERE state = 'done' AND coalesce = 1 AND added_at < %s", (before,))
