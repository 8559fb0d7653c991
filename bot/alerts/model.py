"""The state of all alerts, folded from events. Pure and frozen. Times are Unix seconds (UTC)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from bot.alerts.labels import Labels, Matcher, value_of
from bot.alerts.plan import Severity

STREAM = "alerts"  # of the log; no service may have this name

Source = Literal["rules", "alertmanager", "bot"]
Why = Literal["new", "more", "some_resolved", "resolved", "repeat", "escalated"]
Delivered = Literal["pending", "trouble", "sent", "failed"]


@dataclass(frozen=True, slots=True)
class Alert:
    """One series of one rule, firing or lately resolved.

    value: as it was when it began to fire, in the rule's unit. rollout: the one under way on its service then.
    muted: why nobody is told now: inhibited, silenced, quiet; muted_by: by what.
    """

    fingerprint: str
    source: Source
    name: str
    severity: Severity
    labels: Labels
    annotations: Labels
    started_at: float
    value: float | None = None
    link: str = ""
    rollout: str = ""
    groups: tuple[str, ...] = ()
    resolved_at: float | None = None
    resolved_why: str = ""
    muted: str = ""
    muted_by: str = ""

    @property
    def firing(self) -> bool:
        return self.resolved_at is None

    @property
    def service(self) -> str:
        return value_of(self.labels, "service")

    def annotation(self, name: str) -> str:
        return value_of(self.annotations, name)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one notification to one recipient. detail: the provider's name for it, or the error."""

    serial: int
    receiver: str
    channel: str
    to: str
    state: Delivered = "pending"
    at: float = 0.0
    detail: str = ""
    instead_of: str = ""  # the receiver whose place it takes
    why: Why = "new"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of what was decided about a group, and why."""

    at: float
    what: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Alerts that are told together.

    opened_at: also tells the lives of one key apart. told: fingerprints people know to be firing.
    changed_at: since when there may be something to tell; None = nothing. notified_at: the last notification.
    said_at: the last one that named everything that fires: repeats count from it. since: the first of this life.
    step: escalation steps taken. unrouted: no route matched, so it came to the default.
    """

    key: str
    route: str
    labels: Labels
    opened_at: float
    members: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    changed_at: float | None = None
    serial: int = 0
    notified_at: float | None = None
    said_at: float | None = None
    since: float | None = None
    step: int = 0
    acked_by: str = ""
    acked_at: float | None = None
    touched_at: float = 0.0
    receipts: tuple[Receipt, ...] = ()
    trail: tuple[Entry, ...] = ()
    unrouted: bool = False

    @property
    def life(self) -> int:
        """Milliseconds: a part of every key of this group's effects."""
        return round(self.opened_at * 1000)


@dataclass(frozen=True, slots=True)
class Silence:
    id: str
    matchers: tuple[Matcher, ...]
    by: str
    reason: str
    at: float
    until: float


@dataclass(frozen=True, slots=True)
class Override:
    """`person` is on call in the rotation from `start` to `end`, whoever's turn it is."""

    rotation: str
    person: str
    start: float
    end: float
    by: str


@dataclass(frozen=True, slots=True)
class AlertsState:
    """The whole stream. alerts by fingerprint, groups and silences by key."""

    seq: int = 0
    alerts: dict[str, Alert] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    silences: dict[str, Silence] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()

    def firing(self, service: str = "") -> tuple[Alert, ...]:
        """Of one service, or all; the oldest first."""
        found = [a for a in self.alerts.values() if a.firing and service in ("", a.service)]
        return tuple(sorted(found, key=lambda a: (a.started_at, a.fingerprint)))
