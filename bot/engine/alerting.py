"""Load, decide, append, for the stream of alerts: the one way into it, and what people may ask of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, replace

import structlog

from bot.alerts.decide import decide
from bot.alerts.effects import SHOWN, AlertEffect
from bot.alerts.events import AlertEvent, Delivery
from bot.alerts.evolve import evolve
from bot.alerts.follow import follow, lane
from bot.alerts.intents import AlertIntent, ReportDeliveries
from bot.alerts.model import STREAM, AlertsState
from bot.alerts.plan import AlertPlan
from bot.engine import replay
from bot.engine.acting import acting_epoch
from bot.engine.ports.errors import Conflict, Retryable
from bot.engine.ports.records import Commit, Committed, NewEffect
from bot.engine.ports.store import Store
from bot.engine.submitted import Alerted
from bot.rollout.intents import Refusal

log = structlog.get_logger()
SNAPSHOT_EVERY = 200  # events at least, and one a group: thousands of groups take long to write
TRIES = 20  # a conflict means somebody else made progress, so this many in a row is a fault


@dataclass(frozen=True, slots=True)
class Report:
    """An outcome that waits to be written, for the sender in that context. finish: the effect that ends with it."""

    delivery: Delivery
    finish: int | None
    written: asyncio.Future[None]
    context: Context

    def end(self, failed: Exception | None) -> None:
        if self.written.done():
            return  # whoever waited was cancelled
        if failed is None:
            self.written.set_result(None)
        else:
            self.written.set_exception(failed)


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
        self._snapshot_at = 0  # seq of the last one this process began to write, or loaded after
        self._snapshot: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._reporter: asyncio.Task[None] | None = None
        self._reports: list[Report] = []

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
            stored = await self._store.load(STREAM)
            self._snapshot_at = stored.snapshot.seq if stored.snapshot else 0
            self._keep(replay.alerting(stored))
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

    async def submit(self, intent: AlertIntent, cause: str | None = None, *, finish: tuple[int, ...] = ()) -> Alerted:
        """Decides and commits in one transaction with the cause and, given `finish`, the end of claimed effects."""
        for _ in range(TRIES):
            try:
                return await self._submit(intent, cause, finish)
            except Conflict:
                self._state = None
        raise Conflict(f"{STREAM}: the log is contended")

    async def _submit(self, intent: AlertIntent, cause: str | None, finish: tuple[int, ...]) -> Alerted:
        async with self._lock:
            state = await self.state()
            now = self._clock()
            decision = decide(state, intent, now, self.plan)
            refusal = decision if isinstance(decision, Refusal) else None
            events = () if isinstance(decision, Refusal) else decision
            if not events and cause is None and not finish:
                return Alerted(state, refusal=refusal)
            after, commit = self._commit(state, events, cause, now)
            commit = replace(commit, finish=finish)
            # Begun in the turn of the loop in which the worker hears of it: the claim of what follows comes right
            # behind, and shares the disk write too.
            writing = asyncio.create_task(self._store.commit(commit), name="alerts commit")
            if self._store.shared:
                # Others write too: what is decided next has to be decided on what became of this.
                await asyncio.wait({writing})
            else:
                # The next intent is decided on this one's outcome while it is written, so that many share one disk
                # write. Should it fail, theirs meet a Conflict, and are decided anew.
                self._keep(after)
                if commit.effects or finish:
                    self._wake()
        committed = await self._written(writing, after)
        if committed.duplicate:
            return Alerted(state, duplicate=True)
        if commit.effects:
            self._wake()
        self._keep_short(after)
        return Alerted(after, events, refusal)

    def _keep_short(self, written: AlertsState) -> None:
        """Begins a snapshot where the log after the last has become long. Beside everything else: thousands of groups
        take a second to write, and nothing may wait for what only makes a restart quicker.
        """
        due = written.seq - self._snapshot_at >= max(SNAPSHOT_EVERY, len(written.groups))
        if due and (self._snapshot is None or self._snapshot.done()):
            self._snapshot_at = written.seq
            self._snapshot = asyncio.create_task(self._write_snapshot(written), name="alerts snapshot")

    async def _write_snapshot(self, state: AlertsState) -> None:
        try:
            await self._store.put_snapshot(STREAM, state)
        except Exception:  # the next one is as good
            log.exception("no snapshot of the alerts was written", seq=state.seq)

    async def aclose(self) -> None:
        """A snapshot under way is dropped."""
        if self._snapshot is not None:
            self._snapshot.cancel()
            await asyncio.gather(self._snapshot, return_exceptions=True)

    async def _written(self, writing: asyncio.Task[Committed], after: AlertsState) -> Committed:
        try:
            committed = await asyncio.shield(writing)
        except BaseException:
            self._state = None
            raise
        if committed.duplicate:
            self._state = None
        elif self._store.shared:
            self._keep(after)
        return committed

    def _commit(
        self, state: AlertsState, events: tuple[AlertEvent, ...], cause: str | None, now: float
    ) -> tuple[AlertsState, Commit]:
        after = state
        wanted: list[AlertEffect] = []
        for event in events:
            after = evolve(after, event)
            wanted += follow(event, after, self.plan)
        return after, Commit(
            stream=STREAM,
            expected=state.seq,
            at=now,
            cause=cause,
            events=events,
            effects=_outbox(wanted),
            epoch=acting_epoch(STREAM),
        )

    async def report(self, delivery: Delivery, finish: int | None = None) -> None:
        """Commits the outcome of a send, together with those of others that came while the last were written.

        finish: the claimed effect that ends with it. Returns once it is in the log. Without this a burst of thousands
        would wait for a disk once each.
        """
        report = Report(delivery, finish, asyncio.get_running_loop().create_future(), copy_context())
        self._reports.append(report)
        if self._reporter is None:
            self._write_next()
        await report.written

    def _write_next(self) -> None:
        """In a task of its own, which no end of one sender cuts off, and on behalf of the first that waits."""
        writing = self._write_reports()
        self._reporter = asyncio.create_task(writing, name="alerts reports", context=self._reports[0].context)

    async def _write_reports(self) -> None:
        waiting, self._reports = self._reports, []
        failed: Exception | None = Retryable("the outcome was not written: the task that wrote it was stopped")
        try:
            ended = tuple(report.finish for report in waiting if report.finish is not None)
            await self.submit(ReportDeliveries(tuple(report.delivery for report in waiting)), finish=ended)
            failed = None
        except Exception as error:
            failed = error
        finally:
            for report in waiting:
                report.end(failed)
            self._reporter = None
            if self._reports:
                self._write_next()

    async def refresh(self) -> None:
        """Brings `known` up to date after another process wrote."""
        if self._state is not None:
            await self.state()


def _outbox(effects: list[AlertEffect]) -> tuple[NewEffect, ...]:
    """Each key once, in order; what is only shown goes last, since it shows what the others led to."""
    shown: dict[str, AlertEffect] = {e.key: e for e in effects if isinstance(e, SHOWN)}
    plain: dict[str, AlertEffect] = {e.key: e for e in effects if not isinstance(e, SHOWN)}
    every = plain | shown
    return tuple(NewEffect(e, lane(e), coalesce=key in shown) for key, e in every.items())
