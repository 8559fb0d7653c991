"""From SQLite to PostgreSQL and back: all of it, or nothing."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from bot.engine.ports.records import Commit, MessageRef
from bot.engine.ports.store import Store
from bot.store import StoreBroken, moving
from bot.store.moving import TABLES, move
from bot.store.opening import open_side, open_store
from bot.store.sqlite import SqliteStore
from tests.postgres import PASSWORD, QUOTED, Cluster
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
)

ROOT = Path(__file__).parents[2]
R1 = f"ROLLOUT-{DAY}-1"


async def fill(store: Store) -> None:
    """With a row of everything, in every state."""
    await store.lead("shop", "dead", 1e9)
    await put(store, card("waits", "a"), read("done"), read("failed"), shift(1, "b"), read("retried", due_at=NOW))
    for claimed in await store.claim("dead", NOW, 30, 10, ("ReadFleet",), {"shop": 1}):
        if "done" in claimed.key:
            await store.finish(claimed.id, claimed.owner)
        elif "failed" in claimed.key:
            await store.fail(claimed.id, claimed.owner, "失败 \\ \t\n\x00 \ud800")
        else:
            await store.retry(claimed.id, claimed.owner, NOW + 9.25, "")
    await store.claim("dead", NOW, 30, 10, ("ShiftTraffic",), {"shop": 1})
    many = tuple(measurement(NOW + n / 7, value=None if n % 5 == 0 else n / 3) for n in range(100))
    await store.commit(
        Commit("shop", 0, NOW, "c", (note("灰度 \\N \t"), note("b")), (), board(0.1), many, rollout=rollout(1))
    )
    await store.commit(Commit("shop", 2, NOW, events=(note("c"),), snapshot=state(2), rollout=rollout(2)))
    await store.commit(Commit("Zed", 0, NOW, "Z", (note("d"),)))
    await store.commit(Commit("älter", 0, NOW, "ä", (note("e"),), measurements=(measurement(float("inf")),)))
    await store.put_message(MessageRef("k", "C1", "1.1", "d"))
    await store.put_message(MessageRef("l", "C1", "1.1"))


async def answers(store: Store) -> list[object]:
    """All that can be asked of it."""
    return [
        await store.streams(),
        [await store.load(stream) for stream in await store.streams()],
        [await store.events(stream) for stream in await store.streams()],
        [await knows(store, cause) for cause in ("c", "Z", "ä", "x")],
        [replace(c) for c in await store.pending()],
        await store.failed(),  # type: ignore[attr-defined]
        await store.next_due(),
        await store.board(R1, "1%"),
        await store.measurements(R1),
        await store.rollouts(),
        await store.next_rollout_number(DAY),
        [await store.message_at("C1", "1.1"), await store.message("k")],
    ]


@pytest.fixture
def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def do_move(source: str, target: str) -> tuple[moving.Moved, ...]:
    return move(open_side(source, source=True), open_side(target, source=False))


def count(cluster: Cluster, url: str) -> int:
    names = (f"(SELECT count(*) FROM {table.name})" for table in TABLES)
    (row,) = cluster.execute(f"SELECT {' + '.join(names)}", url.rpartition("/")[2])
    return int(str(row[0]))


async def asked(url: str) -> list[object]:
    store = await open_store(url)
    try:
        return await answers(store)
    finally:
        await store.close()


@pytest.fixture
def filled(sqlite_url: str) -> Iterator[str]:

    async def make() -> None:
        store = await open_store(sqlite_url)
        await fill(store)
        await store.close()

    asyncio.run(make())
    yield sqlite_url


def test_there_and_back_again(filled: str, database_url: str, folder: Path) -> None:

    back = f"sqlite:///{folder}/back.db"
    before = asyncio.run(asked(filled))
    there = do_move(filled, database_url)
    assert asyncio.run(asked(database_url)) == before
    assert do_move(database_url, back) == there
    assert asyncio.run(asked(back)) == before
    assert asyncio.run(asked(filled)) == before, "the source is as it was"
    assert {one.table: one.rows for one in there} == {
        "events": 5, "snapshots": 1, "causes": 3, "effects": 5, "boards": 1, "measurements": 101, "rollouts": 2,
        "messages": 2, "leads": 1,
    }  # fmt: skip


def test_the_bot_goes_on_where_it_was(filled: str, database_url: str) -> None:

    async def go_on() -> None:
        store = await open_store(database_url)
        assert await store.leads() == (), "nobody holds what a dead process held for ever"
        lead = await store.lead("shop", "new", 1000)
        assert lead and lead.epoch == 2, "and its epoch is above the last"
        found = await store.claim("new", NOW, 30, 10, epochs={"shop": 2})
        assert [c.key for c in found] == ["shift:R:1", "card:waits"]
        last = max(c.id for c in await store.pending())
        await put(store, read("next"))
        assert max(c.id for c in await store.pending()) > last
        await store.commit(Commit("shop", 3, NOW, events=(note(),), rollout=rollout(3), measurements=(measurement(1),)))
        await store.put_message(MessageRef("m", "C1", "1.1"))
        assert await store.message_at("C1", "1.1") == MessageRef("m", "C1", "1.1")
        await store.close()

    do_move(filled, database_url)
    asyncio.run(go_on())


def test_a_target_that_is_not_empty_is_left_as_it_is(filled: str, database_url: str, cluster: Cluster) -> None:
    with psycopg.connect(database_url) as db:
        db.execute("INSERT INTO leads VALUES ('x', '', 1, 0)")
    with pytest.raises(StoreBroken, match=r"not empty \(leads\): move into a new, empty database"):
        do_move(filled, database_url)
    assert count(cluster, database_url) == 1


async def test_databases_in_use_are_refused(
    sqlite_url: str, database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.postgres.moving.GONE_WITHIN", 0.1)

    old, new = await open_store(sqlite_url), await open_store(database_url)
    await new.now()
    for source, target, words in (
        (sqlite_url, f"sqlite:///{folder}/new.db", "another bot uses this database"),
        (database_url, f"sqlite:///{folder}/new.db", r"others have it open \(rollout-bot\): stop them first"),
    ):
        with pytest.raises(StoreBroken, match=words):
            await asyncio.to_thread(do_move, source, target)
    await old.close()
    with pytest.raises(StoreBroken, match="others have it open"):
        await asyncio.to_thread(do_move, sqlite_url, database_url)
    await new.close()


def test_nothing_comes_of_nothing(database_url: str, sqlite_url: str, folder: Path, path: Path) -> None:
    with pytest.raises(StoreBroken, match="no such file"):
        do_move(sqlite_url, database_url)
    assert not path.exists()
    with pytest.raises(StoreBroken, match="nothing to move"):
        do_move(database_url, sqlite_url)


def test_what_does_not_come_out_alike_is_not_moved(
    filled: str, database_url: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(database_url) as db:  # as a trigger of somebody's might do it
        db.execute("""CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN NEW.digest = 'other'; RETURN NEW; END $$""")
        db.execute("CREATE TRIGGER meddle BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION meddle()")
    with pytest.raises(StoreBroken, match=r"messages came out as 2 rows .* nothing was moved"):
        do_move(filled, database_url)
    assert count(cluster, database_url) == 0


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot", "migrate-store", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ, timeout=120, check=False)


def test_the_command_prints_what_it_moved_and_never_a_password(filled: str, database_url: str) -> None:
    done = run(filled, database_url)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == [table.name for table in TABLES]
    assert "now set DATABASE_URL" in lines[-1]
    again = run(filled, database_url)
    assert (again.returncode, again.stdout) == (2, "")
    assert "not empty" in again.stderr and "nothing was moved" in again.stderr
    wrong = run(filled, database_url.replace(QUOTED, PASSWORD))
    assert wrong.returncode == 2 and "%2F" in wrong.stderr
    for text in (done.stdout, done.stderr, again.stderr, wrong.stderr):
        assert PASSWORD not in text and QUOTED not in text


def test_every_table_and_column_of_both_databases_is_moved(path: Path, database_url: str) -> None:

    async def make() -> None:
        await (await SqliteStore.open(path)).close()

    asyncio.run(make())
    named = {(table.name, column) for table in TABLES for column in table.columns}
    with sqlite3.connect(path) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {(t, row[1]) for t in tables if t != "sqlite_sequence" for row in db.execute(f"PRAGMA table_info({t})")}
    assert found == named
    with psycopg.connect(database_url) as conn:
        columns = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        there = set(conn.execute(columns).fetchall())
    assert there - {("rollout_bot", "version")} == named
