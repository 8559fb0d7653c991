"""The one store: the log, the outbox, the leads, and what lies beside them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

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


class Store(Protocol):
    @property
    def shared(self) -> bool:
        """Whether several processes may have the store open at once, so that a cached state can be stale."""
        ...

    async def lead(self, stream: str, owner: str, lease: float) -> Lead | None:
        """Takes or renews the lead for `lease` seconds by the store's own clock; None where another holds it unexpired.

        owner: a name no other process has, nor an earlier one with the same host name and process id.
        A change of holder raises the epoch, and makes the claims of earlier epochs on that stream pending at once.
        A store with a sole owner (SQLite's lock) hands the lead to a new owner at once: the former process is dead.
        """
        ...

    async def resign(self, owner: str) -> int:
        """Gives up every lead of the owner at once (SIGTERM); the number given up. Others are notified.

        The epochs stay until somebody takes the lead, so an outcome under way can still be committed; claiming ends.
        """
        ...

    async def leads(self) -> tuple[Lead, ...]:
        """Those that somebody holds, or held until they ran out, by stream; one that was resigned is not among them."""
        ...

    async def now(self) -> float:
        """The store's clock, Unix seconds: the database's where it has one."""
        ...

    async def listen(self, on_change: Callable[[str], None]) -> None:
        """From now on calls back, in the loop, with the stream after each commit of any process and each resignation.

        "" = anything may have changed (after a lost connection). Returns at once; ends with `close`.
        """
        ...

    async def load(self, stream: str) -> Stored: ...

    async def streams(self) -> tuple[str, ...]: ...

    async def commit(self, commit: Commit) -> Committed:
        """Raises Fenced, Conflict; looked at in this order: epoch, cause, expected. Events get seq expected+1, …"""
        ...

    async def put_snapshot(self, stream: str, state: StreamState) -> None:
        """A snapshot of what is in the log already, for states that take long to write: no commit waits for it.

        One older than the newest changes nothing. Raises ValueError for a state from after the log's end.
        """
        ...

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
        """Due pending effects, and claimed ones whose lease ran out, by (priority, id); never two of one lane at once.

        A lane with a claimed, unexpired effect is skipped, except that RestoreTraffic is never held up by its lane.
        kinds: class names of effects to claim; None = all.
        epochs: claim only effects of these streams, and only while the owner's lead has that epoch. None = every
            stream, no lead asked, the token is the owner.
        rooms: of these kinds at most so many; one whose room is full is passed over, and holds up nothing.
        """
        ...

    async def renew(self, id: int, owner: str, until: float) -> bool:
        """owner, here and below: the claim's token. False: the lease was lost, stop working on it."""
        ...

    async def finish(self, id: int, owner: str) -> bool: ...

    async def retry(self, id: int, owner: str, due_at: float, error: str) -> bool:
        """Back to pending, not before due_at; attempts stay counted."""
        ...

    async def fail(self, id: int, owner: str, error: str) -> bool:
        """Never again; kept with its error for a person to see."""
        ...

    async def next_due(self, streams: Collection[str] | None = None) -> float | None:
        """When the earliest pending or leased effect (of these streams) can be claimed; None = nothing waits."""
        ...

    async def pending(self) -> tuple[Claimed, ...]:
        """Everything not done, for /status and tests."""
        ...

    async def board(self, rollout: str, stage: str) -> Board | None: ...

    async def measurements(self, rollout: str, stage: str | None = None) -> tuple[Measurement, ...]: ...

    async def prune(self, before: float) -> int:
        """Drops measurements and causes older than `before`; the number dropped. Events are never dropped."""
        ...

    async def rollouts(self, service: str | None = None, limit: int = 20) -> tuple[Rollout, ...]:
        """Newest first."""
        ...

    async def rollout(self, id: str) -> Rollout | None: ...

    async def next_rollout_number(self, day: str) -> int:
        """1 + the highest n of `ROLLOUT-<day>-<n>` in the index; uniqueness is settled by commit (Conflict)."""
        ...

    async def events(self, stream: str, after: int = 0) -> tuple[tuple[int, LogEvent], ...]: ...

    async def last_before(self, stream: str, at: float) -> int:
        """The seq of the last event that was committed before `at` (Unix seconds), 0 for none: with it as `after` one
        reads what happened since, and not the whole of a log that grows for years.
        """
        ...

    async def put_message(self, ref: MessageRef) -> None: ...

    async def message(self, key: str) -> MessageRef | None: ...

    async def message_at(self, channel: str, ts: str) -> MessageRef | None: ...

    async def close(self) -> None: ...
