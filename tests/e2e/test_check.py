"""`rollout-bot check` as an operator sees it: exit status, and one line an error that names the mend."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import config
from tests.e2e.kit import run

LINE = re.compile(r"(?P<file>[^:]+\.yaml):(?P<line>\d+): (?P<what>.+) — (?P<mend>.+)")
SERVICE = "brand-diagnosis.yaml"
# (file, what stands there, what is written instead, a word of the line that must come out)
MISTAKES = [
    (SERVICE, "channel: releases", "chanel: releases", "chanel"),
    (SERVICE, 'stable_version: "2.0.0"', "stable_version: 2.0", "stable_version"),
    (SERVICE, "interval: 15s", "interval: 15", "interval"),
    (SERVICE, "    weight: 10\n", "    weight: 110\n", "110"),
    (SERVICE, "gates: [error_rate < 2%", "gates: [eror_rate < 2%", "eror_rate"),
    (SERVICE, "from: [release-managers], expires", "from: [release-mangers], expires", "release-mangers"),
    ("people.yaml", "users: [lin, wang, zhao]", "users: [lin, wang, nobody]", "nobody"),
    ("bot.yaml", "timezone: Asia/Shanghai", "timezone: Asia/Shangai", "Shangai"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    shutil.copytree(Path(config.__file__).parent, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return folder


def _break(folder: Path) -> dict[tuple[str, int], str]:
    """(file, line) -> the word, of every mistake made."""
    expected = {}
    for file, before, after, _word in MISTAKES:
        path = next(folder.rglob(file))
        text = path.read_text("utf-8")
        assert text.count(before) == 1, before
        path.write_text(text.replace(before, after), "utf-8")
    for file, _, after, word in MISTAKES:
        lines = next(folder.rglob(file)).read_text("utf-8").splitlines()
        number = next(n for n, line in enumerate(lines, 1) if after.strip() in line)
        expected[file, number] = word
    return expected


def test_the_shipped_configuration_is_sound(folder: Path) -> None:
    done = run("check", "--config", str(folder))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ok: brand-diagnosis (")


@pytest.mark.parametrize("command", ["check", "run"])
def test_every_mistake_at_once_each_with_its_place_and_mend(folder: Path, command: str) -> None:
    expected = _break(folder)
    done = run(command, "--config", str(folder))
    assert done.returncode == 2
    assert done.stdout == ""
    found = {}
    for line in done.stderr.splitlines():
        if command == "run" and not LINE.fullmatch(line):
            continue  # what is missing in the environment
        match = LINE.fullmatch(line)
        assert match, line
        found[Path(match["file"]).name, int(match["line"])] = match["what"]
    missing = {place: word for place, word in expected.items() if word not in found.get(place, "")}
    assert not missing, done.stderr


def test_what_is_missing_in_the_environment(folder: Path) -> None:
    env = {"SLACK_BOT_TOKEN": "", "SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": ""}
    done = run("check", "--slack", "--config", str(folder), env=env)
    assert done.returncode == 2
    assert "SLACK_BOT_TOKEN" in done.stderr


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    done = run("check", "--config", str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr
