"""What has happened. Past tense, frozen, append-only; old ones must stay readable for ever."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.rollout.model import DriftedHost, GateResult, Hold, TriggerResult, Verdict


@dataclass(frozen=True, slots=True)
class RolloutStarted:
    rollout: str
    version: str
    stable_version: str
    stable: tuple[str, ...]
    canary: tuple[str, ...]
    salt: str
    initiator: str
    reason: str
    plan_hash: str
    hosts: tuple[str, ...]
    stages: tuple[tuple[str, float], ...]
    at: float


@dataclass(frozen=True, slots=True)
class ApprovalAsked:
    stage: str
    attempt: int
    plan_hash: str
    expires_at: float
    by: str
    at: float


@dataclass(frozen=True, slots=True)
class ApproversChanged:
    stage: str
    attempt: int
    approvers: tuple[str, ...]
    at: float


@dataclass(frozen=True, slots=True)
class ReactionRefused:
    stage: str
    attempt: int
    user: str
    emoji: str
    code: str
    at: float


@dataclass(frozen=True, slots=True)
class StageApproved:
    stage: str
    attempt: int
    approvers: tuple[str, ...]
    at: float


@dataclass(frozen=True, slots=True)
class ApprovalClosed:
    """The asking ended without approval."""

    stage: str
    attempt: int
    how: Literal["vetoed", "expired", "voided"]
    by: str
    at: float


@dataclass(frozen=True, slots=True)
class ShiftOrdered:
    stage: str
    generation: int
    weight: float
    why: Literal["stage", "retry", "restore"]
    by: str
    at: float
    answered: tuple[tuple[str, str], ...] = ()  # (host, digest) that was there and shown when `by` had it overwritten


@dataclass(frozen=True, slots=True)
class ShiftDone:
    stage: str
    generation: int
    hosts: tuple[str, ...]
    duration: float
    at: float


@dataclass(frozen=True, slots=True)
class ShiftFailed:
    stage: str
    generation: int
    outcome: str
    failed: tuple[tuple[str, str], ...]
    at: float


@dataclass(frozen=True, slots=True)
class VerdictChanged:
    stage: str
    gate: GateResult
    before: Verdict | None
    at: float


@dataclass(frozen=True, slots=True)
class BakeProlonged:
    stage: str
    until: float
    at: float


@dataclass(frozen=True, slots=True)
class SightLost:
    """The metrics have been unreadable for longer than `blind_warning`."""

    stage: str
    since: float
    error: str
    at: float


@dataclass(frozen=True, slots=True)
class SightRegained:
    stage: str
    blind_for: float
    at: float


@dataclass(frozen=True, slots=True)
class StagePassed:
    stage: str
    gates: tuple[GateResult, ...]
    share: float | None
    baked: float
    at: float


@dataclass(frozen=True, slots=True)
class StageForced:
    stage: str
    by: str
    reason: str
    gates: tuple[GateResult, ...]
    share: float | None
    baked: float
    at: float


@dataclass(frozen=True, slots=True)
class StageHeld:
    stage: str
    hold: Hold
    detail: str
    gates: tuple[GateResult, ...]
    at: float


@dataclass(frozen=True, slots=True)
class BakeRestarted:
    stage: str
    by: str
    at: float


@dataclass(frozen=True, slots=True)
class RolloutPaused:
    by: str
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class RolloutResumed:
    by: str
    at: float


@dataclass(frozen=True, slots=True)
class NoteAdded:
    by: str
    text: str
    stage: str
    at: float


@dataclass(frozen=True, slots=True)
class PlanChanged:
    before: str
    after: str
    at: float


@dataclass(frozen=True, slots=True)
class GenerationSeen:
    """A host carries a higher generation than the log knows: the next order must be above it."""

    generation: int
    at: float


@dataclass(frozen=True, slots=True)
class DriftFound:
    drift: tuple[DriftedHost, ...]
    at: float


@dataclass(frozen=True, slots=True)
class DriftGone:
    at: float


@dataclass(frozen=True, slots=True)
class DriftAdopted:
    drift: tuple[DriftedHost, ...]
    by: str
    at: float


@dataclass(frozen=True, slots=True)
class RollbackOrdered:
    generation: int
    by: str
    reason: str
    trigger: TriggerResult | None
    stage: str
    at: float


@dataclass(frozen=True, slots=True)
class HostsRestored:
    generation: int
    restored: tuple[str, ...]
    pending: tuple[tuple[str, str], ...]
    duration: float
    at: float


@dataclass(frozen=True, slots=True)
class RolledBack:
    rollout: str
    generation: int
    at: float


@dataclass(frozen=True, slots=True)
class RolloutCancelled:
    rollout: str
    by: str
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class WatchStarted:
    until: float
    at: float


@dataclass(frozen=True, slots=True)
class RolloutCompleted:
    rollout: str
    version: str
    at: float


Event = (
    RolloutStarted
    | ApprovalAsked
    | ApproversChanged
    | ReactionRefused
    | StageApproved
    | ApprovalClosed
    | ShiftOrdered
    | ShiftDone
    | ShiftFailed
    | VerdictChanged
    | BakeProlonged
    | SightLost
    | SightRegained
    | StagePassed
    | StageForced
    | StageHeld
    | BakeRestarted
    | RolloutPaused
    | RolloutResumed
    | NoteAdded
    | PlanChanged
    | GenerationSeen
    | DriftFound
    | DriftGone
    | DriftAdopted
    | RollbackOrdered
    | HostsRestored
    | RolledBack
    | RolloutCancelled
    | WatchStarted
    | RolloutCompleted
)
