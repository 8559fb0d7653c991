"""Claims, leases, retries, preemption: the loop itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from bot.engine.ports import Claimed, Commit, Final, NewEffect, Retryable
from bot.engine.worker import CONCURRENCY, Worker
from bot.rollout.effects import ReadFleet, RestoreTraffic
from bot.store.memory import MemoryStore

Perform = Callable[[Claimed], Awaitable[bool]]


async def put(store: MemoryStore, serial: str, lane: str = "lane") -> None:
    effect = NewEffect(ReadFleet("R", serial), lane, 0.0)
    await store.commit(Commit("shop", 0, time.time(), effects=(effect,)))


@pytest.fixture
async def running() -> AsyncIterator[Callable[[MemoryStore, Perform], Worker]]:
    workers: list[Worker] = []

    def start(store: MemoryStore, perform: Perform) -> Worker:
        worker = Worker(store, perform, time.time, "me")
        worker.start()
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        await worker.stop()


async def drained(store: MemoryStore) -> None:
    async with asyncio.timeout(5):
        while await store.pending():  # noqa: ASYNC110 the store has no event
            await asyncio.sleep(0.005)


async def test_what_is_committed_is_performed_and_finished(running: Callable[..., Worker]) -> None:
    store, seen = MemoryStore(), []

    async def perform(claimed: Claimed) -> bool:
        seen.append(claimed.key)
        return False

    worker = running(store, perform)
    await put(store, "a")
    worker.wake()
    await drained(store)
    assert seen == ["read:R:a"]


async def test_a_retryable_failure_comes_again_and_a_bug_does_too(running: Callable[..., Worker]) -> None:
    store, tries = MemoryStore(), 0

    async def perform(claimed: Claimed) -> bool:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise Retryable("later", 0.01)
        if tries == 2:
            raise ValueError("a bug")
        return False

    worker = running(store, perform)
    await put(store, "a")
    worker.wake()
    await drained(store)
    assert tries == 3


async def test_a_final_failure_is_kept_and_never_tried_again(running: Callable[..., Worker]) -> None:
    store, tries = MemoryStore(), 0

    async def perform(claimed: Claimed) -> bool:
        nonlocal tries
        tries += 1
        raise Final("never")

    worker = running(store, perform)
    await put(store, "a")
    await put(store, "b")
    worker.wake()
    async with asyncio.timeout(5):
        while tries < 2:  # noqa: ASYNC110 the second try has no event of its own
            await asyncio.sleep(0.005)
    assert await store.claim("other", time.time() + 9999, 1, 10) == ()


async def test_one_lane_is_one_at_a_time_and_lanes_do_not_wait_for_each_other(running: Callable[..., Worker]) -> None:
    store, at_once, most = MemoryStore(), {"x": 0, "y": 0}, {"x": 0, "y": 0}
    together = asyncio.Barrier(2)

    async def perform(claimed: Claimed) -> bool:
        at_once[claimed.lane] += 1
        most[claimed.lane] = max(most[claimed.lane], at_once[claimed.lane])
        async with asyncio.timeout(3):
            await together.wait()  # passes only when both lanes are at work at the same time
        at_once[claimed.lane] -= 1
        return False

    for n in range(3):
        await put(store, f"x{n}", "x")
        await put(store, f"y{n}", "y")
    running(store, perform).wake()
    await drained(store)
    assert most == {"x": 1, "y": 1}


async def test_a_rollback_does_not_wait_for_a_worker_that_is_full(running: Callable[..., Worker]) -> None:
    store, restored, hanging = MemoryStore(), asyncio.Event(), []

    async def perform(claimed: Claimed) -> bool:
        if isinstance(claimed.effect, RestoreTraffic):
            restored.set()
            return False
        hanging.append(claimed.key)
        await asyncio.Event().wait()
        return False

    for n in range(CONCURRENCY + 5):
        await put(store, str(n), f"lane {n}")
    worker = running(store, perform)
    async with asyncio.timeout(5):
        while len(hanging) < CONCURRENCY:  # noqa: ASYNC110 the worker has no event for being full
            await asyncio.sleep(0.005)
    effect = NewEffect(RestoreTraffic("R", 2), "fleet:shop", 0.0)
    await store.commit(Commit("shop", 0, time.time(), effects=(effect,)))
    worker.wake()
    await asyncio.wait_for(restored.wait(), 5)
    assert len(hanging) == CONCURRENCY


async def test_stopping_leaves_the_work_for_whoever_comes_next(running: Callable[..., Worker]) -> None:
    store, begun = MemoryStore(), asyncio.Event()

    async def perform(claimed: Claimed) -> bool:
        begun.set()
        await asyncio.Event().wait()
        return False

    worker = running(store, perform)
    await put(store, "a")
    worker.wake()
    await asyncio.wait_for(begun.wait(), 5)
    await worker.stop()
    assert not worker.alive
    assert await store.lead("shop", "next", 15)
    assert [c.key for c in await store.claim("next", time.time(), 1, 10)] == ["read:R:a"]
