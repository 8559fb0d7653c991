"""What the outside world is asked to do: values for the outbox, each keyed so that doing it twice is doing it once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.rollout.events import Event
from bot.rollout.work import WorkRef


@dataclass(frozen=True, slots=True)
class ShowCard:
    """Bring the one card of a rollout up to date: post it if it is missing, edit it otherwise."""

    rollout: str
    priority: ClassVar[int] = 50

    @property
    def key(self) -> str:
        return f"card:{self.rollout}"


@dataclass(frozen=True, slots=True)
class ShowApproval:
    """Bring the approval message of one asking up to date; once posted, seed its emoji and read its reactions."""

    rollout: str
    stage: str
    attempt: int
    priority: ClassVar[int] = 30

    @property
    def key(self) -> str:
        return f"approval:{self.rollout}:{self.stage}:{self.attempt}"


@dataclass(frozen=True, slots=True)
class Tell:
    """Say an event in the rollout's thread; `broadcast` also shows it in the channel. `seq` is the event's."""

    rollout: str
    seq: int
    event: Event
    broadcast: bool
    priority: ClassVar[int] = 40

    @property
    def key(self) -> str:
        return f"tell:{self.rollout}:{self.seq}"


@dataclass(frozen=True, slots=True)
class Whisper:
    """One private sentence to one person about a refused reaction."""

    rollout: str
    seq: int
    user: str
    stage: str
    attempt: int
    code: str
    priority: ClassVar[int] = 35

    @property
    def key(self) -> str:
        return f"whisper:{self.rollout}:{self.seq}"


@dataclass(frozen=True, slots=True)
class ReadReactions:
    """Read the reactions and the people behind them from Slack; the outcome is a ReportReactions."""

    rollout: str
    stage: str
    attempt: int
    user: str = ""
    emoji: str = ""
    serial: str = ""  # what made it necessary; makes the key its own
    priority: ClassVar[int] = 20

    @property
    def key(self) -> str:
        return f"reactions:{self.rollout}:{self.stage}:{self.attempt}:{self.serial}"


@dataclass(frozen=True, slots=True)
class ShiftTraffic:
    """Bring every host to the stage's share; the outcome is a ReportShift.

    weight: percent instead of the stage's own, on the way down.
    wave: the hosts of this wave and the ones before it instead; 0 = every host.
    overwrite: a person wants it again (restore, retry), over what an earlier try left and over what they were shown,
    which is in answered: (host, digest). Any other host that is not as last ordered stops the shift.
    """

    rollout: str
    stage: str
    generation: int
    overwrite: bool = False
    answered: tuple[tuple[str, str], ...] = ()
    wave: int = 0
    weight: float | None = None
    priority: ClassVar[int] = 10

    @property
    def key(self) -> str:
        wave = f":{self.wave}" if self.wave else ""
        return f"shift:{self.rollout}:{self.generation}{wave}"


@dataclass(frozen=True, slots=True)
class CatchUp:
    """Bring the hosts that a shift left out to its generation, as each answers again (ReportCaughtUp)."""

    rollout: str
    generation: int
    priority: ClassVar[int] = 15

    @property
    def key(self) -> str:
        return f"catchup:{self.rollout}:{self.generation}"


@dataclass(frozen=True, slots=True)
class RestoreTraffic:
    """Bring every reachable host back to the stable pool, then the others until they answer (ReportRollback)."""

    rollout: str
    generation: int
    priority: ClassVar[int] = 0

    @property
    def key(self) -> str:
        return f"rollback:{self.rollout}:{self.generation}"


@dataclass(frozen=True, slots=True)
class ReadFleet:
    """Read every host; the outcome is a ReportFleet."""

    rollout: str
    serial: str = ""
    priority: ClassVar[int] = 25

    @property
    def key(self) -> str:
        return f"read:{self.rollout}:{self.serial}"


@dataclass(frozen=True, slots=True)
class DoWork:
    """Do one piece of work; the outcome is a ReportWork. The key is what a machine tells a repetition by."""

    rollout: str
    order: int
    ref: WorkRef
    priority: ClassVar[int] = 15

    @property
    def key(self) -> str:
        r = self.ref
        return f"work:{self.rollout}:{self.order}:{r.kind}:{r.name}:{r.machine}"


@dataclass(frozen=True, slots=True)
class ShowPreparation:
    """Bring the one message up to date that shows checks, backup, steps and checklist before the start."""

    rollout: str
    priority: ClassVar[int] = 32

    @property
    def key(self) -> str:
        return f"preparation:{self.rollout}"


@dataclass(frozen=True, slots=True)
class PostChart:
    """Draw share, error rate and latency so far, and put the picture into the thread. seq: of the event it follows."""

    rollout: str
    stage: str
    seq: int
    priority: ClassVar[int] = 60

    @property
    def key(self) -> str:
        return f"chart:{self.rollout}:{self.seq}"


@dataclass(frozen=True, slots=True)
class PublishReport:
    """Build the report and post its files; the outcome is a NoteReport. edition 0: a draft that somebody asked for."""

    rollout: str
    edition: int
    serial: str = ""  # of a draft: what asked for it
    priority: ClassVar[int] = 55

    @property
    def key(self) -> str:
        return f"report:{self.rollout}:{self.edition or self.serial}"


@dataclass(frozen=True, slots=True)
class ShowSignOff:
    """Bring the message under which the roles sign up to date: who has signed, who is missing."""

    rollout: str
    edition: int
    priority: ClassVar[int] = 56

    @property
    def key(self) -> str:
        return f"signoff:{self.rollout}:{self.edition}"


@dataclass(frozen=True, slots=True)
class ReadSignatures:
    """Read the reactions under the report, and who they are of; the outcome is a ReportSignatures.

    user: who reacted just now, if that is why it is read.
    """

    rollout: str
    edition: int
    serial: str = ""
    user: str = ""
    priority: ClassVar[int] = 28

    @property
    def key(self) -> str:
        return f"signatures:{self.rollout}:{self.edition}:{self.serial}"


Effect = (
    ShowCard
    | ShowApproval
    | Tell
    | Whisper
    | ReadReactions
    | ShiftTraffic
    | CatchUp
    | RestoreTraffic
    | ReadFleet
    | DoWork
    | ShowPreparation
    | PostChart
    | PublishReport
    | ShowSignOff
    | ReadSignatures
)

# A newer request for one of these replaces a waiting older one: what they show is read when they are performed.
COALESCED = (ShowCard, ShowApproval, ShowPreparation, ShowSignOff)
