"""What has happened to alerts. Past tense, frozen, append-only; old ones must stay readable for ever.

Plural where many come at once: a burst of thousands is a few events, and folding it copies the state a few times.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.alerts.labels import Labels, Matcher
from bot.alerts.model import Alert, Delivered, Override, Why


@dataclass(frozen=True, slots=True)
class Grouped:
    """A group some alerts went into, as the route in force says. unrouted: none matched, so it was the default."""

    key: str
    route: str
    labels: Labels
    unrouted: bool = False


@dataclass(frozen=True, slots=True)
class AlertsFired:
    alerts: tuple[Alert, ...]
    groups: tuple[Grouped, ...]
    at: float


@dataclass(frozen=True, slots=True)
class AlertsResolved:
    """resolved: (fingerprint, why): `over`, or `gone` where its series is no longer measured."""

    resolved: tuple[tuple[str, str], ...]
    at: float


@dataclass(frozen=True, slots=True)
class MutesChanged:
    """(fingerprint, why nobody is told now, by what); why "" = no longer."""

    changes: tuple[tuple[str, str, str], ...]
    at: float


@dataclass(frozen=True, slots=True)
class Send:
    """One notification to one recipient. instead_of: the receiver that could not deliver it."""

    receiver: str
    channel: str
    to: str
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """One notification of one group. new, gone: fingerprints it says began, and are over. still: those it repeats."""

    group: str
    serial: int
    why: Why
    new: tuple[str, ...]
    gone: tuple[str, ...]
    still: tuple[str, ...]
    sends: tuple[Send, ...]
    step: int = 0


@dataclass(frozen=True, slots=True)
class GroupsTold:
    told: tuple[Told, ...]
    at: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """The outcome of a send. detail: the provider's name for it, or the error."""

    group: str
    serial: int
    receiver: str
    channel: str
    to: str
    state: Delivered
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DeliveriesReported:
    deliveries: tuple[Delivery, ...]
    at: float


@dataclass(frozen=True, slots=True)
class FellBack:
    """A notification that one receiver could not deliver goes to the next of its route."""

    group: str
    serial: int
    sends: tuple[Send, ...]
    at: float
    why: Why = "new"


@dataclass(frozen=True, slots=True)
class GroupAcknowledged:
    group: str
    by: str
    at: float


@dataclass(frozen=True, slots=True)
class GroupsClosed:
    groups: tuple[str, ...]
    at: float


@dataclass(frozen=True, slots=True)
class SilenceBegun:
    id: str
    matchers: tuple[Matcher, ...]
    by: str
    reason: str
    until: float
    at: float


@dataclass(frozen=True, slots=True)
class SilenceEnded:
    """by: "" = its time was over."""

    id: str
    by: str
    at: float


@dataclass(frozen=True, slots=True)
class TurnSwapped:
    override: Override
    at: float


AlertEvent = (
    AlertsFired
    | AlertsResolved
    | MutesChanged
    | GroupsTold
    | DeliveriesReported
    | FellBack
    | GroupAcknowledged
    | GroupsClosed
    | SilenceBegun
    | SilenceEnded
    | TurnSwapped
)
