"""Values the bot has itself, for gates and triggers: what fires. Prometheus is not asked for them.

`rollout_alerts_firing{service="$service", severity="critical"}` as a metric's whole query is answered from the bot's
own alerts: at once, also where Prometheus does not scrape the bot.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from bot.alerts.count import open_alerts
from bot.alerts.model import AlertsState
from bot.alerts.plan import Severity
from bot.engine.ports.errors import Final, Retryable
from bot.engine.ports.metrics import Metrics
from bot.rollout.gate import Need, Value, Values

_OWN: typing.Final = re.compile(r"\s*rollout_alerts_firing\s*\{([^{}]*)\}\s*")
_WHOLE: typing.Final = re.compile(r"\s*(max|sum)\s*\((.*)\)\s*")
_LABEL: typing.Final = re.compile(r'\s*(service|severity)\s*=\s*"([^"\\]*)"\s*')
LACKING: typing.Final = Value(None, "there is no alerts.yaml, so nobody counts alerts: add it, or another query")
State = Callable[[], Awaitable[AlertsState]]


class OwnSeries:
    """`Metrics` before another. state: the alerts as the log has them; None = there is no alerts.yaml.

    A replica that heard of nothing lately must not count what was: the log is read, not what is remembered of it.
    """

    def __init__(self, others: Metrics, state: State | None, clock: Callable[[], float]) -> None:
        self._others = others
        self._state = state
        self._clock = clock

    async def measure(self, needs: Sequence[Need]) -> Values:
        """An answer for every need. Never raises."""
        own = {need: asked for need in needs if (asked := _asked(need.promql))}
        others = await self._others.measure([need for need in needs if need not in own])
        return {**others, **await self._measured(own)} if own else others

    async def _measured(self, own: Mapping[Need, Asked]) -> Values:
        if self._state is None:
            return dict.fromkeys(own, LACKING)
        try:
            counted = open_alerts(await self._state(), self._clock())
        except (Retryable, Final) as error:
            return dict.fromkeys(own, Value(None, f"the alerts cannot be read: {error}"))
        return {need: Value(float(asked.of(counted))) for need, asked in own.items()}


@dataclass(frozen=True, slots=True)
class Asked:
    """whole: max or sum, of the series it selects; "" = of one series alone. service, severity: None = every one."""

    whole: str
    service: str | None
    severity: str | None

    def of(self, counted: Mapping[tuple[str, Severity], int]) -> int:
        """A series of which nothing fires is 0, as /metrics has it."""
        found = [
            count
            for (service, severity), count in counted.items()
            if self.service in (None, service) and self.severity in (None, severity)
        ]
        return max(found, default=0) if self.whole == "max" else sum(found)


def _asked(promql: str) -> Asked | None:
    """None = it is for Prometheus."""
    whole = _WHOLE.fullmatch(promql)
    found = _OWN.fullmatch(whole[2] if whole else promql)
    if found is None:
        return None
    parts = [_LABEL.fullmatch(part) for part in found[1].split(",") if part.strip()]
    labels = {part[1]: part[2] for part in parts if part}
    if not all(parts) or not (whole or len(labels) == 2):
        return None
    return Asked(whole[1] if whole else "", labels.get("service"), labels.get("severity"))
