"""Who acts for which stream, as SQL for PostgreSQL, on the database's clock. Every function brings its transaction."""

from __future__ import annotations

from psycopg.errors import LockNotAvailable

from bot.engine.ports.records import Lead
from bot.store.postgres import journal, outbox
from bot.store.postgres.schema import Connection
from bot.store.rules import succession

NOW = "extract(epoch FROM clock_timestamp())::float"  # not now(): that is when the transaction began


# What waits for its client in the midst of a transaction for longer than any of ours may last: the client stands still.
# The server's own limits do not see all of them: between two statements of a pipeline a session counts as active.
END_STANDSTILLS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
    AND application_name = current_setting('application_name')
    AND wait_event = 'ClientRead' AND xact_start < clock_timestamp() - interval '3 seconds'
"""


async def take(conn: Connection, stream: str, owner: str, lease: float) -> Lead | None:
    """Raises LockNotAvailable where another session holds the row; one that stands still is ended for the next try."""
    try:
        return await _take(conn, stream, owner, lease)
    except LockNotAvailable:
        await conn.execute(END_STANDSTILLS.encode())
        raise


async def _take(conn: Connection, stream: str, owner: str, lease: float) -> Lead | None:
    async with conn.transaction():
        first = await conn.execute(
            f"INSERT INTO leads SELECT %(stream)s, %(owner)s, 1, {NOW} + %(lease)s "
            "WHERE NOT EXISTS (SELECT 1 FROM leads WHERE stream = %(stream)s) ON CONFLICT DO NOTHING "
            "RETURNING stream, owner, epoch, until".encode(),
            {"stream": stream, "owner": owner, "lease": lease},
        )
        row = await first.fetchone()
        if row:
            await outbox.put_back_before(conn, stream, 1)
            return Lead(*row)
        return await _renew_or_take(conn, stream, owner, lease)


async def _renew_or_take(conn: Connection, stream: str, owner: str, lease: float) -> Lead | None:
    held = await conn.execute(
        f"SELECT owner, epoch, until, {NOW} FROM leads WHERE stream = %s FOR UPDATE".encode(), (stream,)
    )
    row = await held.fetchone()
    assert row is not None, "a lead is never dropped"
    known, now = Lead(stream, *row[:3]), row[3]
    epoch = succession(known, owner, now, shared=True)
    if epoch is None:
        return None
    taken = await conn.execute(
        f"UPDATE leads SET owner = %s, epoch = %s, until = {NOW} + %s WHERE stream = %s "
        "RETURNING stream, owner, epoch, until".encode(),
        (owner, epoch, lease, stream),
    )
    if epoch != known.epoch:
        await outbox.put_back_before(conn, stream, epoch)
    row = await taken.fetchone()
    assert row is not None
    return Lead(*row)


async def resign(conn: Connection, owner: str) -> int:
    async with conn.transaction():
        given_up = await conn.execute(
            "UPDATE leads SET owner = '', until = 0 WHERE stream IN "
            "(SELECT stream FROM leads WHERE owner = %s ORDER BY stream FOR UPDATE) RETURNING stream",
            (owner,),
        )
        streams = [stream for (stream,) in await given_up.fetchall()]
        for stream in sorted(streams):
            await journal.tell(conn, stream)
    return len(streams)


async def held(conn: Connection) -> tuple[Lead, ...]:
    found = await conn.execute("SELECT stream, owner, epoch, until FROM leads WHERE owner <> '' ORDER BY stream")
    return tuple([Lead(*row) for row in await found.fetchall()])


async def now(conn: Connection) -> float:
    row = await (await conn.execute(f"SELECT {NOW}".encode())).fetchone()
    assert row is not None
    return float(row[0])
