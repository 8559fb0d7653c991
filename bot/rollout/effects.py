"""What the outside world is asked to do: values for the outbox, each keyed so that doing it twice is doing it once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.rollout.events import Event


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


Effect = ShowCard | ShowApproval | Tell | Whisper | ReadReactions | ShiftTraffic | CatchUp | RestoreTraffic | ReadFleet

# A newer request for one of these replaces a waiting older one: what they show is read when they are performed.
COALESCED = (ShowCard, ShowApproval)
