"""Values the bot has itself, for gates and triggers: what fires. Prometheus is not asked for them.

`rollout_alerts_firing{service="$service", severity="critical"}` as a metric's whole query is answered from the bot's
own alerts: at once, also where Prometheus does not scrape the bot.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from bot.alerts.count import open_alerts
from bot.alerts.model import AlertsState
from bot.engine.ports import Metrics
from bot.rollout.gate import Need, Value, Values

_OWN: Final = re.compile(r"\s*(?:(?:max|sum)\s*\(\s*)?rollout_alerts_firing\s*\{([^{}]*)\}\s*\)?\s*")
_LABEL: Final = re.compile(r'\s*(service|severity)\s*=\s*"([^"\\]*)"\s*')
LACKING: Final = Value(None, "there is no alerts.yaml, so nobody counts alerts: add it, or another query")
UNREAD: Final = Value(None, "the alerts were not read yet")


class OwnSeries:
    """bot.engine.ports.Metrics before another. configured: whether there is an alerts.yaml. known: the alerts."""

    def __init__(
        self,
        others: Metrics,
        configured: bool,
        known: Callable[[], AlertsState | None],
        clock: Callable[[], float],
    ) -> None:
        self._others = others
        self._configured = configured
        self._known = known
        self._clock = clock

    async def measure(self, needs: Sequence[Need]) -> Values:
        """An answer for every need. Never raises."""
        own = {need: labels for need in needs if (labels := _labels(need.promql)) is not None}
        others = await self._others.measure([need for need in needs if need not in own])
        return {**others, **{need: self._value(labels) for need, labels in own.items()}}

    def _value(self, labels: dict[str, str]) -> Value:
        state = self._known()
        if not self._configured or state is None:
            return UNREAD if self._configured else LACKING
        counted = open_alerts(state, self._clock())
        return Value(float(sum(n for key, n in counted.items() if _fits(key, labels))))


def _labels(promql: str) -> dict[str, str] | None:
    """The labels it selects by; None = it is for Prometheus."""
    found = _OWN.fullmatch(promql)
    if found is None:
        return None
    parts = [_LABEL.fullmatch(part) for part in found[1].split(",") if part.strip()]
    return {part[1]: part[2] for part in parts if part} if all(parts) else None


def _fits(key: tuple[str, str], labels: dict[str, str]) -> bool:
    service, severity = key
    return labels.get("service", service) == service and labels.get("severity", severity) == severity
