"""What somebody wants of the alerts, or what was found. Imperative; nothing has happened yet."""

from __future__ import annotations

from dataclasses import dataclass

from bot.alerts.events import Delivery
from bot.alerts.labels import Labels, Matcher
from bot.alerts.model import Source
from bot.alerts.plan import Severity
from bot.rollout.model import Person


@dataclass(frozen=True, slots=True)
class Signal:
    """One alert as its source sees it now. over: "" = it fires; else why it does not any more (`over`, `gone`)."""

    fingerprint: str
    name: str
    severity: Severity
    labels: Labels
    annotations: Labels
    started_at: float
    value: float | None = None
    link: str = ""
    over: str = ""


@dataclass(frozen=True, slots=True)
class Observe:
    """live: (service, rollout) under way now."""

    source: Source
    signals: tuple[Signal, ...]
    live: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Pass:
    """Time has passed: tell what is due, escalate, end silences, close what is over."""


@dataclass(frozen=True, slots=True)
class ReportDeliveries:
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """target: a group's key."""

    actor: Person
    target: str


@dataclass(frozen=True, slots=True)
class BeginSilence:
    actor: Person
    id: str
    matchers: tuple[Matcher, ...]
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class EndSilence:
    actor: Person
    id: str


@dataclass(frozen=True, slots=True)
class Swap:
    """person takes the rotation from `start` to `end`."""

    actor: Person
    rotation: str
    person: str
    start: float
    end: float


AlertIntent = Observe | Pass | ReportDeliveries | Acknowledge | BeginSilence | EndSilence | Swap
