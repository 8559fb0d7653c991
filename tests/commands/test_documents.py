"""What docs/commands.md says can be typed is what can be typed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from commands.registry import BY_NAME, COMMANDS

ROWS = re.findall(
    r"^\| (`.+?) \| (.*?) \|", (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8"), re.M
)
TYPED = [(typed, also) for names, also in ROWS if set(typed := re.findall(r"`([a-z]+)", names)) & set(BY_NAME)]


def test_every_command_is_there() -> None:
    written = {word for typed, _ in TYPED for word in typed}
    assert written == {command.name for command in COMMANDS}


@pytest.mark.parametrize(("typed", "also"), TYPED)
def test_its_other_names_are_understood(typed: list[str], also: str) -> None:
    command = BY_NAME[typed[0]]
    assert set(re.findall(r"`([^`]+)`", also)) <= set(command.aliases)
