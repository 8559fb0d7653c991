"""Wake-ups, and nothing else: what is due lives in the log and on the boards. The only apscheduler import."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.engine.acting import acting
from bot.engine.leads import Leads
from bot.engine.observer import Observer
from bot.engine.ports.errors import Fenced
from bot.engine.ports.store import Store
from bot.rollout.plan import Plan

log = structlog.get_logger()
RETENTION = 14 * 86400.0  # seconds measurements and causes are kept
TICK = 1.0

Job = Callable[[], Awaitable[None]]


class Ticks:
    """A job a service and purpose; one that fails is logged and comes again, so a fault can only delay.

    Only the holder of a service's lead does its jobs; in every other process they pass by.
    """

    def __init__(
        self, observer: Observer, store: Store, plans: Mapping[str, Plan], leads: Leads, clock: Callable[[], float]
    ) -> None:
        self._observer = observer
        self._store = store
        self._plans = plans
        self._leads = leads
        self._clock = clock
        self._failing: set[str] = set()
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )

    def every(self, seconds: float, name: str, act: Callable[[], Awaitable[object]], stream: str) -> None:
        """One more job of a stream, before `start`."""
        self._every(seconds, 0, name, self._led(stream, name, act))

    def start(self) -> None:
        """The first evaluation of the first service is at once; the others' are spread over their interval."""
        ticks = []
        for n, (service, plan) in enumerate(self._plans.items()):
            phase = n / len(self._plans)
            self._every(plan.interval, phase, f"evaluate:{service}", self._job("evaluate", service))
            self._every(plan.drift_interval, phase, f"patrol:{service}", self._job("patrol", service))
            ticks.append(self._job("tick", service))

        async def sweep() -> None:
            # One wake-up for all: a thousand of them every second would cost more than what they do.
            for tick in ticks:
                await tick()

        self._every(TICK, 0, "tick", sweep)
        self._scheduler.add_job(self._prune, "interval", hours=1, id="prune")
        self._scheduler.start()

    def stop(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _every(self, seconds: float, phase: float, name: str, job: Job) -> None:
        """phase: 0 to 1, where in the interval it falls: a thousand services must not all commit in one instant."""
        first = datetime.now(UTC) + timedelta(seconds=seconds * phase)
        self._scheduler.add_job(job, "interval", seconds=seconds, id=name, next_run_time=first)

    def _job(self, what: str, service: str) -> Job:
        act = getattr(self._observer, what)
        return self._led(service, f"{what}:{service}", lambda: act(service))

    def _led(self, service: str, name: str, act: Callable[[], Awaitable[object]]) -> Job:
        """Done only while this process leads the stream."""

        async def job() -> None:
            epoch = self._leads.epoch(service)
            if epoch is None:
                self._failing.discard(name)
                return
            try:
                with acting(service, epoch):
                    await act()
                self._failing.discard(name)
            except Fenced:
                self._leads.drop(service)
            except asyncio.CancelledError:
                return  # the scheduler is being stopped; it would log this as a fault
            except Exception as error:
                first = name not in self._failing
                self._failing.add(name)
                (log.exception if first else log.warning)("tick failed", job=name, error=repr(error))

        return job

    async def _prune(self) -> None:
        dropped = await self._store.prune(self._clock() - RETENTION)
        log.info("pruned", rows=dropped)

    @property
    def failing(self) -> frozenset[str]:
        """Jobs whose last run failed, for /readyz."""
        return frozenset(self._failing)
