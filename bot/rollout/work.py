"""What the bot does besides traffic: one piece of work, and what came of it. Pure. Times are Unix seconds (UTC)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bot.rollout.runbook import Phase

WorkKind = Literal["check", "backup", "baseline", "step", "verify"]
SUMMARY = 200  # characters at most
OUTPUT = 4000  # characters kept of what a command printed, from the end
BEFORE, AFTER = "before", "after"  # names of the two baselines
TRAFFIC = (
    "traffic"  # the verification that the bot does by itself: every host read back, with no share for the new pool
)


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    NOT_RUNNABLE = "not_runnable"  # it could not even be begun: the machine, the program or the permission is missing
    UNKNOWN = "unknown"  # it was begun, and nobody can say how it ended; not repeated unless a person says so


@dataclass(frozen=True, slots=True)
class WorkRef:
    """Which piece of work. stage: of PER_STAGE phases, else "". machine: of steps, else ""."""

    kind: WorkKind
    name: str
    phase: Phase
    stage: str = ""
    machine: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric over a baseline's window. mean None = nothing was measured. spread: the samples' standard deviation."""

    metric: str
    mean: float | None
    spread: float | None
    samples: int


@dataclass(frozen=True, slots=True)
class WorkResult:
    """summary: one line, at most SUMMARY characters. output: at most OUTPUT, secrets masked; in events only.

    value: the number that a check or a load test came to. facts: what else there is: a backup's file, size, sha256.
    """

    ref: WorkRef
    outcome: Outcome
    summary: str
    started_at: float
    finished_at: float
    output: str = ""
    exit_status: int | None = None
    value: float | None = None
    facts: tuple[tuple[str, str], ...] = ()
    figures: tuple[Figure, ...] = ()

    @property
    def passed(self) -> bool:
        return self.outcome is Outcome.PASSED

    def fact(self, name: str) -> str:
        return dict(self.facts).get(name, "")


@dataclass(frozen=True, slots=True)
class Work:
    """The phase under way. order: counts the orders of a rollout, and is part of each piece's key.

    running: what was ordered last and has not reported. finished: every piece of the phase is over.
    """

    phase: Phase
    stage: str
    order: int
    running: tuple[WorkRef, ...] = ()
    finished: bool = False
    begun_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Overridden:
    """A failed check or step that a person passed over."""

    ref: WorkRef
    by: str
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class ItemTick:
    """A ticked item of the checklist."""

    item: str
    by: str
    at: float


@dataclass(frozen=True, slots=True)
class FollowUp:
    """id: "F1", "F2", … in a rollout. owner: a user id. due: YYYY-MM-DD. priority: "P0" … "P3"."""

    id: str
    text: str
    owner: str
    due: str
    priority: str
    by: str
    at: float
    done_by: str = ""
    done_at: float | None = None
    reminded: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """role: SignRole.title."""

    role: str
    user: str
    at: float


@dataclass(frozen=True, slots=True)
class ReportState:
    """The report as last ordered. edition: from 1. digest: of the posted content; a signature is bound to it.

    voided: signatures that a new edition made void, with the edition they were of.
    """

    edition: int
    ordered_at: float
    digest: str = ""
    posted_at: float | None = None
    signatures: tuple[Signature, ...] = ()
    signed_at: float | None = None  # when the last role signed
    reminded_at: float | None = None
    voided: tuple[tuple[int, Signature], ...] = ()
