"""Values the bot has itself, for gates and triggers: what fires. Prometheus is not asked for them.

`rollout_alerts_firing{service="$service", severity="critical"}` as a metric's whole query is answered from the bot's
own alerts: at once, also where Prometheus does not scrape the bot.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Awaitable, Callable, Mapping, Sequence

from bot.alerts.count import open_alerts
from bot.alerts.model import AlertsState
from bot.engine.ports import Final, Metrics, Retryable
from bot.rollout.gate import Need, Value, Values

_OWN: typing.Final = re.compile(r"\s*(?:(?:max|sum)\s*\(\s*)?rollout_alerts_firing\s*\{([^{}]*)\}\s*\)?\s*")
_LABEL: typing.Final = re.compile(r'\s*(service|severity)\s*=\s*"([^"\\]*)"\s*')
LACKING: typing.Final = Value(None, "there is no alerts.yaml, so nobody counts alerts: add it, or another query")
State = Callable[[], Awaitable[AlertsState]]


class OwnSeries:
    """bot.engine.ports.Metrics before another. state: the alerts as the log has them; None = there is no alerts.yaml.

    A replica that heard of nothing lately must not count what was: the log is read, not what is remembered of it.
    """

    def __init__(self, others: Metrics, state: State | None, clock: Callable[[], float]) -> None:
        self._others = others
        self._state = state
        self._clock = clock

    async def measure(self, needs: Sequence[Need]) -> Values:
        """An answer for every need. Never raises."""
        own = {need: labels for need in needs if (labels := _labels(need.promql)) is not None}
        others = await self._others.measure([need for need in needs if need not in own])
        return {**others, **await self._measured(own)} if own else others

    async def _measured(self, own: Mapping[Need, dict[str, str]]) -> Values:
        if self._state is None:
            return dict.fromkeys(own, LACKING)
        try:
            counted = open_alerts(await self._state(), self._clock())
        except (Retryable, Final) as error:
            return dict.fromkeys(own, Value(None, f"the alerts cannot be read: {error}"))
        return {need: Value(float(sum(n for k, n in counted.items() if _fits(k, ls)))) for need, ls in own.items()}


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
