"""Hearing of other replicas' commits, also over a connection that was lost."""

from __future__ import annotations

import asyncio

from bot.engine.ports.records import Commit
from bot.store.postgres import PostgresStore
from tests.postgres import Cluster
from tests.store.samples import NOW, note

LISTENING = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE 'LISTEN%' OR query = 'SELECT 1'"


class Heard:
    def __init__(self) -> None:
        self.all: list[str] = []
        self._more = asyncio.Event()

    def __call__(self, stream: str) -> None:
        self.all.append(stream)
        self._more.set()

    async def until(self, stream: str) -> None:
        async with asyncio.timeout(30):
            while stream not in self.all:
                self._more.clear()
                await self._more.wait()


async def test_a_replica_hears_what_another_commits(store: PostgresStore, other: PostgresStore) -> None:
    heard = Heard()
    await store.listen(heard)
    await other.commit(Commit("shop", 0, NOW, events=(note(),)))
    await heard.until("shop")
    assert heard.all == ["shop"]


async def test_after_a_lost_connection_anything_may_have_changed(
    store: PostgresStore, other: PostgresStore, cluster: Cluster
) -> None:
    heard = Heard()
    await store.listen(heard)
    assert cluster.execute(LISTENING) == [(True,)]
    await heard.until("")
    await other.commit(Commit("shop", 0, NOW, events=(note(),)))
    await heard.until("shop")


async def test_who_could_not_listen_at_first_is_told_when_he_can(store: PostgresStore, cluster: Cluster) -> None:
    heard = Heard()
    cluster.stop()
    try:
        await store.listen(heard)
    finally:
        cluster.start()
    await heard.until("")


async def test_a_closed_store_tells_nothing_more(store: PostgresStore, other: PostgresStore) -> None:
    heard, others = Heard(), Heard()
    await store.listen(heard)
    await other.listen(others)
    await store.close()
    await other.commit(Commit("shop", 0, NOW, events=(note(),)))
    await others.until("shop")
    assert heard.all == []
