"""What goes wrong between the bot and its database: restarts, frozen servers, locks, refusals, cancelled callers."""

from __future__ import annotations

import asyncio
import signal
import socket
import traceback
from collections.abc import Awaitable, Callable, Iterator

import psycopg
import pytest

from bot.engine.ports.records import Commit, MessageRef
from bot.store import StoreBroken, StoreUnavailable
from bot.store.postgres import PostgresStore, server
from bot.store.postgres.errors import place, translate
from tests.postgres import Cluster
from tests.store.samples import NOW, knows, note, put, read, shift, take_one


@pytest.fixture
def interrupted(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, running again afterwards whatever the test did to it."""
    yield cluster
    if not cluster.running:
        cluster.start()


async def until(ask: Callable[[], Awaitable[object]]) -> None:
    """Asks until the store answers."""
    async with asyncio.timeout(60):
        while True:
            try:
                await ask()
                return
            except StoreUnavailable:
                await asyncio.sleep(0.01)


async def test_while_the_server_is_away_calls_fail_and_afterwards_all_is_as_before(
    store: PostgresStore, interrupted: Cluster
) -> None:
    await store.commit(Commit("shop", 0, NOW, "before", events=(note(),)))
    interrupted.stop()
    for use in (store.commit(Commit("shop", 1, NOW, "away", events=(note(),))), store.load("shop"), store.now()):
        with pytest.raises(StoreUnavailable):
            await use
    with pytest.raises(StoreUnavailable, match=r"refused"):  # the reason, not only that it took long
        await store.load("shop")
    interrupted.start()
    await until(lambda: store.commit(Commit("shop", 1, NOW, "after", events=(note(),))))
    assert len(await store.events("shop")) == 2
    assert not await knows(store, "away")


async def test_a_restart_that_nobody_saw_costs_nothing(
    store: PostgresStore, interrupted: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "FRESH", 0.0)
    await asyncio.gather(*(store.now() for _ in range(20)))  # as many connections as there can be
    interrupted.stop()
    interrupted.start()
    await store.commit(Commit("shop", 0, NOW, events=(note(),)))


async def test_a_frozen_server_fails_calls_and_goes_on_when_it_thaws(
    store: PostgresStore, interrupted: Cluster
) -> None:
    await store.commit(Commit("shop", 0, NOW, events=(note(),)))
    try:
        interrupted.signal(signal.SIGSTOP)
        found = await asyncio.gather(*(store.load("shop") for _ in range(3)), return_exceptions=True)
    finally:
        interrupted.signal(signal.SIGCONT)
    assert [type(answer) for answer in found] == [StoreUnavailable] * 3
    await until(lambda: store.load("shop"))


async def test_a_row_that_another_holds_is_not_waited_for_without_end(store: PostgresStore, database_url: str) -> None:
    with psycopg.connect(database_url) as theirs:
        theirs.execute("LOCK TABLE events IN EXCLUSIVE MODE")
        with pytest.raises(StoreUnavailable, match="another transaction holds"):
            await store.commit(Commit("shop", 0, NOW, "c", events=(note(),)))
        assert await store.events("shop") == (), "reading goes on"
    await store.commit(Commit("shop", 0, NOW, "c", events=(note(),)))


async def test_what_the_server_gave_up_for_another_is_begun_anew(store: PostgresStore) -> None:
    tries = 0

    async def job(conn: object) -> int:
        nonlocal tries
        tries += 1
        if tries < server.TRIES:
            raise psycopg.errors.DeadlockDetected("they waited for each other")
        return tries

    assert await store._server.perform(job) == server.TRIES
    tries = -100
    with pytest.raises(StoreUnavailable, match="another transaction was in the way"):
        await store._server.perform(job)


async def test_a_write_is_carried_out_though_its_caller_was_cancelled(
    store: PostgresStore, other: PostgresStore
) -> None:
    await put(store, shift(1))
    claimed = await take_one(store)
    for write in (
        store.commit(Commit("shop", 0, NOW, "kept", events=(note(),))),
        store.finish(claimed.id, "w"),
        store.put_message(MessageRef("k", "C1", "1.1")),
    ):
        task = asyncio.ensure_future(write)
        await asyncio.sleep(0)  # it begins
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await store.close()
    assert await knows(other, "kept")
    assert await other.message("k")
    assert await other.pending() == ()


async def test_what_a_cancelled_claim_got_is_given_back(store: PostgresStore) -> None:
    await put(store, shift(1), read("1"))
    task = asyncio.ensure_future(store.claim("w", NOW, 1000, 10))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    while store._server._running:
        await asyncio.wait(store._server._running)
    assert [c.attempts for c in await store.claim("v", NOW, 30, 10)] == [0, 0]


async def test_a_closed_store_says_so(store: PostgresStore) -> None:
    await store.close()
    for use in (store.commit(Commit("shop", 0, NOW)), store.load("shop"), store.claim("w", NOW, 1, 1)):
        with pytest.raises(StoreUnavailable, match="closed"):
            await use


async def test_a_reader_looks_and_writes_nothing(store: PostgresStore, database_url: str) -> None:
    reader = await PostgresStore.open(database_url, read_only=True)
    await store.commit(Commit("shop", 0, NOW, events=(note(),)))
    assert await reader.events("shop") == ((1, note()),)
    for write in (reader.commit(Commit("shop", 1, NOW)), reader.claim("w", NOW, 1, 1), reader.lead("shop", "w", 1)):
        with pytest.raises(StoreBroken, match="reading only"):
            await write
    await reader.close()


# what it says when it cannot open, and never the password


def said(error: BaseException) -> str:
    """All that a log could show of it."""
    return "".join(traceback.format_exception(error))


async def refusal(url: str) -> Exception:
    with pytest.raises((StoreBroken, StoreUnavailable)) as caught:
        await PostgresStore.open(url)
    return caught.value


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("s3cret%2Fpass", "s3cret-wrong"), r"mend user and password"),
        (("bot:", "s3cret-nobody:"), r"mend user and password"),
        (("/postgres", "/nowhere"), r"there is no such database"),
        (("?", "?s3cret=1&"), r"write it as postgresql://"),
        (("s3cret%2Fpass", "s3cret/pass"), r"write it as postgresql://.*%2F"),
        (("s3cret%2Fpass", "s3cret@pa/ss"), r"write it as postgresql://.*%2F"),
        (("s3cret%2Fpass", "s3cret%zz"), r"write it as postgresql://"),
    ],
)
async def test_a_refusal_names_its_mend(cluster: Cluster, change: tuple[str, str], words: str) -> None:
    url = f"{cluster.url()}?application_name=x".replace(*change, 1)
    error = await refusal(url)
    assert isinstance(error, StoreBroken)
    with pytest.raises(StoreBroken, match=words):
        raise error
    assert "s3cret" not in said(error).replace("s3cret-nobody", "")


async def test_a_server_that_is_not_there_may_come_yet(cluster: Cluster) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        error = await refusal(cluster.url(port=taken.getsockname()[1]))
    assert isinstance(error, StoreUnavailable)
    assert "cannot be reached" in str(error)
    assert "s3cret" not in said(error)


def test_the_place_is_host_and_database() -> None:
    assert (
        place("postgresql://bot:s3cret@db.example.com:5433/rollouts?sslmode=require") == "db.example.com:5433/rollouts"
    )
    assert place("postgres://bot@a:1,b:2/rollouts") == "a,b:1,2/rollouts"
    with pytest.raises(StoreBroken):
        place("host=db password=s3cret")


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("57P01", StoreUnavailable, "stopping or starting"),
        ("57014", StoreUnavailable, "took too long"),
        ("53100", StoreUnavailable, "disk is full"),
        ("53200", StoreUnavailable, "lacks resources"),
        ("08006", StoreUnavailable, "connection was lost"),
        ("25006", StoreUnavailable, "standby"),
        ("40001", StoreUnavailable, "in the way"),
        ("42501", StoreBroken, "owner"),
        ("42P01", StoreBroken, "backup"),
        ("23514", StoreBroken, "a rule of the tables"),
        ("XX001", StoreBroken, "damaged"),
        ("22003", StoreBroken, "refused"),
    ],
)
def test_errors_say_whether_trying_again_helps(code: str, kind: type[Exception], words: str) -> None:
    error = translate(psycopg.errors.lookup(code)("some words\nand more"), "db/x")
    assert type(error) is kind
    assert words in str(error) and "and more" not in str(error)
