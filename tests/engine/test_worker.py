"""Claims, leases, retries, preemption: the loop itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from bot.engine import worker as worker_module
from bot.engine.acting import acting_epoch
from bot.engine.ports.errors import Fenced, Final, Retryable
from bot.engine.ports.records import Claimed, Commit, NewEffect
from bot.engine.worker import CONCURRENCY, LEASE, Worker
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
    async with asyncio.timeout(60):
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
    async with asyncio.timeout(60):
        while tries < 2:  # noqa: ASYNC110 the second try has no event of its own
            await asyncio.sleep(0.005)
    assert await store.claim("other", time.time() + 9999, 1, 10) == ()


async def test_one_lane_is_one_at_a_time_and_lanes_do_not_wait_for_each_other(running: Callable[..., Worker]) -> None:
    store, at_once, most = MemoryStore(), {"x": 0, "y": 0}, {"x": 0, "y": 0}
    together = asyncio.Barrier(2)

    async def perform(claimed: Claimed) -> bool:
        at_once[claimed.lane] += 1
        most[claimed.lane] = max(most[claimed.lane], at_once[claimed.lane])
        async with asyncio.timeout(60):
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
    async with asyncio.timeout(60):
        while len(hanging) < CONCURRENCY:  # noqa: ASYNC110 the worker has no event for being full
            await asyncio.sleep(0.005)
    effect = NewEffect(RestoreTraffic("R", 2), "fleet:shop", 0.0)
    await store.commit(Commit("shop", 0, time.time(), effects=(effect,)))
    worker.wake()
    await asyncio.wait_for(restored.wait(), 60)
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
    await asyncio.wait_for(begun.wait(), 60)
    await worker.stop()
    assert not worker.alive
    assert await store.lead("shop", "next", 10.0) is not None  # whoever leads now has it back at once
    assert [c.key for c in await store.claim("next", time.time(), 1, 10)] == ["read:R:a"]


async def test_only_the_services_it_leads_are_worked_for() -> None:
    store, seen, epochs = MemoryStore(), [], {}
    lead = await store.lead("shop", "me", 60.0)
    assert lead is not None

    async def perform(claimed: Claimed) -> bool:
        seen.append((claimed.stream, acting_epoch(claimed.stream)))
        return False

    worker = Worker(store, perform, time.time, "me", epochs=lambda: epochs)
    worker.start()
    await put(store, "a")
    await store.commit(Commit("desk", 0, time.time(), effects=(NewEffect(ReadFleet("D", "b"), "desk", 0.0),)))
    worker.wake()
    await asyncio.sleep(0.05)  # nothing is led, so nothing may happen in it
    assert seen == []
    epochs["shop"] = lead.epoch
    worker.wake()
    async with asyncio.timeout(60):
        while [c.stream for c in await store.pending()] != ["desk"]:  # noqa: ASYNC110 the store has no event
            await asyncio.sleep(0.005)
    await worker.stop()
    assert seen == [("shop", lead.epoch)]


async def test_an_actor_that_was_replaced_leaves_the_effect_to_its_successor() -> None:
    store, fenced = MemoryStore(), []
    lead = await store.lead("shop", "me", 60.0)
    assert lead is not None

    async def perform(claimed: Claimed) -> bool:
        raise Fenced("replaced")

    worker = Worker(store, perform, time.time, "me", epochs=lambda: {"shop": lead.epoch}, fenced=fenced.append)
    await put(store, "a")
    (claimed,) = await store.claim("me", time.time(), 15.0, 1, None, {"shop": lead.epoch})
    await worker._run(claimed)
    assert fenced == ["shop"]
    await store.resign("me")
    theirs = await store.lead("shop", "other", 60.0)
    assert theirs is not None
    assert [c.key for c in await store.claim("other", time.time(), 1, 10, None, {"shop": theirs.epoch})] == [
        claimed.key
    ]
    assert not await store.finish(claimed.id, claimed.owner)  # the late one has no say


async def test_a_lost_lead_cuts_off_everything_but_a_rollback() -> None:
    store, begun, ended = MemoryStore(), asyncio.Barrier(3), []

    async def perform(claimed: Claimed) -> bool:
        try:
            async with asyncio.timeout(60):
                await begun.wait()
            await asyncio.Event().wait()
        finally:
            ended.append(claimed.key)
        return False

    worker = Worker(store, perform, time.time, "me")
    await put(store, "a")
    await store.commit(Commit("shop", 0, time.time(), effects=(NewEffect(RestoreTraffic("R", 2), "fleet", 0.0),)))
    worker.start()
    async with asyncio.timeout(60):
        await begun.wait()
    worker.abandon("desk")
    worker.abandon("shop")
    async with asyncio.timeout(60):
        while not ended:  # noqa: ASYNC110 a task that ends has no event
            await asyncio.sleep(0.005)
    await asyncio.sleep(0)
    assert ended == ["read:R:a"]
    await worker.stop()


async def test_draining_claims_nothing_more_and_lets_what_runs_end() -> None:
    store, begun, go = MemoryStore(), asyncio.Event(), asyncio.Event()

    async def perform(claimed: Claimed) -> bool:
        begun.set()
        await go.wait()
        return False

    worker = Worker(store, perform, time.time, "me")
    worker.start()
    await put(store, "a")
    worker.wake()
    async with asyncio.timeout(60):
        await begun.wait()
    draining = asyncio.create_task(worker.drain(5))
    await asyncio.sleep(0)
    await put(store, "b", "another lane")
    worker.wake()
    go.set()
    await draining
    await worker.stop()
    assert [c.key for c in await store.pending()] == ["read:R:b"]


class Hands:
    """A clock that the test moves."""

    now = 1_000_000.0


async def test_a_process_that_stood_still_does_not_do_twice_what_it_is_doing() -> None:
    hands, store, seen, end = Hands(), MemoryStore(), [], asyncio.Event()

    async def perform(claimed: Claimed) -> bool:
        seen.append(claimed.key)
        await end.wait()
        return False

    worker = Worker(store, perform, lambda: hands.now, "me")
    await put(store, "a")
    await worker._claim()
    await asyncio.sleep(0)
    hands.now += LEASE + 1  # as after a suspended machine: the lease ran out before it could be renewed
    await worker._claim()
    end.set()
    await drained(store)
    assert seen == ["read:R:a"]
    await worker.stop()


async def test_what_is_claimed_under_a_new_lead_replaces_what_runs_under_the_old_one() -> None:
    hands, seen, end = Hands(), [], asyncio.Event()
    store = MemoryStore(lambda: hands.now)

    async def perform(claimed: Claimed) -> bool:
        seen.append(claimed.epoch)
        try:
            await end.wait()
        except asyncio.CancelledError:
            seen.append(-claimed.epoch)
            raise
        return False

    led: dict[str, int] = {}
    worker = Worker(store, perform, lambda: hands.now, "me", epochs=lambda: led)
    await put(store, "a")
    for owner in ("me", "another", "me"):
        lead = await store.lead("shop", owner, 0.0)
        assert lead
        if owner == "me":
            led["shop"] = lead.epoch
            await worker._claim()
            await asyncio.sleep(0)
    end.set()
    await drained(store)
    assert sorted(seen) == [-1, 1, 3]
    await worker.stop()


async def test_what_takes_longer_than_a_lease_keeps_it(
    running: Callable[[MemoryStore, Perform], Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "LEASE", 0.3)
    store, begun, end = MemoryStore(), [], asyncio.Event()

    async def perform(claimed: Claimed) -> bool:
        begun.append(claimed.key)
        await end.wait()
        return False

    running(store, perform)
    await put(store, "a")
    renewed: set[float] = set()
    async with asyncio.timeout(60):
        while len(renewed) < 6:
            renewed |= {claimed.lease_until for claimed in await store.pending()}
            await asyncio.sleep(0.01)
    end.set()
    await drained(store)
    assert begun == ["read:R:a"]
