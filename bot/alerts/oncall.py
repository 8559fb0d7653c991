"""Who is on call, at any moment. Pure.

Handovers are instants of the rotation's own clock: at a change to or from summer time a turn is an hour longer or
shorter, and nobody is handed over to twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.alerts.model import Override
from bot.alerts.mute import instant
from bot.alerts.plan import Rotation


@dataclass(frozen=True, slots=True)
class Turn:
    """swapped_by: who put this person there; "" = it is their turn."""

    person: str
    start: float
    end: float
    swapped_by: str = ""


def turn(rotation: Rotation, at: float) -> Turn:
    """By the rotation alone. Before its first handover the first person is on call already."""
    zone = ZoneInfo(rotation.timezone)
    first = date.fromisoformat(rotation.starts)
    day = datetime.fromtimestamp(at, zone).date()
    if at < instant(day.isoformat(), rotation.handover, zone):
        day -= timedelta(days=1)
    number = max(0, (day - first).days) // rotation.days
    began = first + timedelta(days=number * rotation.days)
    start = instant(began.isoformat(), rotation.handover, zone)
    end = instant((began + timedelta(days=rotation.days)).isoformat(), rotation.handover, zone)
    return Turn(rotation.people[number % len(rotation.people)], min(start, at), end)


def on_call(rotation: Rotation, overrides: Iterable[Override], at: float) -> Turn:
    """The newest swap that holds, else whose turn it is."""
    swaps = [o for o in overrides if o.rotation == rotation.name and o.start <= at < o.end]
    if swaps:
        newest = swaps[-1]
        return Turn(newest.person, newest.start, newest.end, newest.by)
    return turn(rotation, at)
