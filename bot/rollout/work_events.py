"""What happens before, around and after the traffic. Part of `events`, which everything else imports.

What comes after the end names its rollout: the next one may have begun by then.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.rollout.model import GateResult, TriggerResult
from bot.rollout.runbook import Phase
from bot.rollout.work import Signature, WorkRef, WorkResult


@dataclass(frozen=True, slots=True)
class WorkOrdered:
    """These pieces are to be done now, side by side. again: some of them were tried before."""

    phase: Phase
    stage: str
    order: int
    refs: tuple[WorkRef, ...]
    by: str  # user id; "" = the rollout's own course
    again: bool
    at: float


@dataclass(frozen=True, slots=True)
class WorkDone:
    result: WorkResult
    order: int
    at: float


@dataclass(frozen=True, slots=True)
class WorkFinished:
    """A phase is over. left: pieces that failed in a phase that goes on all the same: to be done by hand."""

    phase: Phase
    stage: str
    left: tuple[WorkRef, ...]
    at: float


@dataclass(frozen=True, slots=True)
class WorkOverridden:
    """A person with the role passes over what failed."""

    refs: tuple[WorkRef, ...]
    by: str
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class ItemTicked:
    item: str
    by: str
    ticked: bool  # False: taken back
    at: float


@dataclass(frozen=True, slots=True)
class WatchLine:
    """What the watch shows, told every `watch_every`. number: from 1."""

    number: int
    gates: tuple[GateResult, ...]
    triggers: tuple[TriggerResult, ...]
    share: float | None
    left: float  # seconds of the watch
    at: float


@dataclass(frozen=True, slots=True)
class FollowUpAdded:
    rollout: str
    id: str
    text: str
    owner: str
    due: str
    priority: str
    by: str
    at: float


@dataclass(frozen=True, slots=True)
class FollowUpClosed:
    rollout: str
    id: str
    by: str
    at: float


@dataclass(frozen=True, slots=True)
class FollowUpDue:
    """Its date has come, and it is still open: the owner is reminded."""

    rollout: str
    id: str
    at: float


@dataclass(frozen=True, slots=True)
class ReportOrdered:
    """A report is to be posted for signing. A later edition voids the signatures under the one before."""

    rollout: str
    edition: int
    at: float


@dataclass(frozen=True, slots=True)
class ReportPosted:
    rollout: str
    edition: int
    digest: str
    at: float


@dataclass(frozen=True, slots=True)
class SignaturesChanged:
    """Everybody who has signed this edition now, each for one role."""

    rollout: str
    edition: int
    signatures: tuple[Signature, ...]
    at: float


@dataclass(frozen=True, slots=True)
class SignOffReminded:
    rollout: str
    edition: int
    missing: tuple[str, ...]  # SignRole titles
    at: float


@dataclass(frozen=True, slots=True)
class SignedOff:
    """Every role has signed."""

    rollout: str
    edition: int
    at: float
