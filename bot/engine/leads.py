"""Which services this process acts for: takes leads, keeps them, gives them up. One actor per service (DESIGN §6.3)."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Collection, Mapping

import structlog

from bot.engine.ports.records import Lead
from bot.engine.ports.store import Store
from bot.engine.waiting import heard

log = structlog.get_logger()
LEASE = 10.0  # seconds a lead lasts without being renewed
EVERY = 1.5  # seconds between renewals, and between tries at what others hold: how late a takeover can be
MARGIN = 0.5  # seconds before its end in which a lead is not acted on any more: clocks differ by a round trip
POKES = 0.2  # seconds at least between rounds that a notice asked for
VAGUE = 0.2  # seconds; a longer round trip tells the store's time worse than what is known already
VAGUE_AT_MOST = 10  # readings in a row that are passed over for that
FOR_EVER = 10 * 365 * 86400.0  # seconds; the lease of a store that has one owner


class StoreClock:
    """Unix seconds by the store's clock, so that what replicas write is comparable. Callable; no I/O.

    It never goes back by itself. Where the machine's clock was set back it goes on at half its speed until that has
    caught up: nothing that waits for a time, a rollback's next try or an escalation, waits more than twice as long.
    passing: seconds that only ever grow.
    """

    def __init__(self, base: Callable[[], float] = time.time, passing: Callable[[], float] = time.monotonic) -> None:
        self._base = base
        self._passing = passing
        self._offset = 0.0
        self._vague = VAGUE_AT_MOST  # readings passed over in a row; at first any is better than none
        self._last = (-math.inf, 0.0)  # what it said last, and when that was

    def __call__(self) -> float:
        said, then = self._last
        passed = self._passing()
        now = max(self._base() + self._offset, said + (passed - then) / 2)
        self._last = now, passed
        return now

    async def follow(self, store: Store) -> None:
        """Takes the store's time as the middle of the round trip that asked for it.

        An answer that took long, as while the database restarts, tells the time too vaguely: what is known stays, but
        not for ever, since the machine's clock may have been set meanwhile.
        """
        if not store.shared:
            return
        before = self._base()
        theirs = await store.now()
        after = self._base()
        if after - before > VAGUE and self._vague < VAGUE_AT_MOST:
            self._vague += 1
            return
        self._vague = 0
        self._offset = theirs - (before + after) / 2
        self._last = (-math.inf, 0.0)  # what the store says holds, also where it is earlier than what was said here


class Leads:
    """gained and lost are told of each change; lost also when a lead ran out because the store is away.

    A store with one owner gives every lead at once and for ever; a shared one is asked again and again.
    """

    def __init__(
        self,
        store: Store,
        services: Collection[str],
        owner: str,
        clock: StoreClock,
        *,
        gained: Callable[[str], None] = lambda _: None,
        lost: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._services = tuple(services)
        self._owner = owner
        self._clock = clock
        self._gained = gained
        self._lost = lost
        self._held: dict[str, Lead] = {}
        self._standing: dict[str, int] = {}
        self._soonest = math.inf
        self._poked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.failing = ""

    def epoch(self, service: str) -> int | None:
        """The epoch to act under now; None = another replica acts, or nobody can."""
        lead = self._held.get(service)
        return lead.epoch if lead and self._clock() < lead.until - MARGIN else None

    def epochs(self) -> Mapping[str, int]:
        """Of every service this process acts for now."""
        if self._clock() >= self._soonest:
            self._count()
        return self._standing

    def _count(self) -> None:
        """Asked at every claim, so it is counted anew only when a lead came, went or ran out."""
        self._standing = {s: epoch for s in self._held if (epoch := self.epoch(s)) is not None}
        self._soonest = min((self._held[s].until - MARGIN for s in self._standing), default=math.inf)

    def stands(self, service: str, epoch: int) -> bool:
        return self.epoch(service) == epoch

    def drop(self, service: str) -> None:
        """The store said that the lead has passed on."""
        if self._held.pop(service, None):
            self._count()
            log.warning("lead lost", service=service)
            self._lost(service)

    def poke(self, stream: str) -> None:
        """Something changed there: perhaps another gave its lead up. What is led here was not given up."""
        if stream not in self._held:
            self._poked.set()

    async def start(self) -> None:
        """The first round, then on in the background. Raises what the store raises."""
        await self.round()
        if self._store.shared:
            self._task = asyncio.create_task(self._loop(), name="leads")

    async def stop(self) -> None:
        """Gives every lead up, so that another replica takes over at once."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._held.clear()
        self._count()
        try:
            await self._store.resign(self._owner)
        except Exception as error:
            log.warning("leads not given up; they run out by themselves", error=repr(error))

    async def round(self) -> None:
        """Renews what is held and takes what is free."""
        await self._clock.follow(self._store)
        lease = LEASE if self._store.shared else FOR_EVER
        taken = []
        for service in self._services:
            lead = await self._store.lead(service, self._owner, lease)
            before = self._held.get(service)
            if lead is None:
                self.drop(service)
                continue
            if before and before.epoch != lead.epoch:
                self.drop(service)
            self._held[service] = lead
            if before is None or before.epoch != lead.epoch:
                log.info("lead taken", service=service, epoch=lead.epoch)
                taken.append(service)
        self._count()
        for service in taken:
            self._gained(service)

    async def _loop(self) -> None:
        while True:
            if await heard(self._poked, EVERY):
                await asyncio.sleep(POKES)  # what else is said meanwhile is seen by the same round
            self._poked.clear()
            try:
                await self.round()
                self.failing = ""
            except Exception as error:
                self.failing = repr(error)
                log.warning("leads could not be renewed", error=repr(error))
            for service in [s for s, lead in self._held.items() if self._clock() >= lead.until - MARGIN]:
                self.drop(service)
