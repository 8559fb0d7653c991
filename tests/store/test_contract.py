"""The contract, in memory and in SQLite."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.engine.ports import Store
from bot.store.memory import MemoryStore
from bot.store.sqlite import SqliteStore
from tests.store.contract import StoreContract


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, path: Path) -> AsyncIterator[Store]:
    made: Store = MemoryStore() if request.param == "memory" else await SqliteStore.open(path)
    yield made
    await made.close()
    await made.close()


class TestStores(StoreContract):
    pass
