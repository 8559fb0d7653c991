"""Silences that people make, and quiet hours. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.alerts.labels import Labels, all_match
from bot.alerts.model import Silence
from bot.alerts.plan import QuietHours


def silenced_by(silences: Iterable[Silence], labels: Labels, now: float) -> Silence | None:
    """The silence that ends last."""
    found = [s for s in silences if s.at <= now < s.until and all_match(s.matchers, labels)]
    return max(found, key=lambda s: (s.until, s.id), default=None)


def quiet_until(quiet: QuietHours, now: float) -> float | None:
    """The end of the quiet time that is on, Unix seconds; None = it is not quiet.

    By instants, not by the wall clock: an hour that comes twice is not quiet twice, and one that is left out ends it.
    """
    zone = ZoneInfo(quiet.timezone)
    today = datetime.fromtimestamp(now, zone).date()
    for day in (today, today - timedelta(days=1)):
        if day.weekday() not in quiet.days:
            continue
        start = instant(day.isoformat(), quiet.start, zone)
        over = day if quiet.end > quiet.start else day + timedelta(days=1)
        end = instant(over.isoformat(), quiet.end, zone)
        if start <= now < end:
            return end
    return None


def instant(day: str, minutes: int, zone: ZoneInfo) -> float:
    """The first moment at which the clock of the zone shows this time, or has passed it where it is left out."""
    hours, rest = divmod(minutes, 60)
    naive = datetime.fromisoformat(day) + timedelta(hours=hours, minutes=rest)
    return naive.replace(tzinfo=zone).timestamp()
