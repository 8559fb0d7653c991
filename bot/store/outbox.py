"""The pending effects, as SQL. Every function runs inside the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby

from bot.engine.ports.records import Claimed, NewEffect, Rooms
from bot.store import rows
from bot.store.codec import EFFECTS
from bot.store.rules import NEVER_HELD, one_per_lane, sayable, token
from bot.store.schema import Db
from bot.store.shapes import CodecError

_OPEN = "state IN ('pending', 'claimed')"  # as in the index effects_open, or it is not used
AT_ONCE = 1_000  # rows of one statement: SQLite takes 32,766 values
_IDS = (1 << 40) - 1
_PLACE = "(priority << 40 | id)"  # in the order of (priority, id), as one number
_HELD = "SELECT lane FROM effects WHERE state = 'claimed' AND ready_at > ?"
_AMONG = "id IN (SELECT value FROM json_each(?))"
_FREE = "owner = '', epoch = 0"
_SHOWN = (
    "id, key, stream, lane, effect, attempts - (state = 'claimed'), iif(state = 'claimed', ready_at, 0.0), epoch, owner"
)


_INSERT = "INSERT INTO effects (key, stream, lane, kind, priority, effect, coalesce, added_at, ready_at) "


def add(db: Db, stream: str, at: float, effects: Collection[NewEffect]) -> None:
    """Nothing where the key is known; a coalesced one is added unless one of its key is waiting."""
    for coalesce, run in groupby(effects, key=lambda new: new.coalesce):
        if coalesce:
            for new in run:
                _add_coalesced(db, stream, at, new)
        else:
            _add_once(db, stream, at, run)


def _add_once(db: Db, stream: str, at: float, effects: Iterable[NewEffect]) -> None:
    """Many in one statement: after each the thread waits for its turn to run, and a storm has thousands of effects."""
    by_key: dict[str, NewEffect] = {}
    for new in effects:
        by_key.setdefault(new.effect.key, new)
    news = list(by_key.values())
    for first in range(0, len(news), AT_ONCE):
        some = news[first : first + AT_ONCE]
        values: list[object] = []
        for new in some:
            effect = new.effect
            values += (effect.key, new.lane, type(effect).__name__, effect.priority, EFFECTS.encode(effect), new.due_at)
        db.execute(
            f"{_INSERT} SELECT column1, ?, column2, column3, column4, column5, 0, ?, column6 "
            f"FROM (VALUES {', '.join(['(?, ?, ?, ?, ?, ?)'] * len(some))}) "
            "WHERE NOT EXISTS (SELECT 1 FROM effects WHERE key = column1)",
            (stream, at, *values),
        )


def _add_coalesced(db: Db, stream: str, at: float, new: NewEffect) -> None:
    effect = new.effect
    text, kind = EFFECTS.encode(effect), type(effect).__name__
    waiting = db.execute(
        "UPDATE effects SET effect = ?, kind = ?, lane = ?, priority = ?, ready_at = min(ready_at, ?) "
        "WHERE key = ? AND state = 'pending'",
        (text, kind, new.lane, effect.priority, new.due_at, effect.key),
    )
    if not waiting.rowcount:
        row = (effect.key, stream, new.lane, kind, effect.priority, text, at, new.due_at)
        db.execute(f"{_INSERT} VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?)", row)


def settle(db: Db, ids: Collection[int]) -> None:
    """Done, whoever has them: their outcome is in the same transaction."""
    if ids:
        done = f"UPDATE effects SET state = 'done', {_FREE}, error = '' WHERE {_AMONG} AND {_OPEN}"
        db.execute(done, (json.dumps(ids),))


def claim(
    db: Db,
    owner: str,
    now: float,
    lease: float,
    limit: int,
    kinds: Sequence[str] | None,
    led: Mapping[str, int] | None,
    rooms: Rooms = (),
) -> tuple[Claimed, ...]:
    """led: the epochs of the owner's leads, whose streams alone are looked at; None = every stream, without a lead."""
    claimed: list[Claimed] = []
    sql = f"SELECT id, key, stream, lane, effect, attempts FROM effects WHERE {_AMONG}"
    ids = _claimable(db, now, limit, kinds, led, rooms)
    rows_ = {row[0]: row for row in db.execute(sql, (json.dumps(ids),))} if ids else {}
    for id, key, stream, lane, text, attempts in map(rows_.__getitem__, ids):
        try:
            effect = EFFECTS.decode(text)
        except CodecError as error:  # left open it would be claimed for ever, and hold up its lane
            db.execute("UPDATE effects SET state = 'failed', error = ? WHERE id = ?", (str(error), id))
            continue
        epoch = 0 if led is None else led[stream]
        claimed.append(Claimed(id, key, stream, lane, effect, attempts, now + lease, epoch, token(owner, epoch)))
    _take(db, claimed, now + lease)
    return tuple(claimed)


def _take(db: Db, claimed: Collection[Claimed], until: float) -> None:
    for (mine, epoch), ids in _by_token(claimed).items():
        db.execute(
            "UPDATE effects SET state = 'claimed', owner = ?, epoch = ?, ready_at = ?, attempts = attempts + 1 "
            f"WHERE {_AMONG}",
            (mine, epoch, until, json.dumps(ids)),
        )


def _by_token(claimed: Collection[Claimed]) -> dict[tuple[str, int], list[int]]:
    found: dict[tuple[str, int], list[int]] = {}
    for one in claimed:
        found.setdefault((one.owner, one.epoch), []).append(one.id)
    return found


def _claimable(
    db: Db, now: float, limit: int, kinds: Sequence[str] | None, streams: Collection[str] | None, rooms: Rooms
) -> list[int]:
    """Of thousands that wait in a lane only the next is looked at further: a storm is claimed in many rounds."""
    wanted = _among("kind", kinds) + _among("stream", streams)
    given = (now, *(kinds or ()), *(streams or ()), NEVER_HELD)
    due = db.execute(
        f"""SELECT min({_PLACE}) AS place, lane, kind FROM effects
        WHERE state = 'pending' AND ready_at <= ? {wanted} AND kind <> ? GROUP BY stream, kind, lane
        HAVING lane NOT IN ({_HELD})
        UNION ALL SELECT {_PLACE}, lane, kind FROM effects
        WHERE state = 'claimed' AND ready_at <= ? {wanted} AND (kind = ? OR lane NOT IN ({_HELD}))
        UNION ALL SELECT {_PLACE}, lane, kind FROM effects
        WHERE state = 'pending' AND ready_at <= ? {wanted} AND kind = ?
        ORDER BY place""",
        (*given, now, *given, now, *given),
    )
    taken = one_per_lane(((place & _IDS, lane, kind) for place, lane, kind in due), limit, rooms)
    due.close()
    return taken


def _among(column: str, values: Collection[str] | None) -> str:
    return "" if values is None else f" AND {column} IN ({', '.join('?' * len(values))})"


def renew(db: Db, id: int, owner: str, until: float) -> bool:
    return _mine(db, "ready_at = ?", (until,), id, owner)


def finish(db: Db, id: int, owner: str) -> bool:
    return _mine(db, f"state = 'done', {_FREE}, error = ''", (), id, owner)


def fail(db: Db, id: int, owner: str, error: str) -> bool:
    return _mine(db, f"state = 'failed', {_FREE}, error = ?", (sayable(error),), id, owner)


def _mine(db: Db, change: str, values: tuple[object, ...], id: int, owner: str) -> bool:
    sql = f"UPDATE effects SET {change} WHERE id = ? AND state = 'claimed' AND owner = ?"
    return db.execute(sql, (*values, id, owner)).rowcount == 1


def retry(db: Db, id: int, owner: str, due_at: float, error: str) -> bool:
    mine = "SELECT 1 FROM effects WHERE id = ? AND state = 'claimed' AND owner = ?"
    if db.execute(mine, (id, owner)).fetchone() is None:
        return False
    _put_back(db, id, due_at, sayable(error))
    return True


def unclaim(db: Db, id: int, owner: str) -> bool:
    """As if it had not been claimed."""
    mine = "SELECT ready_at, error FROM effects WHERE id = ? AND state = 'claimed' AND owner = ?"
    row = db.execute(mine, (id, owner)).fetchone()
    if row is not None:
        db.execute("UPDATE effects SET attempts = attempts - 1 WHERE id = ?", (id,))
        _put_back(db, id, 0.0, row[1])
    return row is not None


def put_back_before(db: Db, stream: str, epoch: int) -> None:
    """What earlier epochs had claimed of the stream is pending at once: their holder no longer acts."""
    earlier = "SELECT id, error FROM effects WHERE state = 'claimed' AND stream = ? AND epoch < ? ORDER BY id"
    for id, error in db.execute(earlier, (stream, epoch)).fetchall():
        _put_back(db, id, 0.0, error)


def _put_back(db: Db, id: int, ready_at: float, error: str) -> None:
    """Pending again. Where a newer one of its key waits, that one shows all that this one would have: it goes on alone,
    with the attempts, and the wait that the outside asked for.
    """
    newer = db.execute(
        "UPDATE effects SET attempts = attempts + (SELECT attempts FROM effects WHERE id = ?1), "
        "ready_at = max(ready_at, ?2), error = ?3 "
        "WHERE state = 'pending' AND key = (SELECT key FROM effects WHERE id = ?1)",
        (id, ready_at, error),
    )
    if newer.rowcount:
        db.execute(f"UPDATE effects SET state = 'done', {_FREE} WHERE id = ?", (id,))
    else:
        change = f"UPDATE effects SET state = 'pending', {_FREE}, ready_at = ?, error = ? WHERE id = ?"
        db.execute(change, (ready_at, error, id))


def next_due(db: Db, streams: Collection[str] | None) -> float | None:
    """An effect of a lane that is held up cannot be claimed before the lane's last lease has run out."""
    wanted, given = _among("stream", streams), (NEVER_HELD, *(streams or ()))
    row = db.execute(
        f"""SELECT min(iif(never, at, max(at, coalesce(
            (SELECT max(ready_at) FROM effects AS held WHERE held.state = 'claimed' AND held.lane = first.lane), at
        )))) FROM (
            SELECT lane, kind = ? AS never, min(ready_at) AS at FROM effects
            WHERE state = 'pending' {wanted} GROUP BY stream, kind, lane
            UNION ALL SELECT lane, kind = ?, ready_at FROM effects WHERE state = 'claimed' {wanted}
        ) AS first""",
        (*given, *given),
    ).fetchone()
    return None if row[0] is None else float(row[0])


def pending(db: Db) -> tuple[Claimed, ...]:
    found = db.execute(f"SELECT {_SHOWN} FROM effects WHERE {_OPEN} ORDER BY priority, id")
    return tuple([rows.claimed(row) for row in found])


def failed(db: Db, limit: int) -> tuple[tuple[Claimed, str], ...]:
    found = db.execute(f"SELECT {_SHOWN}, error FROM effects WHERE state = 'failed' ORDER BY id DESC LIMIT ?", (limit,))
    return tuple([(rows.claimed(row[:-1]), row[-1]) for row in found])


def drop_shown(db: Db, before: float) -> None:
    """Done and coalesced ones: their keys may come again, so nothing is told by keeping them."""
    db.execute("DELETE FROM effects WHERE state = 'done' AND coalesce = 1 AND added_at < ?", (before,))
