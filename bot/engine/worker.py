"""Claims effects, performs them, and keeps their leases. At least once, keyed, one at a time in a lane."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import get_args

import structlog

from bot.alerts.effects import SendAlert
from bot.engine.acting import acting
from bot.engine.ports.errors import Away, Fenced, Final, Retryable
from bot.engine.ports.records import Claimed, OutboxEffect
from bot.engine.ports.store import Store
from bot.engine.waiting import heard
from bot.rollout.effects import DoWork, PostChart, PublishReport, RestoreTraffic

log = structlog.get_logger()
LEASE = 15.0  # seconds; renewed at a third of it
POLL = 2.0  # seconds, where others write too: a notice of theirs may be lost with its connection
BACKOFF = (0.5, 30.0)  # seconds: first wait after a failure, and the longest
CONCURRENCY = 16
NOTIFICATIONS = 512  # at once, beside them: four channels in full; one that hangs takes no more than its lanes
WORKS = 64  # checks, steps, backups and reports at once, beside them: some take an hour
URGENT = 1000  # rollbacks at once, beside them
FULL = 0.5  # seconds between looks while notifications take all of their room
TOLD = (SendAlert.__name__,)
WORK = tuple(kind.__name__ for kind in (DoWork, PostChart, PublishReport))
OTHERS = tuple(sorted({kind.__name__ for kind in get_args(OutboxEffect)} - {*TOLD, *WORK}))
ROOMS = {OTHERS: CONCURRENCY, TOLD: NOTIFICATIONS, WORK: WORKS}

Perform = Callable[[Claimed], Awaitable[bool]]


class Worker:
    """perform(claimed) does the effect and returns whether it already finished it with its outcome's commit.

    Retryable puts the effect back for later, for ever: nothing the bot could not send is dropped (DESIGN §6.8).
    Final keeps it with its error for a person to see. Fenced leaves it to whoever leads now.
    epochs: the services to act for, with the epochs of their leads; None = everything, no lead asked for.
    """

    def __init__(
        self,
        store: Store,
        perform: Perform,
        clock: Callable[[], float],
        owner: str,
        *,
        epochs: Callable[[], Mapping[str, int] | None] = lambda: None,
        fenced: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._perform = perform
        self._clock = clock
        self._owner = owner
        self._epochs = epochs
        self._fenced = fenced
        self._draining = False
        self._woken = asyncio.Event()
        self._running: dict[int, tuple[Claimed, asyncio.Task[None]]] = {}
        self._loop_task: asyncio.Task[None] | None = None
        self.failing: str = ""

    def wake(self) -> None:
        self._woken.set()

    def start(self) -> None:
        self._loop_task = asyncio.create_task(self._loop(), name="worker")

    def abandon(self, stream: str) -> None:
        """Another replica acts for the stream now, or nobody can: what runs for it here has no say any more.

        A rollback under way goes on: it was ordered and recorded, and where another's order came first the hosts
        themselves refuse it.
        """
        for claimed, task in self._running.values():
            if claimed.stream == stream and not isinstance(claimed.effect, RestoreTraffic):
                task.cancel()

    async def drain(self, within: float) -> None:
        """Claims nothing more, and lets what runs end with its outcome written, for `within` seconds at most."""
        self._draining = True
        running = [task for _, task in self._running.values()]
        if running:
            await asyncio.wait(running, timeout=within)

    async def stop(self) -> None:
        """Stops claiming and cancels what runs; what was cut off is reclaimed by whoever comes next."""
        tasks = [t for t in (self._loop_task, *(task for _, task in self._running.values())) if t]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._loop_task = None

    @property
    def alive(self) -> bool:
        return self._loop_task is not None and not self._loop_task.done()

    async def _loop(self) -> None:
        while True:
            self._woken.clear()
            try:
                # Of a shared store most wakings are of others' streams; one's own is as soon claimed from as asked.
                due = await self._due() if self._store.shared else self._clock()
                if due is not None and due <= self._clock():
                    await self._claim()
                    # Where something has ended or come meanwhile there is more to claim at once, whatever is due when.
                    due = self._clock() if self._woken.is_set() else await self._due()
                self.failing = ""
            except Away as error:
                if not self.failing:  # once, however long it lasts
                    log.warning("nothing can be claimed: the database is away", error=str(error))
                self.failing = str(error)
                due = self._clock() + 1.0
            except Exception as error:
                log.exception("claiming failed")
                self.failing = repr(error)
                due = self._clock() + 1.0
            longest = POLL if self._store.shared else LEASE
            wait = longest if due is None else min(longest, max(0.02, due - self._clock()))
            if self._busy(OTHERS) >= CONCURRENCY:
                wait = longest  # a task that ends wakes us
            elif self._busy(TOLD) >= NOTIFICATIONS or self._busy(WORK) >= WORKS:
                wait = max(wait, FULL)  # what is due may be of a kind that has no room yet
            await heard(self._woken, wait)

    async def _due(self) -> float | None:
        epochs = self._epochs()
        return await self._store.next_due(None if epochs is None else tuple(epochs))

    async def _claim(self) -> None:
        epochs = self._epochs()
        if self._draining or epochs == {}:
            return
        now = self._clock()
        # The way back has room of its own: sixteen posts that hang on a dead Slack must not hold it up.
        rooms = {(RestoreTraffic.__name__,): URGENT}
        rooms |= {kinds: most - self._busy(kinds) for kinds, most in ROOMS.items()}
        free = [(kinds, room) for kinds, room in rooms.items() if room > 0]
        kinds, most = [kind for kinds, _ in free for kind in kinds], sum(room for _, room in free)
        self._begin(await self._store.claim(self._owner, now, LEASE, most, kinds, epochs, free))

    def _begin(self, found: tuple[Claimed, ...]) -> None:
        for claimed in found:
            before = self._running.get(claimed.id)
            if before and before[0].owner == claimed.owner:
                continue  # it runs on: its lease ran out while the process stood still, and claiming has renewed it
            if before:
                before[1].cancel()  # claimed under a lead that is over: its outcome would be refused
            task = asyncio.create_task(self._run(claimed), name=claimed.key)
            self._running[claimed.id] = claimed, task
            task.add_done_callback(lambda task, id=claimed.id: self._ended(id, task))  # type: ignore[misc]

    def _busy(self, kinds: tuple[str, ...]) -> int:
        return sum(type(claimed.effect).__name__ in kinds for claimed, _ in self._running.values())

    def _ended(self, id: int, task: asyncio.Task[None]) -> None:
        if id in self._running and self._running[id][1] is task:
            del self._running[id]
        self.wake()

    async def _run(self, claimed: Claimed) -> None:
        me = asyncio.current_task()
        assert me is not None
        heart = Heart(lambda: self._heartbeat(claimed, me), claimed.key)
        try:
            with acting(claimed.stream, claimed.epoch):
                done = await self._perform(claimed)
            if not done:
                await self._store.finish(claimed.id, claimed.owner)
        except Fenced as error:
            log.warning("another replica acts now", key=claimed.key, error=str(error))
            self._fenced(claimed.stream)
        except Retryable as error:
            await self._later(claimed, str(error), error.after)
        except Final as error:
            log.error("effect failed for good", key=claimed.key, error=str(error))
            await self._store.fail(claimed.id, claimed.owner, str(error))
        except Exception as error:
            log.exception("effect failed", key=claimed.key)
            await self._later(claimed, repr(error), None)
        finally:
            heart.stop()

    async def _later(self, claimed: Claimed, error: str, after: float | None) -> None:
        first, most = BACKOFF
        wait = after if after is not None else min(most, first * 2 ** min(claimed.attempts, 8)) * random.uniform(0.7, 1)
        log.warning("effect put off", key=claimed.key, seconds=round(wait, 2), error=error)
        await self._store.retry(claimed.id, claimed.owner, self._clock() + wait, error)

    async def _heartbeat(self, claimed: Claimed, task: asyncio.Task[None]) -> None:
        while True:
            try:
                kept = await self._store.renew(claimed.id, claimed.owner, self._clock() + LEASE)
            except Exception:
                log.exception("lease not renewed", key=claimed.key)
                kept = True
            if not kept:
                log.warning("lease lost", key=claimed.key)
                task.cancel()
                return
            await asyncio.sleep(LEASE / 3)


class Heart:
    """Beats from a third of a lease on. Until then it is a mere timer: most effects are done long before."""

    def __init__(self, beat: Callable[[], Coroutine[None, None, None]], key: str) -> None:
        self._beat, self._key = beat, key
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(LEASE / 3, self._start)

    def _start(self) -> None:
        self._task = asyncio.create_task(self._beat(), name=f"lease of {self._key}")

    def stop(self) -> None:
        self._timer.cancel()
        if self._task:
            self._task.cancel()
