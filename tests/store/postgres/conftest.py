from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.store.postgres import PostgresStore


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[PostgresStore]:
    made = await PostgresStore.open(database_url)
    yield made
    await made.close()


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[PostgresStore]:
    """Another replica's, on the same database."""
    made = await PostgresStore.open(database_url)
    yield made
    await made.close()
