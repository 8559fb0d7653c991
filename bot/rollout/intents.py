"""What somebody or something wants, or reports. Imperative; nothing has happened yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.rollout.events import NoteKind
from bot.rollout.model import Board, DriftedHost, GateResult, Person
from bot.rollout.work import WorkResult


@dataclass(frozen=True, slots=True)
class Start:
    rollout: str  # the id the engine allotted
    version: str
    actor: Person
    reason: str = ""
    salt: str = ""


@dataclass(frozen=True, slots=True)
class Promote:
    actor: Person
    force_reason: str = ""


@dataclass(frozen=True, slots=True)
class RollBack:
    actor: Person
    reason: str = ""
    gradual: bool = False  # in the plan's steps, where the new version is not broken


@dataclass(frozen=True, slots=True)
class Pause:
    actor: Person
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    actor: Person


@dataclass(frozen=True, slots=True)
class Retry:
    actor: Person


@dataclass(frozen=True, slots=True)
class AddNote:
    """kind: what the report files it under. by: whose words they are, where that is somebody else than the actor."""

    actor: Person
    text: str
    kind: NoteKind = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class AnswerDrift:
    actor: Person
    choice: Literal["adopt", "restore"]


@dataclass(frozen=True, slots=True)
class Reaction:
    person: Person
    emoji: str


@dataclass(frozen=True, slots=True)
class ReportReactions:
    """The whole set of reactions on an approval message as read from Slack now: order and repetition do not matter.

    rollout, stage, attempt: the asking the message belongs to; what was said of another one counts for nothing.
    """

    rollout: str
    stage: str
    attempt: int
    reactions: tuple[Reaction, ...]
    actor: Person | None = None  # who reacted just now, if that is why it was read
    emoji: str = ""


@dataclass(frozen=True, slots=True)
class ReportShift:
    generation: int
    ok: bool
    outcome: str  # bot.fleet.target.Outcome value
    failed: tuple[tuple[str, str], ...] = ()  # (host, error)
    duration: float = 0.0
    hosts: tuple[str, ...] = ()
    wave: int = 0  # of the shift that this is of; 0 = it has none
    left_out: tuple[tuple[str, str], ...] = ()  # (host, why) it went without


@dataclass(frozen=True, slots=True)
class ReportCaughtUp:
    """Hosts that were left out of the live generation's shift have it now."""

    generation: int
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReportRollback:
    generation: int
    restored: tuple[str, ...]
    pending: tuple[tuple[str, str], ...]  # (host, error)
    duration: float = 0.0


@dataclass(frozen=True, slots=True)
class ReportFleet:
    """Hosts as read: the highest generation seen and the hosts that are not what the log says they should be."""

    highest_generation: int
    drift: tuple[DriftedHost, ...]
    for_generation: int  # the live generation the comparison was made against
    unread: tuple[str, ...] = ()  # hosts that tell nothing of it: what was known of their drift stays known
    down: tuple[str, ...] = ()  # hosts where nginx does not run, and nobody changed the file: no drift of theirs stays


@dataclass(frozen=True, slots=True)
class ReportBoard:
    board: Board


@dataclass(frozen=True, slots=True)
class NotePlan:
    """The plan in force may have changed (the bot was started with another file)."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed: expire what is due."""

    blind: bool = False  # whether the last evaluation could not see; a blind watch does not end
    gates: tuple[GateResult, ...] = ()  # as last judged
    today: str = ""  # YYYY-MM-DD in the bot's time zone; "" = no follow-up is looked at


@dataclass(frozen=True, slots=True)
class ReportWork:
    """What came of one piece of work. order: of the WorkOrdered it was done for; orders begin anew in each rollout.

    rollout: whose it is; "" = the newest one's.
    """

    order: int
    result: WorkResult
    rollout: str = ""


@dataclass(frozen=True, slots=True)
class Override:
    """Pass over what failed: a check's or step's name; "" = the only one there is."""

    actor: Person
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class TickItem:
    """item: ChecklistItem.name. ticked False takes it back."""

    actor: Person
    item: str
    ticked: bool = True


@dataclass(frozen=True, slots=True)
class AddFollowUp:
    """owner: a user id. due: YYYY-MM-DD. priority: P0 to P3. Of the newest rollout."""

    actor: Person
    text: str
    owner: str
    due: str
    priority: str = "P2"


@dataclass(frozen=True, slots=True)
class CloseFollowUp:
    """rollout "": of the newest one that has such a follow-up open."""

    actor: Person
    id: str
    rollout: str = ""


@dataclass(frozen=True, slots=True)
class NoteReport:
    """An edition of the report was posted. digest: of its content, the sign-off table left out."""

    rollout: str
    edition: int
    digest: str
    built_at: float  # what came later is not in it


@dataclass(frozen=True, slots=True)
class ReportSignatures:
    """All reactions under an edition of the report, as read from Slack now. actor: who reacted just now."""

    rollout: str
    edition: int
    reactions: tuple[Reaction, ...]
    actor: Person | None = None


Intent = (
    Start
    | Promote
    | RollBack
    | Pause
    | Resume
    | Retry
    | AddNote
    | AnswerDrift
    | ReportReactions
    | ReportShift
    | ReportCaughtUp
    | ReportRollback
    | ReportFleet
    | ReportBoard
    | NotePlan
    | Tick
    | ReportWork
    | Override
    | TickItem
    | AddFollowUp
    | CloseFollowUp
    | NoteReport
    | ReportSignatures
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an intent changes nothing: a code with the facts, made into a sentence (with the mend) at the edge."""

    code: str
    facts: tuple[tuple[str, str], ...] = ()

    def fact(self, name: str) -> str:
        return dict(self.facts).get(name, "")


def refuse(code: str, **facts: object) -> Refusal:
    return Refusal(code, tuple((k, str(v)) for k, v in facts.items()))
