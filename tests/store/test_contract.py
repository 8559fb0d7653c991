"""The contract, in memory, in SQLite and in PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.engine.ports.store import Store
from bot.store.memory import MemoryStore
from bot.store.postgres import PostgresStore
from bot.store.sqlite import SqliteStore
from tests.store.contract.beside import BesideContract
from tests.store.contract.leads import LeadContract
from tests.store.contract.log import LogContract
from tests.store.contract.outbox import OutboxContract


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, path: Path) -> AsyncIterator[Store]:
    made: Store
    if request.param == "memory":
        made = MemoryStore()
    elif request.param == "sqlite":
        made = await SqliteStore.open(path)
    else:
        made = await PostgresStore.open(request.getfixturevalue("patient_url"))
    yield made
    await made.close()
    await made.close()


class TestStores(LogContract, OutboxContract, BesideContract, LeadContract):
    pass
