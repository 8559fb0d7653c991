"""What came of an intent."""

from __future__ import annotations

from dataclasses import dataclass

from bot.alerts.events import AlertEvent
from bot.alerts.model import AlertsState
from bot.rollout.events import Event
from bot.rollout.intents import Refusal
from bot.rollout.model import ServiceState


@dataclass(frozen=True, slots=True)
class Submitted:
    """What came of an intent: events, or a refusal. duplicate: the cause was known, nothing done."""

    state: ServiceState
    events: tuple[Event, ...] = ()
    refusal: Refusal | None = None
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Alerted:
    """What came of an intent about alerts: events, or a refusal. duplicate: the cause was known, nothing done."""

    state: AlertsState
    events: tuple[AlertEvent, ...] = ()
    refusal: Refusal | None = None
    duplicate: bool = False
