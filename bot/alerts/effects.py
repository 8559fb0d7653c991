"""What the world must be asked to do about alerts. Frozen, with a key that makes each idempotent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.alerts.model import Why


@dataclass(frozen=True, slots=True)
class SendAlert:
    """One notification of a group to one recipient over one channel; the outcome is a ReportDeliveries.

    life: of the group, since one key can live again. What is said is read when it is sent.
    """

    group: str
    life: int
    serial: int
    receiver: str
    channel: str
    to: str
    critical: bool = False
    why: Why = "new"

    @property
    def priority(self) -> int:
        """What is critical does not queue behind a storm of warnings."""
        return 12 if self.critical else 24

    @property
    def key(self) -> str:
        return f"alert:{self.group}:{self.life}:{self.serial}:{self.channel}:{self.to}"


@dataclass(frozen=True, slots=True)
class ShowAlert:
    """Bring the group's messages in the chat up to date, where there are any."""

    group: str
    life: int
    priority: ClassVar[int] = 32

    @property
    def key(self) -> str:
        return f"alertcard:{self.group}:{self.life}"


AlertEffect = SendAlert | ShowAlert

# A newer request for one of these replaces a waiting older one: what they show is read when they are performed.
SHOWN = (ShowAlert,)
