"""What only a file can do: be opened again, be locked, be killed over; and what goes wrong while it is open."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.engine.ports.records import Commit, MessageRef
from bot.rollout.effects import ShowCard
from bot.store import StoreBroken, StoreUnavailable, sqlite
from bot.store.schema import Db
from bot.store.sqlite import SqliteStore
from tests.store.killing import assert_whole, kill_while_it_writes
from tests.store.samples import (
    NOW,
    R1,
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


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    made = await SqliteStore.open(path)
    yield made
    await made.close()


def raw(path: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(path, isolation_level=None))


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
