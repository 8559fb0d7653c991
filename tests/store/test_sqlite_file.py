"""What is in the file: of other versions, of other programs, damaged; and what the file itself sees to."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.engine.ports.errors import Conflict
from bot.engine.ports.records import Commit, MessageRef, NewEffect
from bot.rollout.effects import Tell
from bot.store import StoreBroken, journal, outbox, schema
from bot.store.schema import Db
from bot.store.sqlite import SqliteStore
from tests.store.samples import NOW, R1, card, knows, measurement, note, put, read, rollout, shift, state, take


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
