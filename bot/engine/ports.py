"""What the engine needs from the outside, as Protocols. Each has a real adapter and a twin that pass one suite."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.alerts.effects import AlertEffect
from bot.alerts.events import AlertEvent
from bot.alerts.model import AlertsState
from bot.alerts.rules import Answer
from bot.fleet.target import HostReading, HostResult, ShiftReport, Target
from bot.rollout.effects import Effect
from bot.rollout.events import Event
from bot.rollout.gate import Need, Values
from bot.rollout.intents import Refusal
from bot.rollout.model import Board, Person, Rollout, ServiceState

# What the one store holds: the streams of services, and the stream of alerts (bot.alerts.model.STREAM).
LogEvent = Event | AlertEvent
OutboxEffect = Effect | AlertEffect
StreamState = ServiceState | AlertsState
Rooms = Sequence[tuple[Sequence[str], int]]  # (kinds of effects, how many of them together)


class Conflict(Exception):
    """Another commit took the stream's next seq first: load again and decide again."""


class Fenced(Exception):
    """The lead of this epoch has passed to another holder: stop acting for the stream."""


@dataclass(frozen=True, slots=True)
class Lead:
    """The right to act for a stream: to perform its effects and to evaluate its gates.

    epoch: grows with every change of holder, never falls. until: Unix seconds on the store's clock.
    """

    stream: str
    owner: str
    epoch: int
    until: float


@dataclass(frozen=True, slots=True)
class Stored:
    """A stream as the store has it: the newest snapshot, and the events after it with their seq."""

    snapshot: StreamState | None
    events: tuple[tuple[int, LogEvent], ...]


@dataclass(frozen=True, slots=True)
class NewEffect:
    """lane: effects of one lane are performed one at a time, in order of (priority, id).

    coalesce: replace a *pending* effect of the same key instead of adding one (a claimed one is left alone).
    due_at: Unix seconds; not claimed before. 0 = at once, also by a replica whose clock is behind the writer's.
    """

    effect: OutboxEffect
    lane: str
    due_at: float = 0.0
    coalesce: bool = False


@dataclass(frozen=True, slots=True)
class Measurement:
    rollout: str
    stage: str
    metric: str
    pool: str  # "stable" | "canary"
    value: float | None  # in the metric's unit; None = no value
    error: str
    at: float


@dataclass(frozen=True, slots=True)
class Commit:
    """One transaction. Everything in it happens, or nothing does.

    cause: what made it (Slack event id, trigger id, tick, effect outcome); a cause already known makes the whole
        commit a no-op that answers `duplicate`. None = not deduplicated.
    expected: the stream's last seq as the decider saw it; else Conflict.
    finish: ids of the claimed effects whose outcome this is; they become done in the same transaction.
    rollout: the row of the rollouts index to insert or replace (None = unchanged).
    epoch: given, the append is the actor's, and is Fenced where the stream's lead has another epoch; a lead that ran
        out but that nobody took keeps its epoch, so it still commits. None: a person's intent; any replica may commit.
    """

    stream: str
    expected: int
    at: float
    cause: str | None = None
    events: tuple[LogEvent, ...] = ()
    effects: tuple[NewEffect, ...] = ()
    board: Board | None = None
    measurements: tuple[Measurement, ...] = ()
    finish: tuple[int, ...] = ()
    rollout: Rollout | None = None
    snapshot: StreamState | None = None
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """epoch: of the lead under which it was claimed; 0 = claimed without a lead.

    owner: the token to hand back to renew, finish, retry and fail. It differs per owner and epoch, so that a claimer
        that was frozen, and led again since, cannot end a claim no longer its own. "" while nobody has claimed it.
    """

    id: int
    key: str
    stream: str
    lane: str
    effect: OutboxEffect
    attempts: int  # times claimed before this one
    lease_until: float
    epoch: int = 0
    owner: str = ""


@dataclass(frozen=True, slots=True)
class MessageRef:
    """Where a message of ours is: key as in the effect's, channel id, ts, and the digest of what it shows."""

    key: str
    channel: str
    ts: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Submitted:
    """What came of an intent: events, or a refusal. duplicate: the cause was known, nothing done."""

    state: ServiceState
    events: tuple[Event, ...] = ()
    refusal: Refusal | None = None
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Alerted:
    """What came of an intent about alerts: events, or a refusal. duplicate: the cause was known, nothing done."""

    state: AlertsState
    events: tuple[AlertEvent, ...] = ()
    refusal: Refusal | None = None
    duplicate: bool = False


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

    async def put_message(self, ref: MessageRef) -> None: ...

    async def message(self, key: str) -> MessageRef | None: ...

    async def message_at(self, channel: str, ts: str) -> MessageRef | None: ...

    async def close(self) -> None: ...


class Fleet(Protocol):
    """All hosts of one service as one."""

    async def read(self, service: str) -> tuple[HostReading, ...]: ...

    async def shift(self, target: Target, superseded: Callable[[], bool]) -> ShiftReport: ...

    async def roll_back(self, target: Target, on_host: Callable[[HostResult], None] | None = None) -> ShiftReport: ...

    async def plan_diff(self, target: Target) -> Mapping[str, str]: ...

    def part(self, hosts: Sequence[str]) -> Fleet:
        """These hosts alone, over the same connections; only the whole is closed."""
        ...

    async def put_back(self, target: Target) -> ShiftReport:
        """Every host that has the target's generation gets back what it had before: REVERTED, or PARTIAL."""
        ...

    async def aclose(self) -> None: ...


class Metrics(Protocol):
    async def measure(self, needs: Sequence[Need]) -> Values:
        """An answer for every need, all within one outer deadline. Never raises: what failed has its error."""
        ...


class Series(Protocol):
    async def series(self, queries: Sequence[str]) -> tuple[Answer, ...]:
        """Every series of every query, in their order, within one outer deadline. Never raises: see Answer.error."""
        ...


class Retryable(Exception):
    """The outside could not do it now; `after` seconds is its own wish (a 429's Retry-After), None = back off."""

    def __init__(self, what: str, after: float | None = None) -> None:
        super().__init__(what)
        self.after = after


class Away(Retryable):
    """The store does not answer: most likely nothing was recorded. Tried again with the same cause it happens once."""


class Final(Exception):
    """The outside will never do it; the sentence names the mend."""


class Gone(Final):
    """The message to be changed is no longer there; it has to be posted anew."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A rendered message: `text` is the fallback and the notification; blocks are Block Kit dicts."""

    text: str
    blocks: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification in words. short: for SMS: what, where, since when."""

    subject: str
    text: str
    html: str
    short: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to be shown. name: with its ending, by which a picture is known to be one. title: for people."""

    name: str
    title: str
    data: bytes


@dataclass(frozen=True, slots=True)
class MessageRead:
    """Somebody's message as it is now. thread_ts: of the thread's first message, "" = in no thread."""

    user: str
    text: str
    thread_ts: str
    bot: bool


@dataclass(frozen=True, slots=True)
class ReactionRead:
    user: str
    emoji: str


class Chat(Protocol):
    """Slack, as far as the worker needs it. Raises Retryable or Final, nothing else."""

    async def post(
        self,
        key: str,
        channel: str,
        message: Outgoing,
        thread_ts: str = "",
        broadcast: bool = False,
    ) -> tuple[str, str]:
        """(channel id, ts). The key goes along in the message's metadata."""
        ...

    async def find(self, key: str, channel: str, thread_ts: str = "") -> tuple[str, str] | None:
        """The message an earlier, cut-off try may have posted: (channel id, ts)."""
        ...

    async def update(self, channel: str, ts: str, message: Outgoing) -> None: ...

    async def whisper(self, channel: str, user: str, message: Outgoing, thread_ts: str = "") -> None: ...

    async def seed(self, channel: str, ts: str, emoji: Sequence[str]) -> None: ...

    async def reactions(self, channel: str, ts: str) -> tuple[ReactionRead, ...]: ...

    async def permalink(self, channel: str, ts: str) -> str: ...

    async def upload(
        self,
        key: str,
        channel: str,
        thread_ts: str,
        files: Sequence[Attachment],
        text: str,
        instead: Sequence[Outgoing] = (),
    ) -> tuple[str, ...]:
        """Shares the files as one message with the text, to be found by its key like any other; their ids.

        channel: an id. instead: what is said where the server takes no files; then the answer is ().
        """
        ...

    async def read(self, channel: str, ts: str) -> MessageRead | None:
        """One message, in a thread or not; None = it is not there, or may not be read."""
        ...

    @property
    def user_id(self) -> str:
        """The bot's own user id; "" before the token was checked."""
        ...


class Directory(Protocol):
    async def person(self, user: str, fresh: bool = False) -> Person:
        """Roles and standing. Never raises: what could not be checked has `known=False`. `fresh` skips the cache."""
        ...
