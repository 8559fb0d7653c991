"""A store per test; files lie in memory where that is possible, since a test machine's disk proves nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from bot.store.postgres import server

pytest.register_assert_rewrite("tests.store.contract")


@pytest.fixture
def folder() -> Iterator[Path]:
    shm = "/dev/shm"
    made = Path(tempfile.mkdtemp(prefix="store-", dir=shm if os.access(shm, os.W_OK) else None))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def patient_url(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database of the test's own that may take its time: what is asked is whether its answers are right."""
    monkeypatch.setattr(server, "PATIENCE", 120.0)
    limits = ("statement_timeout=0", "lock_timeout=0", "idle_in_transaction_session_timeout=0", "deadlock_timeout=100")
    return f"{database_url}?options={quote(' '.join(f'-c{limit}' for limit in limits))}"


@pytest.fixture
def path(folder: Path) -> Path:
    return folder / "bot.db"
