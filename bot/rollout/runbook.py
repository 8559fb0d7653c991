"""What surrounds the traffic in a plan: checks, checklist, backups, steps, verification, sign-off. Pure, frozen.

Durations in seconds. A command is one line for `sh -c`, written in the plan; what varies (version, stage, …) reaches it
as environment variables only, so that nothing from outside is ever part of a shell's line:
ROLLOUT_ID, ROLLOUT_SERVICE, ROLLOUT_VERSION, ROLLOUT_STABLE_VERSION, ROLLOUT_STAGE, ROLLOUT_CANARY, ROLLOUT_STABLE
(the pools' backends, separated by blanks).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from bot.rollout.comparing import Op, compare

BOT = "bot"  # the machine that the bot itself runs on


class Phase(StrEnum):
    """When work is done. The words of the plan's `steps:`, and of what the bot does by itself."""

    PREPARE = "prepare"  # backups, then checks and the baseline
    BEFORE_START = "before_start"  # before the first approval is asked for
    BEFORE_STAGE = "before_stage"  # approved; before its traffic is shifted
    DURING_STAGE = "during_stage"  # as the bake begins; each step is a gate of the stage
    AFTER_STAGE = "after_stage"  # the stage passed
    ON_PROMOTE = "on_promote"  # somebody promotes; before the next approval is asked for
    ON_ROLLBACK = "on_rollback"  # every host is back on the old version
    AFTER_ROLLBACK = "after_rollback"
    VERIFY = "verify"  # is the rollback whole: the plan's `rollback_verification`
    AFTER_COMPLETION = "after_completion"  # the watch is over (blue_green: and the old pool released)


PER_STAGE = frozenset({Phase.BEFORE_STAGE, Phase.DURING_STAGE, Phase.AFTER_STAGE, Phase.ON_PROMOTE})
STEP_PHASES = tuple(p for p in Phase if p not in (Phase.PREPARE, Phase.VERIFY))

CheckKind = Literal["command", "http", "promql", "file_age", "disk", "memory", "backup"]
Aspect = Literal["", "traffic", "service", "function", "monitoring"]


@dataclass(frozen=True, slots=True)
class Machine:
    """A named machine that commands run on, over SSH with the fleet's known_hosts and key."""

    name: str
    address: str
    port: int = 22
    user: str = ""


@dataclass(frozen=True, slots=True)
class Must:
    """What a number has to be: `op threshold`."""

    op: Op
    threshold: float
    text: str  # as written in the plan

    def holds(self, value: float) -> bool:
        return compare(value, self.op, self.threshold)


@dataclass(frozen=True, slots=True)
class Check:
    """One look at something, that may be done any number of times.

    target by kind: command: the line; http: the URL; promql: the query ($service, $version, … as in a metric);
    file_age: a path or glob, of which the newest counts; disk: a path; memory: unused; backup: a BackupRule's name.
    Passes: command: exit 0, and `contains` found; http: `status`, and `contains` found in the body; promql: `must` of
    its one value; file_age, backup: not older than max_age, at least min_size bytes; disk, memory: `free` percent at
    least.
    contains: a regular expression; "" = not asked. machine: BOT, a Machine's name or a host of the fleet.
    """

    name: str
    kind: CheckKind
    title: str = ""
    target: str = ""
    machine: str = BOT
    deadline: float = 30.0
    contains: str = ""
    status: int = 200
    must: Must | None = None
    max_age: float = 24 * 3600.0
    min_size: int = 1
    free: float = 20.0
    aspect: Aspect = ""  # of what a rollback verification proves


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """What a person has to see to. owner: a role of people.yaml, or a user id."""

    name: str
    title: str
    owner: str


@dataclass(frozen=True, slots=True)
class BackupRule:
    """sqlite: path of a live database, copied by SQLite's online backup. Else command: its output is the backup.

    verify: command that is handed the restored copy's path as its last argument; "" = for sqlite the integrity check,
    for a command that the copy unpacks to what was read and is not empty. folder: on the bot's host.
    """

    name: str
    folder: str
    sqlite: str = ""
    command: str = ""
    verify: str = ""
    machine: str = BOT
    keep: float = 7 * 86400.0
    deadline: float = 1800.0


@dataclass(frozen=True, slots=True)
class Step:
    """A command of a phase, on each of its machines; steps of a phase run one after the other.

    stages: of PER_STAGE phases; () = each. safe: may be run twice; only then it is retried, `retries` times.
    secrets: names of environment variables of the bot's that the command gets, masked in whatever it prints.
    result: a regular expression whose first group is the number that `must` is asked of (a load test); "" = exit alone.
    """

    name: str
    phase: Phase
    command: str
    title: str = ""
    machines: tuple[str, ...] = (BOT,)
    stages: tuple[str, ...] = ()
    deadline: float = 300.0
    safe: bool = False
    retries: int = 0
    secrets: tuple[str, ...] = ()
    result: str = ""
    must: Must | None = None


@dataclass(frozen=True, slots=True)
class Baseline:
    """The plan's gate metrics before the start and at the end. window: seconds, split into `samples` pieces."""

    window: float = 3600.0
    samples: int = 12


@dataclass(frozen=True, slots=True)
class SignRole:
    """One line of the sign-off table. roles: of people.yaml; any one person of them signs for it."""

    title: str
    title_en: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReportRule:
    """sign_off: () = a report that nobody signs. remind_every: seconds. next_review: seconds after the end."""

    sign_off: tuple[SignRole, ...] = ()
    remind_every: float = 86400.0
    next_review: float = 7 * 86400.0
    emoji: str = "white_check_mark"


@dataclass(frozen=True, slots=True)
class Runbook:
    """Everything around the traffic. The default does nothing."""

    machines: tuple[Machine, ...] = ()
    checks: tuple[Check, ...] = ()
    checklist: tuple[ChecklistItem, ...] = ()
    backups: tuple[BackupRule, ...] = ()
    steps: tuple[Step, ...] = ()
    verification: tuple[Check, ...] = ()
    baseline: Baseline | None = None
    irreversible: str = ""  # what a rollback cannot undo (a migration); said before the first approval
    override_roles: tuple[str, ...] = ()  # who may pass over a failed check or step; () = the approvers
    watch_every: float = 3600.0  # seconds between the watch's lines in the thread
    report: ReportRule | None = None
    emoji_note: str = field(default="memo")  # a reaction with it in the rollout's thread makes the message a note

    def step(self, phase: Phase, name: str) -> Step | None:
        return next((s for s in self.steps if (s.phase, s.name) == (phase, name)), None)

    def check(self, name: str) -> Check | None:
        return next((c for c in self.checks if c.name == name), None)

    def backup(self, name: str) -> BackupRule | None:
        return next((b for b in self.backups if b.name == name), None)
