"""What has happened. Past tense, frozen, append-only; old ones must stay readable for ever."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.rollout.approval_events import ApprovalAsked as ApprovalAsked
from bot.rollout.approval_events import ApprovalClosed as ApprovalClosed
from bot.rollout.approval_events import ApproversChanged as ApproversChanged
from bot.rollout.approval_events import ReactionRefused as ReactionRefused
from bot.rollout.approval_events import StageApproved as StageApproved
from bot.rollout.back_events import HostsRestored as HostsRestored
from bot.rollout.back_events import RollbackOrdered as RollbackOrdered
from bot.rollout.back_events import RolledBack as RolledBack
from bot.rollout.back_events import StepDownDone as StepDownDone
from bot.rollout.back_events import StepDownOrdered as StepDownOrdered
from bot.rollout.host_events import HostsCaughtUp as HostsCaughtUp
from bot.rollout.model import DriftedHost, GateResult
from bot.rollout.shift_events import ShiftDone as ShiftDone
from bot.rollout.shift_events import ShiftFailed as ShiftFailed
from bot.rollout.shift_events import ShiftOrdered as ShiftOrdered
from bot.rollout.shift_events import WaveDone as WaveDone
from bot.rollout.shift_events import WaveOrdered as WaveOrdered
from bot.rollout.stage_events import BakeProlonged as BakeProlonged
from bot.rollout.stage_events import BakeRestarted as BakeRestarted
from bot.rollout.stage_events import ShareAstray as ShareAstray
from bot.rollout.stage_events import ShareSettled as ShareSettled
from bot.rollout.stage_events import SightLost as SightLost
from bot.rollout.stage_events import SightRegained as SightRegained
from bot.rollout.stage_events import StageForced as StageForced
from bot.rollout.stage_events import StageHeld as StageHeld
from bot.rollout.stage_events import StagePassed as StagePassed
from bot.rollout.stage_events import VerdictChanged as VerdictChanged
from bot.rollout.work_events import FollowUpAdded as FollowUpAdded
from bot.rollout.work_events import FollowUpClosed as FollowUpClosed
from bot.rollout.work_events import FollowUpDue as FollowUpDue
from bot.rollout.work_events import ItemTicked as ItemTicked
from bot.rollout.work_events import ReportOrdered as ReportOrdered
from bot.rollout.work_events import ReportPosted as ReportPosted
from bot.rollout.work_events import SignaturesChanged as SignaturesChanged
from bot.rollout.work_events import SignedOff as SignedOff
from bot.rollout.work_events import SignOffReminded as SignOffReminded
from bot.rollout.work_events import WatchLine as WatchLine
from bot.rollout.work_events import WorkDone as WorkDone
from bot.rollout.work_events import WorkFinished as WorkFinished
from bot.rollout.work_events import WorkOrdered as WorkOrdered
from bot.rollout.work_events import WorkOverridden as WorkOverridden

NoteKind = Literal["", "good", "bad", "feedback"]


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
    prepares: bool = False  # whether checks, a backup or a checklist come before the first asking


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
    kind: NoteKind = ""


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
    """Every host that serves is as ordered. down: those whose drift ended because nginx there is just not running."""

    at: float
    down: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DriftAdopted:
    drift: tuple[DriftedHost, ...]
    by: str
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
    warm_until: float | None = None  # blue_green: when the old pool may go, the watch's end at the earliest


@dataclass(frozen=True, slots=True)
class RolloutCompleted:
    rollout: str
    version: str
    at: float
    gates: tuple[GateResult, ...] = ()  # as the watch had them at its end


@dataclass(frozen=True, slots=True)
class PoolReleased:
    """blue_green: the old version was kept warm for as long as the plan says; it may be taken down."""

    rollout: str
    version: str  # the old one
    at: float


Event = (
    RolloutStarted
    | ApprovalAsked
    | ApproversChanged
    | ReactionRefused
    | StageApproved
    | ApprovalClosed
    | ShiftOrdered
    | WaveDone
    | WaveOrdered
    | ShiftDone
    | HostsCaughtUp
    | ShiftFailed
    | VerdictChanged
    | BakeProlonged
    | SightLost
    | SightRegained
    | ShareAstray
    | ShareSettled
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
    | StepDownOrdered
    | StepDownDone
    | RollbackOrdered
    | HostsRestored
    | RolledBack
    | RolloutCancelled
    | WatchStarted
    | RolloutCompleted
    | PoolReleased
    | WorkOrdered
    | WorkDone
    | WorkFinished
    | WorkOverridden
    | ItemTicked
    | WatchLine
    | FollowUpAdded
    | FollowUpClosed
    | FollowUpDue
    | ReportOrdered
    | ReportPosted
    | SignaturesChanged
    | SignOffReminded
    | SignedOff
)
