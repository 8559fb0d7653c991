"""Two replicas on one database, and what the database itself sees to."""

from __future__ import annotations

import asyncio
import time

import psycopg
import pytest

from bot.engine.ports.errors import Fenced
from bot.engine.ports.records import Commit, Lead
from bot.rollout.effects import ReadFleet
from bot.store import StoreBroken, StoreUnavailable
from bot.store.postgres import PostgresStore, journal
from bot.store.postgres.outbox import LANES
from tests.store.killing import assert_whole, kill_while_it_writes
from tests.store.samples import (
    DAY,
    NOW,
    board,
    card,
    knows,
    measurement,
    note,
    put,
    read,
    restore,
    rollout,
    shift,
    state,
    take,
)

R1 = f"ROLLOUT-{DAY}-1"


async def lead_when_free(store: PostgresStore, owner: str) -> Lead:
    async with asyncio.timeout(60):
        while not (lead := await store.lead("shop", owner, 1000)):  # noqa: ASYNC110 a lease runs out without a sound
            await asyncio.sleep(0.01)
    return lead


async def test_a_lease_runs_out_on_the_databases_clock(store: PostgresStore, other: PostgresStore) -> None:
    await put(store, shift(1))
    await store.lead("shop", "a", 0.3)
    (claimed,) = await store.claim("a", NOW, 1e9, 10, epochs={"shop": 1})
    lead = await lead_when_free(other, "b")
    assert lead.epoch == 2
    assert not await store.renew(claimed.id, claimed.owner, NOW + 1e9)
    assert await store.lead("shop", "a", 1000) is None
    with pytest.raises(Fenced):
        await store.commit(Commit("shop", 0, NOW, events=(note(),), finish=(claimed.id,), epoch=1))
    (again,) = await other.claim("b", NOW, 30, 10, epochs={"shop": 2})
    assert (again.id, again.attempts, again.owner) == (claimed.id, 1, "b#2")


async def test_the_lead_does_not_change_in_the_midst_of_an_actors_commit(
    store: PostgresStore, other: PostgresStore, database_url: str
) -> None:
    await store.lead("shop", "a", 0)
    with psycopg.connect(database_url) as frozen:  # as an actor does that is stopped between two statements
        frozen.execute("SELECT epoch FROM leads WHERE stream = 'shop' FOR SHARE")
        with pytest.raises(StoreUnavailable, match="another transaction"):
            await other.lead("shop", "b", 1000)
        await store.commit(Commit("shop", 0, NOW, events=(note(),), epoch=1))
    assert (await lead_when_free(other, "b")).epoch == 2


async def test_an_actor_that_freezes_within_a_commit_does_not_hold_the_lead_for_ever(
    store: PostgresStore, other: PostgresStore
) -> None:
    await store.lead("shop", "a", 0)
    frozen = await psycopg.AsyncConnection.connect(store._server.conninfo)
    await frozen.execute("SELECT epoch FROM leads WHERE stream = 'shop' FOR SHARE")
    async with asyncio.timeout(60):
        while True:
            try:
                lead = await other.lead("shop", "b", 1000)
                break
            except StoreUnavailable:
                continue
    assert lead and lead.epoch == 2
    await frozen.close()


async def test_of_replicas_that_claim_at_once_no_two_have_one_lane(store: PostgresStore, other: PostgresStore) -> None:
    await put(store, *(read(str(n), f"lane{n % 5}") for n in range(40)))
    done: list[str] = []
    held: set[str] = set()

    async def work(replica: PostgresStore, owner: str) -> None:
        while await store.pending():
            for c in await replica.claim(owner, NOW, 30, 3):
                assert c.lane not in held, "claimed by two"
                held.add(c.lane)
                await asyncio.sleep(0)
                held.remove(c.lane)
                done.append(c.key)
                assert await replica.finish(c.id, c.owner)

    async with asyncio.timeout(120):
        await asyncio.gather(*(work(r, f"w{n}") for n, r in enumerate((store, other) * 3)))
    assert sorted(done) == sorted(f"read:R:{n}" for n in range(40))


async def test_a_rollback_is_claimed_though_another_claims_in_its_lane_at_this_moment(
    store: PostgresStore, database_url: str
) -> None:
    await put(store, restore(2), shift(1), read("1"))
    with psycopg.connect(database_url) as theirs:
        theirs.execute("SELECT pg_advisory_xact_lock(%s, hashtext('fleet'))", (LANES,))
        assert [c.key for c in await store.claim("w", NOW, 30, 10)] == ["rollback:R:2", "read:R:1"]


async def test_the_database_keeps_its_promises_against_a_hand_at_the_console(
    store: PostgresStore, database_url: str
) -> None:
    await store.lead("shop", "a", 0)
    await store.lead("shop", "b", 0)
    await store.commit(
        Commit("shop", 0, NOW, events=(note(),), effects=(shift(1), card()), rollout=rollout(1), epoch=2)
    )
    columns = "key, stream, lane, kind, priority, effect, coalesce, added_at, ready_at"
    for statement in (
        "UPDATE events SET at = 0",
        "DELETE FROM events",
        "INSERT INTO events SELECT * FROM events",
        "UPDATE rollouts SET service = 'mail'",
        f"INSERT INTO effects ({columns}) SELECT {columns} FROM effects WHERE coalesce = 0",
        f"INSERT INTO effects ({columns}) SELECT {columns} FROM effects WHERE coalesce = 1",
        "UPDATE effects SET state = 'lost'",
        "UPDATE leads SET epoch = 1",
    ):
        with psycopg.connect(database_url) as db, pytest.raises(psycopg.errors.IntegrityError):
            db.execute(statement)


async def test_the_servers_durability_is_left_as_it_is(database_url: str) -> None:
    store = await PostgresStore.open(f"{database_url}?options=-cwork_mem%3D8MB")

    async def setting(conn: object) -> object:
        names = "current_setting('synchronous_commit'), current_setting('work_mem')"
        return await (await conn.execute(f"SELECT {names}")).fetchone()  # type: ignore[attr-defined]

    assert await store._server.perform(setting) == ("on", "8MB"), "the URL's own options go along"
    await store.close()


def change(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(sql.encode())


async def test_what_nobody_can_read(store: PostgresStore, database_url: str) -> None:
    await put(store, read("bad", "lane"), read("good", "lane"))
    change(database_url, """UPDATE effects SET effect = '{"@":"Teleport/1"}' WHERE key = 'read:R:bad'""")
    assert await take(store) == []
    assert await take(store) == [ReadFleet("R", "good")]
    await store.commit(Commit("shop", 0, NOW, events=(note(),), snapshot=state(1)))
    change(database_url, """UPDATE snapshots SET state = '{"@":"ServiceState/99"}'""")
    stored = await store.load("shop")
    assert (stored.snapshot, stored.events) == (None, ((1, note()),))
    change(database_url, """INSERT INTO events VALUES ('shop', 2, 0, NULL, '{"@":"Miracle/1"}')""")
    with pytest.raises(StoreBroken, match="unknown tag 'Miracle/1'"):
        await store.load("shop")


async def test_long_answers_come_in_pages(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "AT_ONCE", 7)
    measured = tuple(measurement(NOW + n // 3) for n in range(50))
    await store.commit(Commit("shop", 0, NOW, "c", tuple(note(str(n)) for n in range(21)), measurements=measured))
    assert [seq for seq, _ in await store.events("shop")] == list(range(1, 22))
    assert await store.measurements(R1) == measured
    assert await store.prune(NOW + 10) == 31
    assert len(await store.measurements(R1)) == 20


def wait_until_alone(url: str) -> None:
    """The server carries out what a killed process had asked for last."""
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    end = time.monotonic() + 60
    with psycopg.connect(url, autocommit=True) as db:
        while db.execute(others).fetchone() != (0,):
            assert time.monotonic() < end, "somebody else has this database open"
            time.sleep(0.01)


@pytest.mark.parametrize("after", [1, 60])
async def test_a_process_killed_while_it_writes_leaves_whole_commits(database_url: str, after: int) -> None:
    acknowledged = await asyncio.to_thread(kill_while_it_writes, database_url, after)
    assert sum(acknowledged.values()) > after
    await asyncio.to_thread(wait_until_alone, database_url)
    await assert_whole(database_url, acknowledged)


async def test_all_of_a_commit_or_nothing_when_the_connection_is_cut_in_the_midst(
    store: PostgresStore, other: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell = journal.tell

    async def cut(conn: psycopg.AsyncConnection, stream: str) -> None:
        await tell(conn, stream)
        conn.pgconn.finish()

    full = Commit("shop", 0, NOW, "c", (note(),), (shift(1),), board(), (measurement(NOW),), rollout=rollout(1))
    with monkeypatch.context() as patch:
        patch.setattr(journal, "tell", cut)
        with pytest.raises(StoreUnavailable):
            await store.commit(full)
    assert not await knows(other, "c")
    assert await other.streams() == await other.pending() == await other.rollouts() == ()
    assert not (await store.commit(full)).duplicate, "and the next has a connection that works"
