"""How many alerts are open, as gates, triggers and /metrics count them. Pure.

A silence takes an alert out of the count, for whoever made it answers for it. Inhibition and quiet hours do not: they
keep a message back, and the trouble is there all the same.
"""

from __future__ import annotations

from collections import Counter

from bot.alerts.model import AlertsState
from bot.alerts.mute import silenced_by
from bot.alerts.plan import Severity


def open_alerts(state: AlertsState, now: float) -> Counter[tuple[str, Severity]]:
    """By service and severity; service "" = of alerts without one."""
    silences = state.silences.values()
    return Counter(
        (a.service, a.severity)
        for a in state.alerts.values()
        if a.firing and not (silences and silenced_by(silences, a.labels, now))
    )
