"""Killed at every crash point, on a file of its own. A module for each store, so that two workers share them."""

from __future__ import annotations

import pytest

from tests.crash.promises import CrashPromises
from tests.crash.run import NewDatabase


@pytest.fixture(scope="module")
def new_database() -> NewDatabase:
    return lambda: ""


@pytest.mark.asyncio(loop_scope="module")
class TestOnSqlite(CrashPromises):
    store = "sqlite"
