"""The state of a service and its rollout, folded from events. Pure and frozen. Times are Unix seconds (UTC)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from bot.rollout.work import FollowUp, ItemTick, Overridden, ReportState, Said, Work, WorkResult


class Status(StrEnum):
    PREPARING = "preparing"  # checks, backup, checklist; no traffic was touched
    AWAITING_APPROVAL = "awaiting_approval"
    WORKING = "working"  # steps of the plan run, before a shift or before the next asking
    SHIFTING = "shifting"
    BAKING = "baking"
    PASSED = "passed"  # waits for /rollout promote
    HELD = "held"  # waits for a person: see Rollout.hold
    WATCHING = "watching"
    STEPPING_DOWN = "stepping_down"  # a person takes the share back in steps; the last is a rollback
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    CANCELLED = "cancelled"  # ended before any traffic was shifted
    COMPLETED = "completed"


FINAL = frozenset({Status.ROLLED_BACK, Status.CANCELLED, Status.COMPLETED})


class Verdict(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    NOT_ENOUGH_DATA = "not_enough_data"
    BLIND = "blind"


class Hold(StrEnum):
    """Why a rollout waits for a person; each has one mend, named in the message."""

    GATES_FAILED = "gates_failed"
    NOT_ENOUGH_DATA = "not_enough_data"
    SHIFT_FAILED = "shift_failed"
    PREPARATION_FAILED = "preparation_failed"
    STEP_FAILED = "step_failed"
    VETOED = "vetoed"
    EXPIRED = "expired"
    PLAN_CHANGED = "plan_changed"


@dataclass(frozen=True, slots=True)
class GateResult:
    """One row of the gate table. Values in the metric's unit; None = no value."""

    text: str
    metric: str
    verdict: Verdict
    canary: float | None = None
    stable: float | None = None
    samples: float | None = None  # observations behind the canary's value; None where the metric counts none
    readings: int = 0  # times a value was read in this bake
    error: str = ""
    said: tuple[Said, ...] = ()  # of a step's row: the error in no language


@dataclass(frozen=True, slots=True)
class TriggerResult:
    text: str
    metric: str
    value: float | None = None
    samples: float | None = None
    holding_since: float | None = None
    tripped: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """The live measurements of one bake: small, persisted beside the log, replaced at every evaluation.

    baked: seconds really measured; a blind or empty stretch does not count (DESIGN §6.4).
    blind_total: seconds without sight since the bake began; prolongs max_bake by as much.
    idle_total: seconds nobody meant to measure in (paused, drifted, the bot was down); prolongs max_bake likewise.
    """

    rollout: str
    stage: str
    generation: int
    started_at: float
    baked: float = 0.0
    last_at: float | None = None
    blind_since: float | None = None
    blind_total: float = 0.0
    gates: tuple[GateResult, ...] = ()
    triggers: tuple[TriggerResult, ...] = ()
    share: float | None = None  # percent of requests the canary got in this bake, measured
    idle_total: float = 0.0
    share_requests: float | None = None  # of both pools, behind the share
    settled_at: float | None = None  # when the share came to its target, and the bake could begin
    share_error: str = ""  # why it could not be read just now


@dataclass(frozen=True, slots=True)
class Approval:
    """One asking for one stage; bound to the rollout, the stage and the plan's hash."""

    stage: str
    attempt: int
    plan_hash: str
    asked_at: float
    expires_at: float
    approvers: tuple[str, ...] = ()
    told: tuple[tuple[str, str], ...] = ()  # (user, refusal code) already explained in private
    decided: Literal["", "approved", "vetoed", "expired", "voided"] = ""
    decided_by: tuple[str, ...] = ()
    decided_at: float | None = None


@dataclass(frozen=True, slots=True)
class StageRecord:
    """What happened in a stage; the evidence of the report."""

    name: str
    weight: float
    approvers: tuple[str, ...] = ()
    approved_at: float | None = None
    shifted_at: float | None = None
    passed_at: float | None = None
    forced_by: str = ""
    forced_reason: str = ""
    gates: tuple[GateResult, ...] = ()
    share: float | None = None
    baked: float = 0.0


@dataclass(frozen=True, slots=True)
class DriftedHost:
    host: str
    state: str  # bot.fleet.target.HostState value
    generation: int | None
    share: float | None  # percent served to the canary there, None = unknown
    digest: str


@dataclass(frozen=True, slots=True)
class Rollback:
    by: str  # user id, or "trigger"
    reason: str
    trigger: TriggerResult | None
    ordered_at: float
    restored: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()  # hosts that did not answer yet
    told_pending: bool = False
    finished_at: float | None = None


@dataclass(frozen=True, slots=True)
class StepDown:
    by: str
    reason: str
    ordered_at: float
    steps: tuple[float, ...]  # percent, falling; after the last comes the rollback
    every: float
    share: float  # percent that every host gives the canary: the stage's, then that of the last step that is done
    step: int = 1  # the one ordered, from 1
    done_at: float | None = None  # when every host was read back on it


@dataclass(frozen=True, slots=True)
class Rollout:
    id: str
    service: str
    version: str
    stable_version: str
    stable: tuple[str, ...]
    canary: tuple[str, ...]
    salt: str
    initiator: str
    reason: str
    plan_hash: str
    started_at: float
    status: Status
    stage: str
    stages: tuple[StageRecord, ...] = ()
    approval: Approval | None = None
    generation: int = 0  # of the last shift ordered; 0 = none yet, hosts untouched
    live_generation: int = 0  # of the last shift read back from every host
    live_stage: str = ""  # the stage whose share the hosts serve
    hold: Hold | None = None
    hold_detail: str = ""
    paused_by: str = ""
    bake_started_at: float | None = None
    prolonged: bool = False
    blind_told: bool = False
    drift: tuple[DriftedHost, ...] = ()
    adopted: tuple[tuple[str, str], ...] = ()  # (host, digest) a person chose to keep
    rollback: Rollback | None = None
    watch_until: float | None = None
    finished_at: float | None = None
    notes: tuple[tuple[str, str, float], ...] = ()  # (user, text, at)
    live_plan_hash: str = ""  # the plan under which the share that the hosts serve was approved
    warm_until: float | None = None  # blue_green: the old version's pool must stay up until then
    released_at: float | None = None  # when that was over, and said so
    share: Literal["", "astray", "settled"] = ""  # what was told of the measured share in this bake
    waves: tuple[tuple[str, ...], ...] = ()  # hosts of the shift under way, by wave; () = all at once
    wave: int = 0  # the wave last ordered, from 1; 0 = the shift has none
    waved: int = 0  # the wave last read back; the same as `wave` while that one is watched
    wave_at: float | None = None  # when that was
    overwrite: bool = False  # whether a person had the shift under way overwrite what is on the hosts
    step_down: StepDown | None = None
    answered: tuple[tuple[str, str], ...] = ()  # and what they were shown of it: (host, digest)
    left_out: tuple[str, ...] = ()  # hosts that did not answer the last shift, and have not caught up since
    named: tuple[str, ...] = ()  # hosts that the last failed shift named: a retry answers for these
    prepares: bool = False  # whether checks, a backup or a checklist came before the first asking
    work: Work | None = None  # the phase of work under way, or the last
    results: tuple[WorkResult, ...] = ()  # the newest of each piece, without its output
    overridden: tuple[Overridden, ...] = ()
    ticks: tuple[ItemTick, ...] = ()
    watch_lines: int = 0
    watch_line_at: float | None = None
    follow_ups: tuple[FollowUp, ...] = ()
    report: ReportState | None = None

    @property
    def active(self) -> bool:
        return self.status not in FINAL

    @property
    def touched(self) -> bool:
        """Whether a shift was ever ordered; from then on a rollback has something to undo."""
        return self.generation > 0

    @property
    def baking_wave(self) -> bool:
        """Whether some hosts have the new share, and the others wait for them to be watched."""
        return self.status is Status.SHIFTING and 0 < self.waved == self.wave

    @property
    def watched(self) -> tuple[str, int]:
        """(stage, generation) that the triggers look at: the newest that any wave of hosts serves. ("", 0) = none."""
        if self.status is Status.SHIFTING and self.waved:
            return self.stage, self.generation
        return self.live_stage, self.live_generation

    @property
    def unsettled(self) -> bool:
        """Whether people still have something to do about it after its end: a signature, a follow-up."""
        unsigned = self.report is not None and self.report.signed_at is None
        return unsigned or any(f.done_at is None for f in self.follow_ups)

    @property
    def kept_warm(self) -> bool:
        """blue_green, complete: whether the old version's pool still has to stay up."""
        return self.status is Status.COMPLETED and self.warm_until is not None and self.released_at is None

    def record(self, stage: str) -> StageRecord | None:
        return next((r for r in self.stages if r.name == stage), None)


@dataclass(frozen=True, slots=True)
class ServiceState:
    """One stream: everything known of a service. `rollout` is the active one, or the last.

    generation: the highest ever ordered or seen on a host; the next order takes a higher one.
    serving: version and backends after the last completed rollout; None before the first.
    """

    service: str
    seq: int = 0
    generation: int = 0
    rollout: Rollout | None = None
    serving_version: str | None = None
    serving: tuple[str, ...] = ()
    live_generation: int = 0  # what every host was last read back on, across rollouts
    hosts: tuple[str, ...] = ()
    closing: tuple[Rollout, ...] = ()  # earlier ones, newest first, with a report to sign or a follow-up to do

    def known(self, id: str) -> Rollout | None:
        """The rollout of this id, be it the last one or an earlier one that people still have to do with."""
        return next((r for r in (self.rollout, *self.closing) if r and r.id == id), None)

    @property
    def active(self) -> Rollout | None:
        return self.rollout if self.rollout and self.rollout.active else None


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts or reacts, as users.info and the directory tell at that moment. `known` False = could not be checked."""

    user: str
    known: bool = True
    bot: bool = False
    guest: bool = False
    deactivated: bool = False
    external: bool = False
    roles: frozenset[str] = field(default_factory=frozenset)
