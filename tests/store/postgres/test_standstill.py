"""A replica that stands still in the midst of a transaction, with the row of the lead in its hand."""

from __future__ import annotations

import asyncio
import contextlib

import psycopg

from bot.engine.ports.records import Lead
from bot.store.errors import StoreUnavailable
from bot.store.postgres import PostgresStore
from bot.store.postgres.server import Server


async def test_it_does_not_keep_the_lead_from_others(database_url: str) -> None:
    store = await PostgresStore.open(database_url)
    still = await psycopg.AsyncConnection.connect(Server(database_url).conninfo, autocommit=True)
    try:
        assert await store.lead("svc", "frozen", 0.1)
        with contextlib.suppress(psycopg.OperationalError):
            # Without an end of the pipeline the session counts as active: no limit of the server's applies to it.
            async with still.pipeline():
                await still.execute("BEGIN")
                row = await still.execute("SELECT epoch FROM leads WHERE stream = 'svc' FOR SHARE")
                assert await row.fetchone() == (1,)
                lead = await _until_taken(store)
        assert lead.epoch == 2
    finally:
        await still.close()
        await store.close()


async def _until_taken(store: PostgresStore) -> Lead:
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(StoreUnavailable):
                if lead := await store.lead("svc", "other", 10.0):
                    return lead
            await asyncio.sleep(0.1)
