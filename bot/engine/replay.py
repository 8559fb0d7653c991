"""From what the store has of a stream to its state. A stream holds events of one kind alone: its name says which."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from bot.alerts import evolve as alerts
from bot.alerts.events import AlertEvent
from bot.alerts.model import AlertsState
from bot.engine.ports.records import LogEvent, Stored
from bot.rollout import evolve as rollouts
from bot.rollout.events import Event
from bot.rollout.model import ServiceState

Rows = Iterable[tuple[int, LogEvent]]


def service(stored: Stored, name: str) -> ServiceState:
    base = stored.snapshot if isinstance(stored.snapshot, ServiceState) else ServiceState(name)
    return service_on(base, stored.events)


def service_on(state: ServiceState, rows: Rows) -> ServiceState:
    return rollouts.fold(state, (cast(Event, event) for _, event in rows))


def alerting(stored: Stored) -> AlertsState:
    base = stored.snapshot if isinstance(stored.snapshot, AlertsState) else AlertsState()
    return alerting_on(base, stored.events)


def alerting_on(state: AlertsState, rows: Rows) -> AlertsState:
    return alerts.fold(state, (cast(AlertEvent, event) for _, event in rows))
