"""Load, decide, append, for the stream of alerts: the one way into it, and what people may ask of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from bot.alerts.decide import decide
from bot.alerts.effects import SHOWN, AlertEffect
from bot.alerts.events import Delivery
from bot.alerts.evolve import evolve
from bot.alerts.follow import follow, lane
from bot.alerts.intents import AlertIntent, ReportDeliveries
from bot.alerts.model import STREAM, AlertsState
from bot.alerts.plan import AlertPlan
from bot.engine import replay
from bot.engine.acting import acting_epoch
from bot.engine.ports import Alerted, Commit, Conflict, NewEffect, Retryable, Store
from bot.rollout.intents import Refusal

SNAPSHOT_EVERY = 200  # events
TRIES = 20  # a conflict means somebody else made progress, so this many in a row is a fault


class Alerting:
    """One per process. Serialises the intents; the store's (stream, seq) settles what that cannot.

    What the actor writes carries the epoch of its lead (`bot.engine.acting`); a person's intent nothing more.
    """

    def __init__(
        self,
        store: Store,
        plan: AlertPlan,
        *,
        wake: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.plan = plan
        self._store = store
        self._wake = wake
        self._clock = clock
        self._state: AlertsState | None = None
        self._lock = asyncio.Lock()
        self._reporting = asyncio.Lock()
        self._reports: list[tuple[Delivery, asyncio.Future[Exception | None]]] = []

    def now(self) -> float:
        return self._clock()

    @property
    def known(self) -> AlertsState | None:
        """As this process has it, without reading the store."""
        return self._state

    async def state(self) -> AlertsState:
        """As the log has it now: of a store that others write to as well, what they appended is read first."""
        known = self._state
        if known is None:
            self._keep(replay.alerting(await self._store.load(STREAM)))
        elif self._store.shared:
            self._keep(replay.alerting_on(known, await self._store.events(STREAM, known.seq)))
        assert self._state is not None
        return self._state

    def _keep(self, state: AlertsState) -> None:
        """Two reads may end in the other order: the later state stays."""
        if self._state is None or self._state.seq <= state.seq:
            self._state = state

    def moves(self, intent: AlertIntent) -> bool:
        """Whether the intent would do anything to the state as this process has it: asked every second, so no I/O."""
        return self._state is None or bool(decide(self._state, intent, self._clock(), self.plan))

    async def submit(self, intent: AlertIntent, cause: str | None = None) -> Alerted:
        """Decides and commits in one transaction with the cause."""
        for _ in range(TRIES):
            try:
                return await self._submit(intent, cause)
            except Conflict:
                self._state = None
        raise Conflict(f"{STREAM}: the log is contended")

    async def _submit(self, intent: AlertIntent, cause: str | None) -> Alerted:
        async with self._lock:
            state = await self.state()
            now = self._clock()
            decision = decide(state, intent, now, self.plan)
            refusal = decision if isinstance(decision, Refusal) else None
            events = () if isinstance(decision, Refusal) else decision
            if not events and cause is None:
                return Alerted(state, refusal=refusal)
            after = state
            wanted: list[AlertEffect] = []
            for event in events:
                after = evolve(after, event)
                wanted += follow(event, after, self.plan)
            commit = Commit(
                stream=STREAM,
                expected=state.seq,
                at=now,
                cause=cause,
                events=events,
                effects=_outbox(wanted, now),
                snapshot=after if after.seq // SNAPSHOT_EVERY > state.seq // SNAPSHOT_EVERY else None,
                epoch=acting_epoch(STREAM),
            )
            committed = await self._store.commit(commit)
            if committed.duplicate:
                return Alerted(state, duplicate=True)
            self._keep(after)
        if commit.effects:
            self._wake()
        return Alerted(after, events, refusal)

    async def report(self, delivery: Delivery) -> None:
        """Commits the outcome of a send, together with those of others that came while the last were written.

        Returns once it is in the log. Without this a burst of thousands would wait for a disk once each.
        """
        done: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self._reports.append((delivery, done))
        async with self._reporting:
            if not done.done():
                await self._write_reports()
        if failed := done.result():
            raise failed

    async def _write_reports(self) -> None:
        waiting, self._reports = self._reports, []
        failed: Exception | None = Retryable("the outcome was not written: the task that wrote it was stopped")
        try:
            await self.submit(ReportDeliveries(tuple(delivery for delivery, _ in waiting)))
            failed = None
        except Exception as error:
            failed = error
        finally:
            for _, done in waiting:
                if not done.done():
                    done.set_result(failed)

    async def refresh(self) -> None:
        """Brings `known` up to date after another process wrote."""
        if self._state is not None:
            await self.state()


def _outbox(effects: list[AlertEffect], now: float) -> tuple[NewEffect, ...]:
    """Each key once, in order; what is only shown goes last, since it shows what the others led to."""
    shown: dict[str, AlertEffect] = {e.key: e for e in effects if isinstance(e, SHOWN)}
    plain: dict[str, AlertEffect] = {e.key: e for e in effects if not isinstance(e, SHOWN)}
    every = plain | shown
    return tuple(NewEffect(e, lane(e), now, coalesce=key in shown) for key, e in every.items())
