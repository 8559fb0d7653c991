"""The store in memory, for tests and dry runs: the same rules as SQLite, passed by the same suite."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from bot.engine.ports import Claimed, Commit, Committed, Conflict, Measurement, MessageRef, NewEffect, Stored
from bot.rollout.events import Event
from bot.rollout.model import Board, Rollout, ServiceState
from bot.store.codec import BOARDS, EFFECTS, EVENTS, ROLLOUTS, STATES, Codec
from bot.store.rules import NEVER_HELD, check, day_and_number, number

T = TypeVar("T")


@dataclass(slots=True)
class _Row:
    """ready_at: when it can next be claimed: due_at while pending, the end of the lease while claimed."""

    id: int
    stream: str
    new: NewEffect
    added_at: float
    ready_at: float
    state: Literal["pending", "claimed", "done", "failed"] = "pending"
    owner: str = ""
    attempts: int = 0
    error: str = ""

    @property
    def key(self) -> str:
        return self.new.effect.key

    @property
    def order(self) -> tuple[int, int]:
        return self.new.effect.priority, self.id

    @property
    def never_held(self) -> bool:
        return type(self.new.effect).__name__ == NEVER_HELD

    def shown(self) -> Claimed:
        claimed = self.state == "claimed"
        return Claimed(
            id=self.id,
            key=self.key,
            stream=self.stream,
            lane=self.new.lane,
            effect=self.new.effect,
            attempts=self.attempts - claimed,
            lease_until=self.ready_at if claimed else 0.0,
        )


class MemoryStore:
    """See `bot.engine.ports.Store`. Values go through the codec, so that what SQLite could not write fails here too."""

    def __init__(self) -> None:
        self._logs: dict[str, list[Event]] = {}
        self._snapshots: dict[str, ServiceState] = {}
        self._causes: dict[str, float] = {}
        self._effects: dict[int, _Row] = {}
        self._last_id = 0
        self._boards: dict[tuple[str, str], Board] = {}
        self._measurements: list[Measurement] = []
        self._rollouts: dict[str, tuple[str, Rollout]] = {}  # id -> (stream, rollout)
        self._messages: dict[str, MessageRef] = {}

    async def load(self, stream: str) -> Stored:
        await _turn()
        snapshot = self._snapshots.get(stream)
        return Stored(snapshot, self._events(stream, snapshot.seq if snapshot else 0))

    async def streams(self) -> tuple[str, ...]:
        await _turn()
        return tuple(sorted(stream for stream, log in self._logs.items() if log))

    async def events(self, stream: str, after: int = 0) -> tuple[tuple[int, Event], ...]:
        await _turn()
        return self._events(stream, after)

    def _events(self, stream: str, after: int) -> tuple[tuple[int, Event], ...]:
        log = self._logs.get(stream, [])
        first = max(after, 0)
        return tuple(enumerate(log[first:], start=first + 1))

    async def commit(self, commit: Commit) -> Committed:
        await _turn()
        check(commit)
        if commit.cause is not None and commit.cause in self._causes:
            self._finish(commit.finish)
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
        self._finish(commit.finish)
        self._logs.setdefault(commit.stream, []).extend(events)
        for new in effects:
            self._add(commit.stream, commit.at, new)
        if board:
            self._boards[board.rollout, board.stage] = board
        self._measurements += [dataclasses.replace(m, value=number(m.value)) for m in commit.measurements]
        if rollout:
            self._rollouts[rollout.id] = (commit.stream, rollout)
        if snapshot and (commit.stream not in self._snapshots or self._snapshots[commit.stream].seq <= snapshot.seq):
            self._snapshots[commit.stream] = snapshot
        return Committed()

    def _check_owner(self, stream: str, rollout: Rollout) -> None:
        known = self._rollouts.get(rollout.id)
        if known and (known[0], known[1].service) != (stream, rollout.service):
            raise Conflict(f"{rollout.id} belongs to {known[1].service}")

    def _finish(self, id: int | None) -> None:
        row = self._effects.get(id) if id is not None else None
        if row and row.state in ("pending", "claimed"):
            row.state, row.owner, row.error = "done", "", ""

    def _add(self, stream: str, at: float, new: NewEffect) -> None:
        same = [row for row in self._effects.values() if row.key == new.effect.key]
        if not new.coalesce:
            if same:
                return
        elif waiting := next((row for row in same if row.state == "pending"), None):
            waiting.new = dataclasses.replace(new, coalesce=waiting.new.coalesce)
            waiting.ready_at = min(waiting.ready_at, new.due_at)
            return
        self._last_id += 1
        self._effects[self._last_id] = _Row(self._last_id, stream, new, at, new.due_at)

    async def seen(self, cause: str) -> bool:
        await _turn()
        return cause in self._causes

    async def claim(
        self, owner: str, now: float, lease: float, limit: int, kinds: Sequence[str] | None = None
    ) -> tuple[Claimed, ...]:
        await _turn()
        held = {row.new.lane for row in self._open() if row.state == "claimed" and row.ready_at > now}
        claimed: list[Claimed] = []
        for row in sorted(self._open(), key=lambda row: row.order):
            if len(claimed) >= limit:
                break
            if row.ready_at > now or (kinds is not None and type(row.new.effect).__name__ not in kinds):
                continue
            if row.new.lane in held and not row.never_held:
                continue
            held.add(row.new.lane)
            row.state, row.owner, row.ready_at, row.attempts = "claimed", owner, now + lease, row.attempts + 1
            claimed.append(row.shown())
        return tuple(claimed)

    def _open(self) -> Iterator[_Row]:
        return (row for row in self._effects.values() if row.state in ("pending", "claimed"))

    def _mine(self, id: int, owner: str) -> _Row | None:
        row = self._effects.get(id)
        return row if row and row.state == "claimed" and row.owner == owner else None

    async def renew(self, id: int, owner: str, until: float) -> bool:
        await _turn()
        if row := self._mine(id, owner):
            row.ready_at = until
        return row is not None

    async def finish(self, id: int, owner: str) -> bool:
        await _turn()
        if row := self._mine(id, owner):
            self._finish(row.id)
        return row is not None

    async def retry(self, id: int, owner: str, due_at: float, error: str) -> bool:
        await _turn()
        row = self._mine(id, owner)
        if row is None:
            return False
        self._put_back(row, due_at, error)
        return True

    def _put_back(self, row: _Row, ready_at: float, error: str) -> None:
        newer = next((r for r in self._open() if r.key == row.key and r.state == "pending"), None)
        if newer:  # it shows all that this one would have; the wait that the outside asked for goes with it
            newer.attempts, newer.ready_at = newer.attempts + row.attempts, max(newer.ready_at, ready_at)
            newer.error, row.state, row.owner = error, "done", ""
        else:
            row.state, row.owner, row.ready_at, row.error = "pending", "", ready_at, error

    async def release(self) -> int:
        await _turn()
        claimed = [row for row in self._open() if row.state == "claimed"]
        for row in claimed:
            self._put_back(row, 0.0, row.error)
        return len(claimed)

    async def fail(self, id: int, owner: str, error: str) -> bool:
        await _turn()
        if row := self._mine(id, owner):
            row.state, row.owner, row.error = "failed", "", error
        return row is not None

    async def next_due(self) -> float | None:
        await _turn()
        held: dict[str, float] = {}
        for row in self._open():
            if row.state == "claimed":
                held[row.new.lane] = max(row.ready_at, held.get(row.new.lane, row.ready_at))
        return min(
            (
                row.ready_at if row.never_held else max(row.ready_at, held.get(row.new.lane, row.ready_at))
                for row in self._open()
            ),
            default=None,
        )

    async def pending(self) -> tuple[Claimed, ...]:
        await _turn()
        return tuple(row.shown() for row in sorted(self._open(), key=lambda row: row.order))

    async def failed(self, limit: int = 100) -> tuple[tuple[Claimed, str], ...]:
        """Effects given up, newest first, each with its error."""
        await _turn()
        rows = [row for row in reversed(self._effects.values()) if row.state == "failed"]
        return tuple((row.shown(), row.error) for row in rows[:limit])

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
        for row in list(self._effects.values()):
            if row.state == "done" and row.new.coalesce and row.added_at < before:
                del self._effects[row.id]
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


def _copy(codec: Codec[T], value: T) -> T:
    return codec.decode(codec.encode(value))


async def _turn() -> None:
    """A real store gives way to other tasks; a twin that did not would hide their races."""
    await asyncio.sleep(0)
