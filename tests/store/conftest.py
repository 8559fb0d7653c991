"""A store per test; files lie in memory where that is possible, since a test machine's disk proves nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.store.contract")


@pytest.fixture
def folder() -> Iterator[Path]:
    shm = "/dev/shm"
    made = Path(tempfile.mkdtemp(prefix="store-", dir=shm if os.access(shm, os.W_OK) else None))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def path(folder: Path) -> Path:
    return folder / "bot.db"
