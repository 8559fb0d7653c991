"""The pending effects of the store in memory: the rules of `bot.store.outbox`, without SQL."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from bot.engine.ports.records import Claimed, NewEffect, Rooms
from bot.store.rules import NEVER_HELD, one_per_lane, sayable, token


@dataclass(slots=True)
class Row:
    """ready_at: when it can next be claimed: due_at while pending, the end of the lease while claimed."""

    id: int
    stream: str
    new: NewEffect
    added_at: float
    ready_at: float
    state: Literal["pending", "claimed", "done", "failed"] = "pending"
    owner: str = ""
    epoch: int = 0
    attempts: int = 0
    error: str = ""

    @property
    def key(self) -> str:
        return self.new.effect.key

    @property
    def order(self) -> tuple[int, int]:
        return self.new.effect.priority, self.id

    @property
    def kind(self) -> str:
        return type(self.new.effect).__name__

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
            epoch=self.epoch,
            owner=self.owner,
        )


class MemoryOutbox:
    def __init__(self) -> None:
        self._last_id = 0
        self._open: dict[int, Row] = {}  # pending or claimed, by id
        self._failed: list[Row] = []
        self._by_key: dict[str, list[Row]] = defaultdict(list)

    def add(self, stream: str, at: float, new: NewEffect) -> None:
        """Nothing where the key is known; a coalesced one is added unless one of its key is waiting."""
        same = self._by_key[new.effect.key]
        waiting = next((row for row in same if row.state == "pending"), None)
        if new.coalesce and waiting:
            waiting.new = dataclasses.replace(new, coalesce=waiting.new.coalesce)
            waiting.ready_at = min(waiting.ready_at, new.due_at)
        elif new.coalesce or not same:
            self._last_id += 1
            row = self._open[self._last_id] = Row(self._last_id, stream, new, at, new.due_at)
            same.append(row)

    def settle(self, ids: Iterable[int]) -> None:
        """Done, whoever has them."""
        for row in [self._open.pop(id) for id in ids if id in self._open]:
            row.state, row.owner, row.epoch, row.error = "done", "", 0, ""

    def claim(
        self,
        owner: str,
        now: float,
        lease: float,
        limit: int,
        kinds: Collection[str] | None,
        led: Mapping[str, int] | None,
        rooms: Rooms = (),
    ) -> tuple[Claimed, ...]:
        """led: the epochs of the owner's leads; only their streams count. None = every stream, without a lead."""
        held = {row.new.lane for row in self._open.values() if row.state == "claimed" and row.ready_at > now}
        due = (
            (row.id, row.new.lane, row.kind)
            for row in self._in_order()
            if row.ready_at <= now
            and (kinds is None or row.kind in kinds)
            and (led is None or row.stream in led)
            and (row.kind == NEVER_HELD or row.new.lane not in held)
        )
        taken = [self._open[id] for id in one_per_lane(due, limit, rooms)]
        for row in taken:
            row.state, row.ready_at, row.attempts = "claimed", now + lease, row.attempts + 1
            row.epoch = 0 if led is None else led[row.stream]
            row.owner = token(owner, row.epoch)
        return tuple(row.shown() for row in taken)

    def _in_order(self) -> list[Row]:
        return sorted(self._open.values(), key=lambda row: row.order)

    def mine(self, id: int, owner: str) -> Row | None:
        """The row, while it is claimed under this token."""
        row = self._open.get(id)
        return row if row and row.state == "claimed" and row.owner == owner else None

    def retry(self, row: Row, due_at: float, error: str) -> None:
        self._put_back(row, due_at, sayable(error))

    def fail(self, row: Row, error: str) -> None:
        row.state, row.owner, row.epoch, row.error = "failed", "", 0, sayable(error)
        self._failed.append(self._open.pop(row.id))

    def put_back_before(self, stream: str, epoch: int) -> None:
        """What earlier epochs had claimed of the stream is pending at once: their holder no longer acts."""
        rows = self._open.values()
        for row in [r for r in rows if r.state == "claimed" and r.stream == stream and r.epoch < epoch]:
            self._put_back(row, 0.0, row.error)

    def _put_back(self, row: Row, ready_at: float, error: str) -> None:
        newer = next((r for r in self._by_key[row.key] if r.state == "pending"), None)
        if newer:  # it shows all that this one would have; the wait that the outside asked for goes with it
            newer.attempts, newer.ready_at = newer.attempts + row.attempts, max(newer.ready_at, ready_at)
            newer.error, row.state, row.owner, row.epoch = error, "done", "", 0
            del self._open[row.id]
        else:
            row.state, row.owner, row.epoch, row.ready_at, row.error = "pending", "", 0, ready_at, error

    def next_due(self, streams: Collection[str] | None) -> float | None:
        """An effect of a lane that is held up cannot be claimed before the lane's last lease has run out."""
        held: dict[str, float] = {}
        for row in self._open.values():
            if row.state == "claimed":
                held[row.new.lane] = max(row.ready_at, held.get(row.new.lane, row.ready_at))
        return min(
            (
                row.ready_at if row.kind == NEVER_HELD else max(row.ready_at, held.get(row.new.lane, row.ready_at))
                for row in self._open.values()
                if streams is None or row.stream in streams
            ),
            default=None,
        )

    def pending(self) -> tuple[Claimed, ...]:
        return tuple(row.shown() for row in self._in_order())

    def failed(self, limit: int) -> tuple[tuple[Claimed, str], ...]:
        newest = sorted(self._failed, key=lambda row: -row.id)
        return tuple((row.shown(), row.error) for row in newest[:limit])

    def drop_shown(self, before: float) -> None:
        """Done and coalesced ones: their keys may come again, so nothing is told by keeping them."""
        for key, rows in list(self._by_key.items()):
            kept = [r for r in rows if not (r.state == "done" and r.new.coalesce and r.added_at < before)]
            if kept:
                self._by_key[key] = kept
            else:
                del self._by_key[key]
