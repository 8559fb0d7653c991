from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

SHIPPED = Path(__file__).parents[2] / "config"


@dataclass(frozen=True)
class Folder:
    """A copy of the shipped config that a test breaks."""

    path: Path

    def file(self, name: str) -> Path:
        return self.path / {"plan": "services/brand-diagnosis.yaml"}.get(name, name)

    def patch(self, name: str, old: str, new: str) -> Folder:
        text = self.file(name).read_text("utf-8")
        assert text.count(old) >= 1, f"{old!r} is not in {name}"
        self.file(name).write_text(text.replace(old, new, 1), "utf-8")
        return self

    def line(self, name: str, marker: str) -> int:
        """The line of the last place `marker` stands at."""
        text = self.file(name).read_text("utf-8")
        assert marker in text
        return text[: text.rindex(marker)].count("\n") + 1


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "config" / "services").mkdir(parents=True)
    for source in (*SHIPPED.glob("*.yaml"), *SHIPPED.glob("services/*.yaml")):
        shutil.copy(source, tmp_path / "config" / source.relative_to(SHIPPED))
    return Folder(tmp_path / "config")


@pytest.fixture
def shipped() -> Callable[[], Path]:
    return lambda: SHIPPED
