"""A thousand rollouts baking at once, ten gates each every 15 s: how late the evaluations are, and what they cost.

Prometheus and the hosts are twins in memory: what is measured is the engine, its wake-ups and its SQLite file. Against
the same number of wake-ups by the bare scheduler.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.engine.leads import Leads, StoreClock
from bot.engine.observer import Observer
from bot.engine.performers import Performers
from bot.engine.rollouts import Rollouts
from bot.engine.speaker import Speaker
from bot.engine.ticks import Ticks
from bot.engine.worker import Worker
from bot.fleet.fake import FakeFleet
from bot.rollout.intents import Reaction, ReportReactions
from bot.rollout.model import Status
from bot.rollout.plan import Condition, Metric, Plan
from bot.store.sqlite import SqliteStore
from tests.bench.report import Result, percentile
from tests.engine.conftest import BOT, LIN, WANG, KnownPeople, PlainWords, RecordingChat, ScriptedMetrics, a_plan
from tests.release.hands import a_release

SERVICES = 1000
GATES = 10
INTERVAL = 15.0
SECONDS = 60.0


class Timed(Observer):
    """Writes down how much later than `INTERVAL` after the last one each evaluation of a service began."""

    late: list[float]
    last: dict[str, float]

    async def evaluate(self, service: str) -> object:  # type: ignore[override]
        _note(self.last, self.late, service)
        return await super().evaluate(service)


def _note(last: dict[str, float], late: list[float], name: str) -> None:
    now = time.monotonic()
    if name in last:
        late.append(max(0.0, now - last[name] - INTERVAL) * 1000)
    last[name] = now


def _plan(service: str) -> Plan:
    names = [f"m{n}" for n in range(GATES)]
    metrics = tuple(Metric(n, "percent", f"{n}{{$pool}}[$window]", samples="requests") for n in names)
    requests = Metric("requests", "count", "R{$pool}[$window]")
    gates = tuple(Condition(f"{n} < 5%", n, "<", 5.0) for n in names)
    base = a_plan()
    stages = tuple(replace(s, gates=gates, bake=86400.0, max_bake=2 * 86400.0) for s in base.stages)
    triggers = (Condition("m0 > 10%", "m0", ">", 10.0, hold_for=30.0, window=60.0),)
    return replace(
        base, service=service, metrics=(*metrics, requests), stages=stages, triggers=triggers, interval=INTERVAL
    )


class Deaf(RecordingChat):
    """Nobody looks for a message by reading all of them."""

    async def find(self, key: str, channel: str, thread_ts: str = "") -> tuple[str, str] | None:
        return None


async def run() -> list[Result]:
    plans = {f"shop-{n}": _plan(f"shop-{n}") for n in range(SERVICES)}
    with tempfile.TemporaryDirectory() as folder:
        store = await SqliteStore.open(str(Path(folder) / "bot.db"))
        late, cpu = await _bot(store, plans)
        await store.close()
    bare_late, bare_cpu = await _bare()
    baseline = f"apscheduler alone, {SERVICES} empty jobs every {INTERVAL:g} s"
    return [
        Result("live.lateness.p99", percentile(late, 99), "ms", baseline, percentile(bare_late, 99), len(late)),
        Result("live.cpu", cpu, "percent of a core", baseline, bare_cpu, len(late)),
    ]


async def _bot(store: SqliteStore, plans: dict[str, Plan]) -> tuple[list[float], float]:
    fleets = {service: FakeFleet(plan.fleet.hosts) for service, plan in plans.items()}
    metrics = ScriptedMetrics({"requests": 1000.0} | {f"m{n}": 0.5 for n in range(GATES)})
    clock = StoreClock()
    rollouts = Rollouts(store, plans, fleets, bot_user=lambda: BOT, wake=lambda: worker.wake(), clock=clock)
    observer = Timed(rollouts, store, metrics, fleets, clock)
    observer.late, observer.last = [], {}
    chat, words = Deaf(), PlainWords()
    speaker = Speaker(rollouts, store, chat, KnownPeople(), words)
    release = a_release(rollouts, store, fleets, chat, speaker, words)
    leads = Leads(store, plans, "bench", clock)
    await leads.start()
    performers = Performers(rollouts, fleets, speaker, observer, release)
    worker = Worker(store, performers.perform, clock, "bench", epochs=leads.epochs)
    worker.start()
    for service in plans:
        started = await rollouts.start(service, "2.0.0", LIN, "", None)
        assert started.state.rollout is not None
        approved = ReportReactions(started.state.rollout.id, "10%", 1, (Reaction(WANG, "white_check_mark"),), WANG)
        await rollouts.submit(service, approved)
    async with asyncio.timeout(300):
        while not all([await _baking(rollouts, service) for service in plans]):  # noqa: ASYNC110 no event of its own
            await asyncio.sleep(0.5)
    ticks = Ticks(observer, store, plans, leads, clock)
    ticks.start()
    cpu = await _cpu(asyncio.sleep(SECONDS))
    ticks.stop()
    await worker.stop()
    await leads.stop()
    assert len(observer.late) >= SERVICES
    return observer.late, cpu


async def _baking(rollouts: Rollouts, service: str) -> bool:
    rollout = (await rollouts.state(service)).rollout
    return rollout is not None and rollout.status is Status.BAKING


async def _bare() -> tuple[list[float], float]:
    late: list[float] = []
    last: dict[str, float] = {}
    scheduler = AsyncIOScheduler(job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1})

    def job(name: str) -> Callable[[], Awaitable[None]]:
        async def act() -> None:
            _note(last, late, name)

        return act

    for n in range(SERVICES):
        first = datetime.now(UTC) + timedelta(seconds=INTERVAL * n / SERVICES)
        scheduler.add_job(job(str(n)), "interval", seconds=INTERVAL, next_run_time=first)
    scheduler.start()
    cpu = await _cpu(asyncio.sleep(SECONDS))
    scheduler.shutdown(wait=False)
    return late, cpu


async def _cpu(what: Awaitable[object]) -> float:
    """Percent of a core used while it ran."""
    wall, cpu = time.monotonic(), time.process_time()
    await what
    return 100 * (time.process_time() - cpu) / (time.monotonic() - wall)
