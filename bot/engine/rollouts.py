"""Load, decide, append: the one way into the log, and what people may ask of it."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from bot.engine import replay
from bot.engine.acting import acting_epoch
from bot.engine.ports.errors import Away, Conflict, Final
from bot.engine.ports.fleet import Fleet
from bot.engine.ports.records import Commit, Committed, Measurement, NewEffect
from bot.engine.ports.store import Store
from bot.engine.submitted import Submitted
from bot.engine.targets import forward
from bot.rollout.decide import decide, simulate
from bot.rollout.effects import COALESCED, Effect
from bot.rollout.events import Event
from bot.rollout.evolve import evolve
from bot.rollout.follow import follow, lane
from bot.rollout.intents import Intent, Refusal, Start
from bot.rollout.model import Board, Person, Rollout, ServiceState
from bot.rollout.plan import Plan

SNAPSHOT_EVERY = 50  # events; a restart folds at most this many for each service
TRIES = 20  # a conflict means somebody else made progress, so this many in a row is a fault


class Rollouts:
    """One per process. Serialises the intents of a service; the store's (stream, seq) settles what that cannot.

    What an actor writes is guarded by the epoch of its lead (`bot.engine.acting`); a person's intent by nothing more.
    """

    def __init__(
        self,
        store: Store,
        plans: Mapping[str, Plan],
        fleets: Mapping[str, Fleet],
        *,
        bot_user: Callable[[], str] = lambda: "",
        wake: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
        timezone: str = "UTC",
    ) -> None:
        self.plans = plans
        self._store = store
        self._fleets = fleets
        self._bot_user = bot_user
        self._wake = wake
        self._clock = clock
        self._zone = ZoneInfo(timezone)
        self._states: dict[str, ServiceState] = {}
        self._boards: dict[str, Board] = {}
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def now(self) -> float:
        return self._clock()

    def today(self) -> date:
        """In the bot's time zone."""
        return datetime.fromtimestamp(self._clock(), self._zone).date()

    async def state(self, service: str) -> ServiceState:
        """As the log has it now: of a store that others write to as well, what they appended is read first."""
        known = self._states.get(service)
        if known is None:
            stored = await self._store.load(service)
            self._keep(service, replay.service(stored, service))
        elif self._store.shared:
            newer = await self._store.events(service, known.seq)
            self._keep(service, replay.service_on(known, newer))
        return self._states[service]

    async def settled(self, service: str) -> ServiceState:
        """The state after every append of this process under way: of what an effect came that can be claimed."""
        async with self._locks[service]:
            return await self.state(service)

    def _keep(self, service: str, state: ServiceState) -> None:
        """Two reads may end in the other order: the later state stays."""
        known = self._states.get(service)
        if known is None or known.seq <= state.seq:
            self._states[service] = state

    async def refresh(self, service: str) -> None:
        """Brings `generation` and `known` up to date after another process wrote; nothing where nobody asked yet."""
        if service in self._states:
            await self.state(service)

    def generation(self, service: str) -> int:
        """The highest ordered so far, as known without waiting: an executor asks before every swap."""
        state = self._states.get(service)
        return state.generation if state else 0

    def known(self, service: str) -> tuple[ServiceState | None, Board | None]:
        """State and board as this process has them, without reading the store."""
        return self._states.get(service), self._boards.get(service)

    def live(self) -> tuple[Rollout, ...]:
        """Every rollout under way, as this process has them, without reading the store."""
        return tuple(state.active for state in self._states.values() if state.active)

    def moves(self, service: str, intent: Intent) -> bool:
        """Whether the intent would do anything to the state as this process has it: asked every second, so no I/O."""
        state = self._states.get(service)
        return state is None or bool(decide(state, intent, self._clock(), self.plans[service], self._bot_user()))

    async def board(self, service: str) -> Board | None:
        """The live measurements of the stage whose share the hosts serve."""
        rollout = (await self.state(service)).rollout
        if rollout is None or not rollout.watched[0]:
            return None
        cached = self._boards.get(service)
        shown = (rollout.id, rollout.watched[0])
        if cached and not self._store.shared and (cached.rollout, cached.stage) == shown:
            return cached
        return await self._store.board(rollout.id, rollout.watched[0])

    async def history(self, service: str | None, limit: int = 10) -> tuple[Rollout, ...]:
        return await self._store.rollouts(service, limit)

    async def diff(self, service: str, version: str, salt: str = "") -> Mapping[str, str]:
        """Per host: what the first stage would change in nginx. Raises Final where the version cannot be started."""
        plan, state = self.plans[service], await self.state(service)
        rollout = simulate(state, version, plan, salt)
        if isinstance(rollout, Refusal):
            raise Final(rollout.code)
        return await self.stage_diff(replace(rollout, service=service), plan.stages[0].name)

    async def stage_diff(self, rollout: Rollout, stage: str) -> Mapping[str, str]:
        plan = self.plans[rollout.service]
        target = forward(rollout, plan, plan.stage(stage), self.generation(rollout.service) + 1)
        try:
            return await self._fleets[rollout.service].plan_diff(target)
        except ValueError as error:  # what nginx cannot be told, such as a share for a plan that has become blue_green
            raise Final(str(error)) from error

    async def start(
        self, service: str, version: str, actor: Person, reason: str, cause: str | None, salt: str = ""
    ) -> Submitted:
        """Allots the next `ROLLOUT-<day>-<n>`; the store settles who gets it."""
        for _ in range(TRIES):
            day = datetime.fromtimestamp(self._clock(), self._zone).strftime("%Y%m%d")
            number = await self._store.next_rollout_number(day)
            intent = Start(f"ROLLOUT-{day}-{number}", version, actor, reason, salt)
            try:
                return await self._submit(service, intent, cause, Extra())
            except Conflict:
                self._states.pop(service, None)
        raise Conflict(f"no rollout id could be had for {service}")

    async def submit(
        self,
        service: str,
        intent: Intent,
        cause: str | None = None,
        *,
        finish: int | None = None,
        board: Board | None = None,
        measurements: tuple[Measurement, ...] = (),
        effects: tuple[Effect, ...] = (),
    ) -> Submitted:
        """Decides and commits in one transaction with the cause and, given `finish`, the end of the claimed effect."""
        extra = Extra(finish, board, measurements, effects)
        unsure = False
        for _ in range(TRIES):
            try:
                return await self._submit(service, intent, cause, extra)
            except Conflict:
                self._states.pop(service, None)
            except Away:
                # A connection lost in the middle leaves it open whether it was recorded; asked again, its cause tells.
                self._states.pop(service, None)
                if unsure or cause is None:
                    raise
                unsure = True
        raise Conflict(f"{service}: the log is contended")

    async def record(self, service: str, cause: str | None, effects: tuple[Effect, ...]) -> bool:
        """Commits effects with no decision (a reaction to be read); False when the cause was known."""
        for _ in range(TRIES):
            try:
                async with self._locks[service]:
                    seq = (await self.state(service)).seq
                    outbox, epoch = self._outbox(service, effects), acting_epoch(service)
                    commit = Commit(service, seq, self._clock(), cause, effects=outbox, epoch=epoch)
                    done = await self._commit(commit)
            except Conflict:
                self._states.pop(service, None)
                continue
            self._wake()
            return not done.duplicate
        raise Conflict(f"{service}: the log is contended")

    async def _submit(self, service: str, intent: Intent, cause: str | None, extra: Extra) -> Submitted:
        async with self._locks[service]:
            state = await self.state(service)
            now = self._clock()
            decision = decide(state, intent, now, self.plans[service], self._bot_user())
            refusal = decision if isinstance(decision, Refusal) else None
            events = () if isinstance(decision, Refusal) else decision
            if not events and cause is None and extra.empty:
                return Submitted(state, refusal=refusal)
            after = state
            wanted: list[Effect] = []
            for event in events:
                after = evolve(after, event)
                wanted += follow(event, after)
            commit = Commit(
                stream=service,
                expected=state.seq,
                at=now,
                cause=cause,
                events=events,
                effects=self._outbox(service, (*wanted, *extra.effects)),
                board=extra.board,
                measurements=extra.measurements,
                finish=() if extra.finish is None else (extra.finish,),
                rollout=_changed(after, events),
                snapshot=after if after.seq // SNAPSHOT_EVERY > state.seq // SNAPSHOT_EVERY else None,
                epoch=acting_epoch(service),
            )
            committed = await self._commit(commit)
            if committed.duplicate:
                return Submitted(state, duplicate=True)
            self._keep(service, after)
            if extra.board:
                self._boards[service] = extra.board
        if commit.effects:
            self._wake()
        return Submitted(after, events, refusal)

    async def _commit(self, commit: Commit) -> Committed:
        """Where it failed or was cut off nobody knows whether it was done: what is true then is read anew."""
        try:
            return await self._store.commit(commit)
        except BaseException:
            self._states.pop(commit.stream, None)
            self._boards.pop(commit.stream, None)
            raise

    def _outbox(self, service: str, effects: tuple[Effect, ...]) -> tuple[NewEffect, ...]:
        """Each key once, in order; a coalesced one goes last, since it shows what the others led to."""
        plain = {e.key: e for e in effects if not isinstance(e, COALESCED)}
        shown = {e.key: e for e in effects if isinstance(e, COALESCED)}
        return tuple(
            NewEffect(e, lane(e, service), coalesce=isinstance(e, COALESCED))
            for e in (*plain.values(), *shown.values())
        )


def _changed(after: ServiceState, events: tuple[Event, ...]) -> Rollout | None:
    """The rollout that the events are of, for the index: an earlier one where they say so; a commit is of one alone."""
    if not events:
        return None
    return after.known(getattr(events[0], "rollout", "")) or after.rollout


class Extra:
    """What travels in the same transaction besides the decision."""

    def __init__(
        self,
        finish: int | None = None,
        board: Board | None = None,
        measurements: tuple[Measurement, ...] = (),
        effects: tuple[Effect, ...] = (),
    ) -> None:
        self.finish = finish
        self.board = board
        self.measurements = measurements
        self.effects = effects

    @property
    def empty(self) -> bool:
        return self.finish is None and self.board is None and not self.measurements and not self.effects
