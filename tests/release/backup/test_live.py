"""A database that another process writes to all the while is backed up whole."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from bot.release.backup.copying import copy_live
from bot.release.backup.restore import restore
from bot.rollout.work import Outcome
from tests.release.backup.kit import SERVICE, assert_whole, make_database, written


async def run(backups_of, rule, database, tmp_path, times):
    """How many rows each restored copy had."""
    backups, rows = backups_of(rule), []
    with written(database):
        for count in range(times):
            found = await backups.take(rule, f"key {count}", {}, 1000.0 + count)
            assert found.outcome is Outcome.PASSED, found
            restore(tmp_path / dict(found.facts)["file"], tmp_path / "restored.db", force=True)
            rows.append(assert_whole(tmp_path / "restored.db"))
    return rows


@pytest.mark.parametrize(("wal", "times"), [(True, 17), (False, 3)])
async def test_restores_whole_under_constant_writes(backups_of, rule, tmp_path, wal, times):
    database = make_database(tmp_path / "busy.db", wal=wal)
    rows = await run(backups_of, replace(rule, sqlite=str(database)), database, tmp_path, times)
    assert rows == sorted(rows) and rows[0] < rows[-1], "each is of a later moment"


@pytest.mark.long
@pytest.mark.parametrize(("wal", "times"), [(True, 800), (False, 200)])
async def test_a_thousand_times(backups_of, rule, tmp_path, wal, times):
    database = make_database(tmp_path / "busy.db", wal=wal)
    rule = replace(rule, sqlite=str(database), keep=100.0)
    rows = await run(backups_of, rule, database, tmp_path, times)
    assert rows == sorted(rows) and len(rows) == times
    assert 100 <= len(list((tmp_path / "backups").glob("*.gz"))) <= 102, "what is too old is gone"


@pytest.mark.parametrize("wal", [True, False])
def test_many_pieces_under_constant_writes(tmp_path, wal, monkeypatch):
    """A write between two pieces makes SQLite begin anew: the copy must end all the same."""
    monkeypatch.setattr("bot.release.backup.copying.PAGES", 8)
    database = make_database(tmp_path / "busy.db", wal=wal, filler=4_000_000)
    with written(database):
        for count in range(2):
            copy_live(database, tmp_path / f"copy-{count}", lambda: False)
            assert_whole(tmp_path / f"copy-{count}")


async def test_a_wal_that_nobody_has_checkpointed_is_in_it(backups_of, rule, database, tmp_path):
    with sqlite3.connect(database) as writer:
        writer.execute("INSERT INTO log (moved) VALUES (7)")
        writer.commit()
        assert (tmp_path / "app.db-wal").stat().st_size
        found = await backups_of(rule).take(rule, "k", {}, 1.0)
    restore(tmp_path / dict(found.facts)["file"], tmp_path / "restored.db")
    assert assert_whole(tmp_path / "restored.db") == 1
    assert SERVICE in dict(found.facts)["file"]
