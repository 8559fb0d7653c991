"""`rollout-bot backup`: what a person types, sees and gets."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import cli, main
from tests.release.backup.kit import assert_whole, make_database

SERVICE = "brand-diagnosis"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The shipped configuration, its database and folder here."""
    folder = tmp_path / "config"
    shutil.copytree("config", folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    plan = folder / "services" / f"{SERVICE}.yaml"
    text = plan.read_text("utf-8")
    for old, new in (("/var/lib/brand-diagnosis", str(tmp_path)), ("/var/backups/rollout-bot", str(tmp_path / "b"))):
        assert old in text
        text = text.replace(old, new)
    plan.write_text(text, "utf-8")
    make_database(tmp_path / "brand-diagnosis.db")
    return folder


def typed(config: Path, *words: str):
    return CliRunner().invoke(cli, ["backup", *words, "--config", str(config)])


def test_taken_listed_restored(config, tmp_path):
    assert "no backups yet" in typed(config, "list").stderr
    taken = typed(config, "take", SERVICE)
    assert taken.exit_code == 0 and "app-db: " in taken.stdout and "integrity check ok" in taken.stdout, taken.output
    file = taken.stdout.splitlines()[-1]
    assert file in typed(config, "list", SERVICE).stdout
    (row,) = json.loads(typed(config, "list", "--json").stdout)
    assert (row["file"], row["name"]) == (file, "app-db")
    restored = CliRunner().invoke(cli, ["backup", "restore", file, "--to", str(tmp_path / "again.db")])
    assert restored.exit_code == 0 and "is restored to" in restored.stdout
    assert_whole(tmp_path / "again.db")


def test_a_refused_restore_is_one_line_and_exit_1(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["rollout-bot", "backup", "restore", "/nowhere.gz", "--to", str(tmp_path / "x")])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    assert capsys.readouterr().err == (
        "rollout-bot: there is no file /nowhere.gz; rollout-bot backup list names those there are\n"
    )


def test_what_does_not_count_is_said(config, tmp_path):
    file = Path(typed(config, "take", SERVICE, "app-db").stdout.splitlines()[-1])
    file.write_bytes(file.read_bytes()[:-1])
    listed = typed(config, "list")
    assert "does not count" in listed.stderr and file.name in listed.stderr and str(file) not in listed.stdout


@pytest.mark.parametrize(
    ("words", "mend"),
    [
        (("take", "brand-diagnose"), "did you mean `brand-diagnosis`?"),
        (("list", "brand-diagnose"), "did you mean `brand-diagnosis`?"),
        (("take", SERVICE, "appdb"), "did you mean `app-db`?"),
    ],
)
def test_a_name_that_is_not_there(config, words, mend):
    result = typed(config, *words)
    assert result.exit_code == 2 and mend in result.stderr


def test_one_that_fails_is_exit_1(config, tmp_path):
    (tmp_path / "brand-diagnosis.db").unlink()
    result = typed(config, "take", SERVICE)
    assert result.exit_code == 1 and "there is no database at" in result.stderr
