"""What the store is given and gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.alerts.effects import AlertEffect
from bot.alerts.events import AlertEvent
from bot.alerts.model import AlertsState
from bot.rollout.effects import Effect
from bot.rollout.events import Event
from bot.rollout.model import Board, Rollout, ServiceState

# What the one store holds: the streams of services, and the stream of alerts (bot.alerts.model.STREAM).
LogEvent = Event | AlertEvent
OutboxEffect = Effect | AlertEffect
StreamState = ServiceState | AlertsState
Rooms = Sequence[tuple[Sequence[str], int]]  # (kinds of effects, how many of them together)


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
