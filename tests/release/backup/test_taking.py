"""What counts as a backup, what does not, and what is left of the latter: nothing."""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bot.release.backup.restore import restore
from bot.release.backup.shelf import Shelf, manifest_of
from bot.rollout.runbook import BackupRule
from bot.rollout.work import Outcome
from tests.release.backup.kit import SERVICE, assert_whole, make_database

DAY = 86400.0
NOW = 1_800_000_000.0


def files(folder: str | Path) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir() if not path.name.startswith(".lock."))


def data_of(found) -> Path:
    assert found.outcome is Outcome.PASSED, found
    return Path(dict(found.facts)["file"])


async def test_a_backup_its_manifest_and_nothing_else(backups_of, rule):
    found = await backups_of(rule).take(rule, "work:1", {}, NOW)
    data = data_of(found)
    assert files(rule.folder) == [data.name, data.name + ".json"]
    assert data.name.startswith("brand-diagnosis.app-db.20270115T080000Z.") and data.suffix == ".gz"
    manifest = json.loads(manifest_of(data).read_text())
    assert (manifest["key"], manifest["taken_at"], manifest["source"]) == ("work:1", NOW, rule.sqlite)
    assert "integrity check ok" in found.summary and dict(found.facts)["sha256"] == manifest["sha256"]
    assert stat.S_IMODE(data.stat().st_mode) == 0o600 and stat.S_IMODE(data.parent.stat().st_mode) == 0o700
    assert await backups_of(rule).newest(SERVICE, "app-db") == (NOW, data.stat().st_size)
    with gzip.open(data) as file:
        assert file.read(15) == b"SQLite format 3", "any tool opens it"


async def test_the_same_key_is_not_taken_twice(backups_of, rule, database):
    first = await backups_of(rule).take(rule, "k", {}, NOW)
    database.unlink()
    assert await backups_of(rule).take(rule, "k", {}, NOW + DAY) == first


async def test_two_at_once_take_turns(backups_of, rule):
    backups = backups_of(rule)
    one, same, other = await asyncio.gather(*(backups.take(rule, key, {}, NOW) for key in ("k", "k", "other")))
    assert data_of(one) == data_of(same) != data_of(other)
    assert len(files(rule.folder)) == 4


async def test_nobody_knows_a_backup_that_is_not_there(backups_of, rule):
    assert await backups_of(rule).newest(SERVICE, "app-db") is None
    assert await backups_of(rule).newest(SERVICE, "other") is None
    assert await backups_of(rule).newest("other", "app-db") is None


async def there(path: Path) -> None:
    """Once the file is there."""
    async with asyncio.timeout(30):
        while not path.exists():  # noqa: ASYNC110, ASYNC240 (another process makes it)
            await asyncio.sleep(0.01)


# What cannot be backed up


@pytest.mark.parametrize(
    ("spoil", "outcome", "words"),
    [
        (lambda db: db.unlink(), Outcome.NOT_RUNNABLE, "there is no database at"),
        (lambda db: db.write_bytes(b"not a database at all" * 500), Outcome.NOT_RUNNABLE, "as an SQLite database"),
        (lambda db: db.write_bytes(b""), Outcome.NOT_RUNNABLE, "has no tables: is this the path?"),
        (lambda db: scribble(db), Outcome.FAILED, "damaged"),
    ],
)
async def test_a_database_that_is_not_whole(backups_of, rule, tmp_path, spoil, outcome, words):
    database = make_database(tmp_path / "old.db", wal=False, filler=100_000)
    rule = replace(rule, sqlite=str(database))
    kept = data_of(await backups_of(rule).take(rule, "old", {}, NOW))
    spoil(database)
    found = await backups_of(rule).take(rule, "new", {}, NOW + 10 * DAY)
    assert (found.outcome, words in found.summary) == (outcome, True), found
    assert files(rule.folder) == [kept.name, kept.name + ".json"], "too old, and yet the only one that counts"


def scribble(database: Path) -> None:
    """Over the head of the index, which a plain read of the tables would not notice."""
    with sqlite3.connect(database) as db:
        db.executemany("INSERT INTO log (moved) VALUES (?)", [(i,) for i in range(2000)])
        size = db.execute("PRAGMA page_size").fetchone()[0]
        page = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'by_amount'").fetchone()[0]
    with open(database, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(bytes(8))


async def test_a_folder_that_cannot_be_written(backups_of, rule, tmp_path):
    (tmp_path / "file").write_text("in the way")
    rule = replace(rule, folder=str(tmp_path / "file" / "backups"))
    found = await backups_of(rule).take(rule, "k", {}, NOW)
    assert found.outcome is Outcome.NOT_RUNNABLE and "write there" in found.summary


# A command


def dump(tmp_path: Path, command: str, **changes: object) -> BackupRule:
    return replace(BackupRule("pg", str(tmp_path / "dumps"), command=command, deadline=20.0), **changes)


async def test_what_a_command_prints_is_the_backup(backups_of, tmp_path):
    rule = dump(tmp_path, 'echo "dump of $ROLLOUT_SERVICE"; echo talk >&2')
    data = data_of(await backups_of(rule).take(rule, "k", {"ROLLOUT_SERVICE": SERVICE}, NOW))
    restore(data, tmp_path / "dump.sql")
    assert (tmp_path / "dump.sql").read_text() == f"dump of {SERVICE}\n"


@pytest.mark.parametrize(
    ("command", "changes", "outcome", "words"),
    [
        ("echo half; echo no such table >&2; exit 3", {}, Outcome.FAILED, "exit 3: no such table"),
        ("true", {}, Outcome.FAILED, "printed nothing"),
        ("echo begun; exec sleep 60", {"deadline": 0.5}, Outcome.TIMED_OUT, "s"),
        ("echo x", {"machine": "elsewhere"}, Outcome.NOT_RUNNABLE, "there is no machine"),
        ("echo x", {"verify": "echo rotten >&2; false"}, Outcome.FAILED, "verify: exit 1"),
        ("echo x", {"verify": "grep -q y"}, Outcome.FAILED, "verify: exit 1"),
    ],
)
async def test_a_command_that_gives_no_backup(backups_of, tmp_path, command, changes, outcome, words):
    rule = dump(tmp_path, command, **changes)
    found = await backups_of(rule).take(rule, "k", {}, NOW)
    assert (found.outcome, words in found.summary) == (outcome, True), found
    assert files(rule.folder) == []


async def test_verify_gets_the_restored_copy(backups_of, tmp_path):
    rule = dump(tmp_path, "echo x", verify="grep -q x")
    found = await backups_of(rule).take(rule, "k", {}, NOW)
    assert "verify passed" in found.summary and data_of(found).exists()


async def test_a_cancelled_take_leaves_nothing(backups_of, tmp_path):
    began = tmp_path / "began"
    rule = dump(tmp_path, f"echo x; touch {began}; exec sleep 60")
    task = asyncio.create_task(backups_of(rule).take(rule, "k", {}, NOW))
    await there(began)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert files(rule.folder) == []


# What is kept


async def test_what_is_older_than_keep_goes_but_never_the_newest(backups_of, rule):
    backups = backups_of(rule)
    taken = [data_of(await backups.take(rule, f"k{day}", {}, NOW + day * DAY)) for day in range(10)]
    assert [data.exists() for data in taken] == [False] * 2 + [True] * 8
    last = data_of(await backups.take(rule, "much later", {}, NOW + 90 * DAY))
    assert files(rule.folder) == [last.name, last.name + ".json"]


async def test_a_damaged_one_does_not_count_as_the_newest(backups_of, rule):
    backups = backups_of(rule)
    old = data_of(await backups.take(rule, "old", {}, NOW))
    new = data_of(await backups.take(rule, "new", {}, NOW + DAY))
    manifest_of(new).write_text("{")
    assert await backups.newest(SERVICE, "app-db") == (NOW, old.stat().st_size)
    shelf = Shelf(Path(rule.folder), SERVICE, "app-db")
    assert [new.name in said for said in shelf.problems()] == [True]
    assert shelf.prune(NOW + 90 * DAY) == [], "the only one that counts"
    assert new.exists(), "a person may still know what is in it"


async def test_two_services_share_a_folder(runner, rule):
    from bot.release.backup.taking import Backups

    for service in ("a", "a-b"):
        await Backups(service, (rule,), runner).take(rule, "k", {}, NOW)
    await Backups("a", (rule,), runner).take(rule, "later", {}, NOW + 90 * DAY)
    assert sorted(name.split(".")[0] for name in files(rule.folder) if name.endswith(".gz")) == ["a", "a-b"]


# The disk full, the bot killed


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    run = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], capture_output=True, text=True)
    if run.returncode:
        pytest.skip(f"no file system can be mounted here: {run.stderr}")
    yield disk
    subprocess.run(["umount", disk], check=True)


async def test_the_disk_full_in_the_middle_leaves_the_old_ones(backups_of, small_disk, tmp_path):
    database = make_database(tmp_path / "small.db")
    rule = BackupRule("app-db", str(small_disk / "backups"), sqlite=str(database))
    old = data_of(await backups_of(rule).take(rule, "old", {}, NOW))
    left = shutil.disk_usage(small_disk).free
    for filler, step in ((1_600_000, "packing"), (5_000_000, "not even begun")):
        database.unlink()
        make_database(database, wal=False, filler=filler)
        found = await backups_of(rule).take(rule, step, {}, NOW + 90 * DAY)
        assert found.outcome is Outcome.FAILED and "no space left in" in found.summary, (step, found)
        assert files(rule.folder) == [old.name, old.name + ".json"]
        assert shutil.disk_usage(small_disk).free == left, "no litter"
    restore(old, tmp_path / "restored.db")
    assert_whole(tmp_path / "restored.db")


@pytest.mark.parametrize("command", ["head -c 5000000 /dev/urandom", "head -c 20000000 /dev/zero"])
async def test_the_disk_full_under_a_command(backups_of, small_disk, command):
    """The first does not fit packed, the second not restored."""
    rule = BackupRule("pg", str(small_disk / "backups"), command=command)
    found = await backups_of(rule).take(rule, "k", {}, NOW)
    assert found.outcome is Outcome.FAILED and "no space left in" in found.summary, found
    assert files(rule.folder) == []


_KILLED = """
import asyncio, sys
from bot.release.backup.taking import Backups
from bot.release.runner.run import ShellRunner
from bot.rollout.plan import FleetPlan
from bot.rollout.runbook import BackupRule
rule = BackupRule("app-db", sys.argv[1], sqlite=sys.argv[2], verify=sys.argv[3])
runner = ShellRunner(FleetPlan("local", ()), (), {"PATH": "/usr/bin:/bin"})
asyncio.run(Backups("brand-diagnosis", (rule,), runner).take(rule, "k", {}, 1.0))
"""


async def test_kill_9_in_the_middle_is_cleaned_up_by_the_next(backups_of, rule, tmp_path):
    old = data_of(await backups_of(rule).take(rule, "old", {}, NOW))
    began = tmp_path / "began"
    verify = f"touch {began}; exec sleep 60 #"
    bot = await asyncio.create_subprocess_exec(sys.executable, "-c", _KILLED, rule.folder, rule.sqlite, verify)
    await there(began)
    bot.kill()
    await bot.wait()
    assert [name for name in files(rule.folder) if name.startswith(".partial")], "it was in the middle"
    assert await backups_of(rule).newest(SERVICE, "app-db") == (NOW, old.stat().st_size)
    new = data_of(await backups_of(rule).take(rule, "k", {}, NOW + 1))
    assert files(rule.folder) == sorted([old.name, old.name + ".json", new.name, new.name + ".json"])


async def test_killed_between_manifest_and_data(backups_of, rule):
    data = data_of(await backups_of(rule).take(rule, "k", {}, NOW))
    data.unlink()
    assert await backups_of(rule).newest(SERVICE, "app-db") is None
    again = data_of(await backups_of(rule).take(rule, "k", {}, NOW + 1))
    assert files(rule.folder) == [again.name, again.name + ".json"]
