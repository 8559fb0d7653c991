"""Databases that are empty, old, newer, another program's, or of a kind that will not do."""

from __future__ import annotations

import asyncio

import pytest

from bot.engine.ports.records import MessageRef
from bot.store import StoreBroken
from bot.store.errors import NoDatabase
from bot.store.postgres import PostgresStore, schema
from tests.postgres import Cluster


@pytest.fixture
def empty(cluster: Cluster) -> str:
    return cluster.create()


def tables(cluster: Cluster, name: str) -> list[tuple[object, ...]]:
    return cluster.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1", name)


async def test_replicas_that_begin_on_an_empty_database_at_once_all_get_it(cluster: Cluster, empty: str) -> None:
    stores = await asyncio.gather(*(PostgresStore.open(cluster.url(empty)) for _ in range(4)))
    for n, store in enumerate(stores):
        await store.put_message(MessageRef(f"k{n}", "C1", "1.1"))
    assert await stores[0].message("k3")
    await asyncio.gather(*(store.close() for store in stores))
    assert cluster.execute("SELECT version FROM rollout_bot", empty) == [(len(schema.MIGRATIONS),)]


async def test_a_reader_makes_nothing(cluster: Cluster, empty: str) -> None:
    with pytest.raises(NoDatabase, match="start the bot once"):
        await PostgresStore.open(cluster.url(empty), read_only=True)
    assert tables(cluster, empty) == []


async def test_a_migration_is_applied_once_and_keeps_the_rows(
    store: PostgresStore, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.put_message(MessageRef("k", "C1", "1.1"))
    more = ("ALTER TABLE messages ADD COLUMN thread text NOT NULL DEFAULT ''",)
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, more))
    with pytest.raises(StoreBroken, match="older than this bot"):
        await PostgresStore.open(database_url, read_only=True)
    for _ in range(2):
        again = await PostgresStore.open(database_url)
        assert await again.message("k") == MessageRef("k", "C1", "1.1")
        await again.close()


async def test_a_migration_that_fails_changes_nothing(
    cluster: Cluster, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, ("ALTER TABLE nowhere ADD COLUMN b text",)))
        with pytest.raises(StoreBroken, match="nowhere"):
            await PostgresStore.open(cluster.url(empty))
    assert tables(cluster, empty) == []
    await (await PostgresStore.open(cluster.url(empty))).close()


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_newer_database_is_refused(cluster: Cluster, database_url: str, read_only: bool) -> None:
    cluster.execute("UPDATE rollout_bot SET version = 99", database_url.rpartition("/")[2])
    with pytest.raises(StoreBroken, match=r"schema 99, this version of the bot knows \d+: run the newer version"):
        await PostgresStore.open(database_url, read_only=read_only)


@pytest.mark.parametrize("read_only", [False, True])
async def test_the_database_of_another_program_is_refused_and_left_alone(
    cluster: Cluster, empty: str, read_only: bool
) -> None:
    cluster.execute("CREATE TABLE events (theirs text)", empty)
    with pytest.raises(StoreBroken, match="another program"):
        await PostgresStore.open(cluster.url(empty), read_only=read_only)
    assert tables(cluster, empty) == [("events",)]


async def test_an_encoding_that_cannot_hold_every_name_is_refused(cluster: Cluster) -> None:
    name = cluster.create(ENCODING="'LATIN1'")
    with pytest.raises(StoreBroken, match=r"LATIN1: create one with ENCODING 'UTF8'"):
        await PostgresStore.open(cluster.url(name))


async def test_a_user_without_rights_is_told_what_it_needs(cluster: Cluster, empty: str) -> None:
    cluster.execute("DROP ROLE IF EXISTS guest")
    cluster.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    cluster.execute("REVOKE CREATE ON SCHEMA public FROM public", empty)
    url = cluster.url(empty).replace("bot:", "guest:", 1).replace(":s3cret%2Fpass@", ":guest@")
    with pytest.raises(StoreBroken, match="owner of the database"):
        await PostgresStore.open(url)
