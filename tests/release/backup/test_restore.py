"""Putting a backup back: whole or not at all."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from bot.engine.ports.errors import Final
from bot.release.backup.restore import restore
from bot.release.backup.shelf import manifest_of
from tests.release.backup.kit import assert_whole


@pytest.fixture
async def data(backups_of, rule) -> Path:
    found = await backups_of(rule).take(rule, "k", {}, 1000.0)
    return Path(dict(found.facts)["file"])


def flip(data: Path) -> None:
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)


def forged(data: Path) -> None:
    """The sum of the compressed file is right, that of what is in it is not."""
    manifest = json.loads(manifest_of(data).read_text())
    manifest_of(data).write_text(json.dumps(manifest | {"plain_sha256": "0" * 64}))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (flip, "its sum is"),
        (lambda data: data.write_bytes(data.read_bytes()[:-20]), "its manifest says"),
        (forged, "unpacks to something else"),
        (lambda data: manifest_of(data).unlink(), "nobody can say that it is whole"),
        (lambda data: manifest_of(data).write_text("{}"), "is damaged"),
        (lambda data: manifest_of(data).write_text('["x"]'), "is damaged"),
        (lambda data: data.unlink(), "there is no file"),
    ],
)
def test_a_corrupt_one_is_refused_and_what_is_there_stays(data, tmp_path, spoil, words):
    target = tmp_path / "to" / "app.db"
    target.parent.mkdir()
    target.write_text("what is there")
    spoil(data)
    with pytest.raises(Final, match=words):
        restore(data, target, force=True)
    assert target.read_text() == "what is there"
    assert list(target.parent.iterdir()) == [target]


def test_not_over_what_is_there_without_force(data, tmp_path):
    target = tmp_path / "there.db"
    target.write_text("x")
    target.chmod(0o640)
    with pytest.raises(Final, match="add --force"):
        restore(data, target)
    assert target.read_text() == "x"
    restore(data, target, force=True)
    assert_whole(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@pytest.mark.parametrize("tail", ["-wal", "-journal"])
def test_never_beside_another_databases_log(data, tmp_path, tail):
    target = tmp_path / "there.db"
    log = tmp_path / f"there.db{tail}"
    log.write_text("x")
    with pytest.raises(Final, match=f"remove {log}"):
        restore(data, target, force=True)
    assert not target.exists() and log.exists()


def test_into_a_folder_and_by_its_manifest(data, tmp_path):
    (tmp_path / "to").mkdir()
    restore(manifest_of(data), tmp_path / "to")
    (found,) = (tmp_path / "to").iterdir()
    assert found.name == data.name.removesuffix(".gz")
    assert_whole(found)


def test_a_folder_that_is_not_there(data, tmp_path):
    with pytest.raises(Final, match="No such file or directory"):
        restore(data, tmp_path / "nowhere" / "app.db")
