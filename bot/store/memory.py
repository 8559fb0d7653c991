"""The store in memory, for tests and dry runs: the same rules as the databases, passed by the same suite."""

from __future__ import annotations

import dataclasses
import time
import types
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TypeVar

from bot.engine.ports.errors import Conflict
from bot.engine.ports.records import (
    Claimed,
    Commit,
    Committed,
    Lead,
    LogEvent,
    Measurement,
    MessageRef,
    Rooms,
    Stored,
    StreamState,
)
from bot.rollout.model import Board, Rollout
from bot.store.codec import BOARDS, EFFECTS, EVENTS, ROLLOUTS, STATES, Codec
from bot.store.listeners import Listeners
from bot.store.memory_outbox import MemoryOutbox
from bot.store.rules import check, check_epoch, check_snapshot, day_and_number, number, succession

T = TypeVar("T")


class MemoryStore:
    """See `bot.engine.ports.store`. Values go through the codec, so that what SQLite could not write fails here too.

    It stands for a database that several replicas have open: give each the same one. clock: the store's, Unix seconds.
    shared=False: leads pass on at once, as in SQLite.
    """

    def __init__(self, clock: Callable[[], float] = time.time, *, shared: bool = True) -> None:
        self._clock = clock
        self._shared = shared
        self._listeners = Listeners()
        self._leads: dict[str, Lead] = {}
        self._logs: dict[str, list[LogEvent]] = {}
        self._times: dict[str, list[float]] = {}  # of each event, when it was committed
        self._snapshots: dict[str, StreamState] = {}
        self._causes: dict[str, float] = {}
        self._outbox = MemoryOutbox()
        self._boards: dict[tuple[str, str], Board] = {}
        self._measurements: list[Measurement] = []
        self._rollouts: dict[str, tuple[str, Rollout]] = {}  # id -> (stream, rollout)
        self._messages: dict[str, MessageRef] = {}

    @property
    def shared(self) -> bool:
        return self._shared

    async def now(self) -> float:
        await _turn()
        return self._clock()

    async def listen(self, on_change: Callable[[str], None]) -> None:
        await _turn()
        self._listeners.add(on_change)

    async def lead(self, stream: str, owner: str, lease: float) -> Lead | None:
        await _turn()
        known, now = self._leads.get(stream), self._clock()
        epoch = succession(known, owner, now, self._shared)
        if epoch is None:
            return None
        if known is None or known.epoch != epoch:
            self._outbox.put_back_before(stream, epoch)
        self._leads[stream] = Lead(stream, owner, epoch, now + lease)
        return self._leads[stream]

    async def resign(self, owner: str) -> int:
        await _turn()
        given_up = [lead for lead in self._leads.values() if lead.owner == owner]
        for lead in given_up:
            self._leads[lead.stream] = dataclasses.replace(lead, owner="", until=0.0)
            self._listeners.tell(lead.stream)
        return len(given_up)

    async def leads(self) -> tuple[Lead, ...]:
        await _turn()
        return tuple(lead for _, lead in sorted(self._leads.items()) if lead.owner)

    async def load(self, stream: str) -> Stored:
        await _turn()
        snapshot = self._snapshots.get(stream)
        return Stored(snapshot, self._events(stream, snapshot.seq if snapshot else 0))

    async def streams(self) -> tuple[str, ...]:
        await _turn()
        return tuple(sorted(stream for stream, log in self._logs.items() if log))

    async def events(self, stream: str, after: int = 0) -> tuple[tuple[int, LogEvent], ...]:
        await _turn()
        return self._events(stream, after)

    async def last_before(self, stream: str, at: float) -> int:
        await _turn()
        early = [seq for seq, committed in enumerate(self._times.get(stream, ()), start=1) if committed < at]
        return max(early, default=0)

    def _events(self, stream: str, after: int) -> tuple[tuple[int, LogEvent], ...]:
        log = self._logs.get(stream, [])
        first = max(after, 0)
        return tuple(enumerate(log[first:], start=first + 1))

    async def commit(self, commit: Commit) -> Committed:
        await _turn()
        check(commit)
        lead = self._leads.get(commit.stream)
        check_epoch(commit, lead.epoch if lead else 0)
        if commit.cause is not None and commit.cause in self._causes:
            self._outbox.settle(commit.finish)
            return Committed(duplicate=True)
        if len(self._logs.get(commit.stream, ())) != commit.expected:
            raise Conflict(f"{commit.stream}: seq {commit.expected} is not the last")
        if commit.rollout is not None:
            self._check_owner(commit.stream, commit.rollout)
        # Everything that can fail has to have failed before the first change.
        events = [_copy(EVENTS, event) for event in commit.events]
        effects = [dataclasses.replace(new, effect=_copy(EFFECTS, new.effect)) for new in commit.effects]
        board = _copy(BOARDS, commit.board) if commit.board else None
        rollout = _copy(ROLLOUTS, commit.rollout) if commit.rollout else None
        snapshot = _copy(STATES, commit.snapshot) if commit.snapshot else None

        if commit.cause is not None:
            self._causes[commit.cause] = commit.at
        self._outbox.settle(commit.finish)
        self._logs.setdefault(commit.stream, []).extend(events)
        self._times.setdefault(commit.stream, []).extend([commit.at] * len(events))
        for new in effects:
            self._outbox.add(commit.stream, commit.at, new)
        if board:
            self._boards[board.rollout, board.stage] = board
        self._measurements += [dataclasses.replace(m, value=number(m.value)) for m in commit.measurements]
        if rollout:
            self._rollouts[rollout.id] = (commit.stream, rollout)
        if snapshot:
            self._keep(commit.stream, snapshot)
        self._listeners.tell(commit.stream)
        return Committed()

    async def put_snapshot(self, stream: str, state: StreamState) -> None:
        await _turn()
        check_snapshot(stream, state.seq, len(self._logs.get(stream, ())))
        self._keep(stream, _copy(STATES, state))

    def _keep(self, stream: str, snapshot: StreamState) -> None:
        if stream not in self._snapshots or self._snapshots[stream].seq <= snapshot.seq:
            self._snapshots[stream] = snapshot

    def _check_owner(self, stream: str, rollout: Rollout) -> None:
        known = self._rollouts.get(rollout.id)
        if known and (known[0], known[1].service) != (stream, rollout.service):
            raise Conflict(f"{rollout.id} belongs to {known[1].service}")

    async def claim(
        self,
        owner: str,
        now: float,
        lease: float,
        limit: int,
        kinds: Sequence[str] | None = None,
        epochs: Mapping[str, int] | None = None,
        rooms: Rooms = (),
    ) -> tuple[Claimed, ...]:
        await _turn()
        led = None if epochs is None else {s: epoch for s, epoch in epochs.items() if self._leads_in(s, owner, epoch)}
        return self._outbox.claim(owner, now, lease, limit, kinds, led, rooms)

    def _leads_in(self, stream: str, owner: str, epoch: int) -> bool:
        lead = self._leads.get(stream)
        return lead is not None and (lead.owner, lead.epoch) == (owner, epoch)

    async def renew(self, id: int, owner: str, until: float) -> bool:
        await _turn()
        if row := self._outbox.mine(id, owner):
            row.ready_at = until
        return row is not None

    async def finish(self, id: int, owner: str) -> bool:
        await _turn()
        if row := self._outbox.mine(id, owner):
            self._outbox.settle((row.id,))
        return row is not None

    async def retry(self, id: int, owner: str, due_at: float, error: str) -> bool:
        await _turn()
        if row := self._outbox.mine(id, owner):
            self._outbox.retry(row, due_at, error)
        return row is not None

    async def fail(self, id: int, owner: str, error: str) -> bool:
        await _turn()
        if row := self._outbox.mine(id, owner):
            self._outbox.fail(row, error)
        return row is not None

    async def next_due(self, streams: Collection[str] | None = None) -> float | None:
        await _turn()
        return self._outbox.next_due(streams)

    async def pending(self) -> tuple[Claimed, ...]:
        await _turn()
        return self._outbox.pending()

    async def failed(self, limit: int = 100) -> tuple[tuple[Claimed, str], ...]:
        """Effects given up, newest first, each with its error."""
        await _turn()
        return self._outbox.failed(limit)

    async def board(self, rollout: str, stage: str) -> Board | None:
        await _turn()
        return self._boards.get((rollout, stage))

    async def measurements(self, rollout: str, stage: str | None = None) -> tuple[Measurement, ...]:
        await _turn()
        found = [m for m in self._measurements if m.rollout == rollout and stage in (None, m.stage)]
        return tuple(sorted(found, key=lambda m: m.at))

    async def prune(self, before: float) -> int:
        await _turn()
        measurements = [m for m in self._measurements if m.at >= before]
        causes = {cause: at for cause, at in self._causes.items() if at >= before}
        dropped = len(self._measurements) - len(measurements) + len(self._causes) - len(causes)
        self._measurements, self._causes = measurements, causes
        self._outbox.drop_shown(before)
        return dropped

    async def rollouts(self, service: str | None = None, limit: int = 20) -> tuple[Rollout, ...]:
        await _turn()
        found = [r for _, r in reversed(self._rollouts.values()) if service in (None, r.service)]
        return tuple(sorted(found, key=lambda r: -r.started_at)[:limit])

    async def rollout(self, id: str) -> Rollout | None:
        await _turn()
        return self._rollouts[id][1] if id in self._rollouts else None

    async def next_rollout_number(self, day: str) -> int:
        await _turn()
        known = (day_and_number(id) for id in self._rollouts)
        return 1 + max((found[1] for found in known if found and found[0] == day), default=0)

    async def put_message(self, ref: MessageRef) -> None:
        await _turn()
        self._messages.pop(ref.key, None)  # the newest put is the last, also for message_at
        self._messages[ref.key] = ref

    async def message(self, key: str) -> MessageRef | None:
        await _turn()
        return self._messages.get(key)

    async def message_at(self, channel: str, ts: str) -> MessageRef | None:
        await _turn()
        found = (ref for ref in reversed(self._messages.values()) if (ref.channel, ref.ts) == (channel, ts))
        return next(found, None)

    async def close(self) -> None:
        await _turn()
        self._listeners.clear()


def _copy(codec: Codec[T], value: T) -> T:
    return codec.decode(codec.encode(value))


@types.coroutine
def _turn() -> Iterator[None]:
    """A real store gives way to other tasks; a twin that did not would hide their races."""
    yield
