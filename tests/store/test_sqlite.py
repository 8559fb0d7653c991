"""What only a file can do: be opened again, be locked, be killed over, be old, be damaged."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.engine.ports.errors import Conflict
from bot.engine.ports.records import Commit, MessageRef, NewEffect
from bot.rollout.effects import ShowCard, Tell
from bot.store import StoreBroken, StoreUnavailable, journal, outbox, schema, sqlite
from bot.store.schema import Db
from bot.store.sqlite import SqliteStore
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
    rollout,
    shift,
    state,
    take,
    take_one,
)

ROOT = Path(__file__).parents[2]
R1 = f"ROLLOUT-{DAY}-1"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    made = await SqliteStore.open(path)
    yield made
    await made.close()


def raw(path: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(path, isolation_level=None))


def content(path: Path) -> bytes:
    return path.read_bytes()


def overwrite(path: Path, offset: int, data: bytes) -> None:
    before = path.read_bytes() if offset else b""
    path.write_bytes(before[:offset] + data)


# opened again


async def test_all_is_there_after_reopening(path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.commit(
        Commit("shop", 0, NOW, "c", (note("a"), note("b")), (shift(1), card()), board(), (measurement(NOW),))
    )
    await store.commit(Commit("shop", 2, NOW, events=(note("c"),), rollout=rollout(1), snapshot=state(2)))
    await store.put_message(MessageRef("k", "C1", "1.1", "d"))
    claimed = await take_one(store)
    await store.close()
    assert sorted(os.listdir(path.parent)) == ["bot.db", "bot.db.lock"], "the WAL is folded in"

    store = await SqliteStore.open(path)
    assert (await store.load("shop")).snapshot == state(2)
    assert (await store.load("shop")).events == ((3, note("c")),)
    assert await knows(store, "c")
    assert (await store.board(R1, "1%"), await store.rollout(R1)) == (board(), rollout(1))
    assert await store.measurements(R1) == (measurement(NOW),)
    assert await store.message_at("C1", "1.1") == MessageRef("k", "C1", "1.1", "d")
    assert (await store.pending())[0] == claimed
    assert await take(store, NOW + 29) == [ShowCard("R")]
    await store.close()


@pytest.mark.parametrize("after", [1, 40, 150])
def test_a_process_killed_while_it_writes_leaves_whole_commits(path: Path, after: int) -> None:
    url = f"sqlite:///{path}"
    asyncio.run(assert_whole(url, kill_while_it_writes(url, after)))
    with raw(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


# one bot


async def test_a_second_bot_is_refused_with_the_first_ones_process(store: SqliteStore, path: Path) -> None:
    with pytest.raises(StoreBroken, match=rf"another bot uses this database \(process {os.getpid()}\)"):
        await SqliteStore.open(path)
    await store.commit(Commit("shop", 0, NOW, events=(note(),)))
    await store.close()
    again = await SqliteStore.open(path)
    await again.close()


async def test_a_reader_looks_on_beside_the_bot(store: SqliteStore, path: Path) -> None:
    await put(store, shift(1))
    reader = await SqliteStore.open(path, read_only=True)
    assert await reader.pending() == await store.pending()
    await store.commit(Commit("shop", 0, NOW, events=(note(),)))
    assert await reader.events("shop") == ((1, note()),)
    for write in (reader.commit(Commit("shop", 1, NOW)), reader.claim("w", NOW, 1, 1), reader.lead("shop", "w", 1)):
        with pytest.raises(StoreBroken, match="reading only"):
            await write
    await reader.close()


async def test_a_reader_looks_also_when_no_bot_runs(store: SqliteStore, path: Path) -> None:
    await store.commit(Commit("shop", 0, NOW, events=(note(),)))
    await store.close()
    reader = await SqliteStore.open(path, read_only=True)
    assert await reader.events("shop") == ((1, note()),)
    bot = await SqliteStore.open(path)
    await bot.commit(Commit("shop", 1, NOW, events=(note(),)))
    assert len(await reader.events("shop")) == 2
    await bot.close()
    await reader.close()


async def test_a_reader_makes_no_file(path: Path) -> None:
    with pytest.raises(StoreBroken, match="there is no database"):
        await SqliteStore.open(path, read_only=True)
    assert os.listdir(path.parent) == []


async def test_a_closed_store_says_so(path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.close()
    for use in (store.commit(Commit("shop", 0, NOW)), store.load("shop"), store.claim("w", NOW, 1, 1)):
        with pytest.raises(StoreUnavailable, match="closed"):
            await use


# files of other versions


def write_first_version(path: Path) -> None:
    with raw(path) as db:
        db.executescript((Path(__file__).parent / "version1.sql").read_text())


async def test_a_file_of_the_first_version_opens_with_all_it_holds(path: Path) -> None:
    write_first_version(path)
    store = await SqliteStore.open(path)
    stored = await store.load("shop")
    assert stored.snapshot and (stored.snapshot.seq, stored.snapshot.serving) == (2, ("10.0.0.1:80",))
    assert stored.events == ((3, note("c")),)
    assert len(await store.events("shop")) == 3
    assert await knows(store, "c")
    found, shown = await store.rollout(R1), await store.board(R1, "1%")
    assert found and (found.version, found.reason) == ("1.10", "灰度 发布")
    assert shown and shown.generation == 3
    assert await store.measurements(R1) == (measurement(NOW),)
    assert await store.message("k") == MessageRef("k", "C1", "1.1", "d")
    assert [c.key for c in await store.pending()] == ["shift:R:1", "card:R"]
    await store.close()
    with raw(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)


def with_migration(monkeypatch: pytest.MonkeyPatch, *statements: str) -> None:
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, statements))


async def test_a_migration_is_applied_once_and_keeps_the_rows(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_first_version(path)
    with_migration(monkeypatch, "ALTER TABLE messages ADD COLUMN thread TEXT NOT NULL DEFAULT ''")
    for _ in range(2):
        store = await SqliteStore.open(path)
        assert await store.message("k") == MessageRef("k", "C1", "1.1", "d")
        await store.close()


async def test_a_migration_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_first_version(path)
    with monkeypatch.context() as patch:
        with_migration(patch, "DROP TABLE messages", "CREATE TABLE half (a)", "ALTER TABLE nowhere ADD COLUMN b")
        with pytest.raises(StoreBroken, match="nowhere"):
            await SqliteStore.open(path)
    with raw(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half'").fetchone() == (0,)
    store = await SqliteStore.open(path)
    assert await store.message("k")
    await store.close()


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_newer_file_is_refused_and_left_alone(path: Path, read_only: bool) -> None:
    await (await SqliteStore.open(path)).close()
    with raw(path) as db:
        db.execute("PRAGMA user_version = 99")
    before = content(path)
    with pytest.raises(StoreBroken, match=r"schema 99, this version of the bot knows \d+: run the newer version"):
        await SqliteStore.open(path, read_only=read_only)
    assert content(path) == before


async def test_a_reader_does_not_migrate(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_first_version(path)
    with_migration(monkeypatch, "CREATE TABLE more (a)")
    with pytest.raises(StoreBroken, match="older than this bot"):
        await SqliteStore.open(path, read_only=True)


async def test_the_file_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    with raw(path) as db:
        db.execute("CREATE TABLE theirs (a)")
    before = content(path)
    with pytest.raises(StoreBroken, match="another program"):
        await SqliteStore.open(path)
    assert content(path) == before


async def test_what_is_no_database_is_refused(path: Path) -> None:
    overwrite(path, 0, b"no database at all, but long enough to be looked at" * 50)
    for _ in range(2):  # the lock is free again
        with pytest.raises(StoreBroken, match="not an SQLite database"):
            await SqliteStore.open(path)


async def test_a_folder_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(StoreBroken, match=r"nowhere.*folder must exist"):
        await SqliteStore.open(folder / "nowhere" / "bot.db")


async def test_a_damaged_file_is_named_so(path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.commit(Commit("shop", 0, NOW, events=tuple(note("x" * 500) for _ in range(100))))
    await store.close()
    overwrite(path, 8192, b"\xff" * (len(content(path)) - 8192))
    with pytest.raises(StoreBroken, match="damaged"):
        store = await SqliteStore.open(path)
        try:
            await store.events("shop")
        finally:
            await store.close()


# what goes wrong while it runs


async def test_a_foreign_lock_is_retryable_and_goes_by(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    store = await SqliteStore.open(path)
    with raw(path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="another process holds"):
            await store.commit(Commit("shop", 0, NOW, events=(note(),)))
        assert await store.events("shop") == (), "reading goes on"
        other.execute("ROLLBACK")
    await store.commit(Commit("shop", 0, NOW, events=(note(),)))
    await store.close()


async def test_a_full_disk_is_retryable_and_leaves_nothing_half(store: SqliteStore) -> None:
    await store.commit(Commit("shop", 0, NOW, events=(note(),)))

    def fill(db: Db) -> None:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages}")

    await store._write(fill)
    big = tuple(note("x" * 3000) for _ in range(50))
    done = await asyncio.gather(
        *(store.commit(Commit(f"s{n}", 0, NOW, f"c{n}", events=big)) for n in range(3)), return_exceptions=True
    )
    assert [type(error) for error in done] == [StoreUnavailable] * 3
    assert "disk is full" in str(done[0])
    assert await store.streams() == ("shop",)
    assert not await knows(store, "c0")

    def free(db: Db) -> None:
        db.execute("PRAGMA max_page_count = 1000000")

    await store._write(free)
    await store.commit(Commit("s0", 0, NOW, "c0", events=big))
    assert len(await store.events("s0")) == 50


async def test_of_those_that_share_a_transaction_one_that_fails_fails_alone(store: SqliteStore) -> None:
    entered, go = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hold(_: Db) -> None:
        loop.call_soon_threadsafe(entered.set)
        go.wait(10)

    held = asyncio.create_task(store._write(hold))
    await entered.wait()
    commits = [Commit("shop", 0, NOW, f"c{n}", events=(note(str(n)),)) for n in range(5)]
    tasks = [asyncio.create_task(store.commit(c)) for c in (*commits, Commit("mail", 0, NOW, events=(note(),)))]
    await asyncio.sleep(0)
    go.set()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    await held
    assert [type(d).__name__ for d in done] == ["Committed", *["Conflict"] * 4, "Committed"]
    assert [await knows(store, f"c{n}") for n in range(5)] == [True, False, False, False, False]
    assert await store.events("shop") == ((1, note("0")),)


async def test_a_write_is_carried_out_though_its_caller_was_cancelled(store: SqliteStore, path: Path) -> None:
    await put(store, shift(1))
    claimed = await take_one(store)
    for write in (
        store.commit(Commit("shop", 0, NOW, "kept", events=(note(),))),
        store.finish(claimed.id, "w"),
        store.put_message(MessageRef("k", "C1", "1.1")),
    ):
        task = asyncio.ensure_future(write)
        await asyncio.sleep(0)  # it begins
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await store.close()
    again = await SqliteStore.open(path)
    assert await knows(again, "kept")
    assert await again.message("k")
    assert await again.pending() == ()
    await again.close()


async def test_what_a_cancelled_claim_got_is_given_back(store: SqliteStore) -> None:
    await put(store, shift(1), read("1"))
    task = asyncio.ensure_future(store.claim("w", NOW, 1000, 10))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # The writer does things in order; after these two it has claimed, and given back.
    await store.put_message(MessageRef("k", "C1", "1.1"))
    await store.put_message(MessageRef("k", "C1", "1.1"))
    assert [c.attempts for c in await store.claim("v", NOW, 30, 10)] == [0, 0]


async def test_a_cancelled_open_frees_the_lock(path: Path) -> None:
    task = asyncio.ensure_future(SqliteStore.open(path))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    while True:
        try:
            store = await SqliteStore.open(path)
            break
        except StoreBroken:
            await asyncio.sleep(0)
    await store.close()


# what the file itself sees to


async def test_the_file_keeps_its_promises_against_a_hand_at_the_console(store: SqliteStore, path: Path) -> None:
    await store.commit(Commit("shop", 0, NOW, events=(note(),), effects=(shift(1), card()), rollout=rollout(1)))
    columns = "key, stream, lane, kind, priority, effect, coalesce, added_at, ready_at"
    for statement in (
        "UPDATE events SET at = 0",
        "DELETE FROM events",
        "INSERT INTO events SELECT * FROM events",
        "UPDATE rollouts SET service = 'mail'",
        f"INSERT INTO effects ({columns}) SELECT {columns} FROM effects WHERE coalesce = 0",
        f"INSERT INTO effects ({columns}) SELECT {columns} FROM effects WHERE coalesce = 1",
        "UPDATE effects SET state = 'lost'",
        "UPDATE effects SET priority = 'high'",
    ):
        with raw(path) as db, pytest.raises(sqlite3.IntegrityError):
            db.execute(statement)


async def test_wal_and_full_synchronisation_are_on(store: SqliteStore) -> None:
    def ask(db: Db) -> tuple[object, ...]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return tuple([db.execute(f"PRAGMA {name}").fetchone()[0] for name in names])

    assert await store._write(ask) == ("wal", 2, 1)


async def test_an_effect_nobody_can_read_fails_and_holds_nothing_up(store: SqliteStore, path: Path) -> None:
    await put(store, read("bad", "lane"), read("good", "lane"))
    with raw(path) as db:
        db.execute("""UPDATE effects SET effect = '{"@":"Teleport/1"}' WHERE key = 'read:R:bad'""")
    assert await take(store) == []
    assert [e.key for e in await take(store)] == ["read:R:good"]
    with raw(path) as db:
        state_, error = db.execute("SELECT state, error FROM effects WHERE key = 'read:R:bad'").fetchone()
    assert state_ == "failed"
    assert "Teleport" in error


async def test_an_event_nobody_can_read_is_an_error_that_names_the_file(store: SqliteStore, path: Path) -> None:
    with raw(path) as db:
        db.execute("""INSERT INTO events VALUES ('shop', 1, 0, NULL, '{"@":"Miracle/1"}')""")
    with pytest.raises(StoreBroken, match=r"bot\.db: unknown tag 'Miracle/1'"):
        await store.load("shop")


async def test_a_snapshot_nobody_can_read_is_left_out(store: SqliteStore, path: Path) -> None:
    await store.commit(Commit("shop", 0, NOW, events=(note(),), snapshot=state(1)))
    with raw(path) as db:
        db.execute("""UPDATE snapshots SET state = '{"@":"ServiceState/99"}'""")
    stored = await store.load("shop")
    assert (stored.snapshot, stored.events) == (None, ((1, note()),))


async def test_claiming_does_not_walk_what_is_done(store: SqliteStore) -> None:
    """And of what waits it reads the index alone."""
    plans: list[str] = []

    class Explained:
        def __init__(self, db: Db) -> None:
            self.conn = db.conn

        def execute(self, sql: str, given: Any = ()) -> sqlite3.Cursor:
            plans.append(" | ".join(row[3] for row in self.conn.execute(f"EXPLAIN QUERY PLAN {sql}", given)))
            return self.conn.execute(sql, given)

    await store._write(lambda db: outbox.claim(Explained(db), "w", NOW, 30, 9, ("SendAlert",), {"alerts": 1}))
    await store._write(lambda db: outbox.next_due(Explained(db), None))
    assert len(plans) == 2
    for plan in plans:
        assert "COVERING INDEX effects_waiting" in plan
        assert all("INDEX effects_" in step for step in plan.split(" | ") if step.endswith(" effects")), plan


async def test_pruning_goes_in_small_steps(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "PRUNE_AT_ONCE", 7)
    await store.commit(Commit("shop", 0, NOW, "c", measurements=tuple(measurement(NOW + n) for n in range(50))))
    assert await store.prune(NOW + 40) == 41
    assert len(await store.measurements(R1)) == 10


async def test_done_cards_are_pruned(store: SqliteStore, path: Path) -> None:
    effect = NewEffect(Tell("R", 1, note(), False), "thread", 0.0)
    for _ in range(3):
        await put(store, card(), effect)
        for claimed in await store.claim("w", NOW, 30, 10):
            await store.finish(claimed.id, "w")
    await store.prune(NOW + 1)
    with raw(path) as db:
        assert db.execute("SELECT key FROM effects").fetchall() == [("tell:R:1",)]


async def test_conflicts_of_a_race_past_the_check_are_conflicts(store: SqliteStore) -> None:
    def twice(db: Db) -> None:
        for _ in range(2):
            db.execute("INSERT INTO events VALUES ('shop', 1, 0, NULL, '{}')")

    with pytest.raises(Conflict):
        await store._write(twice)
