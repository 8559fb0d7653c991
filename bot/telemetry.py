"""What the bot says of itself at /metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bot.alerts.count import open_alerts
from bot.alerts.model import AlertsState
from bot.alerts.plan import SEVERITIES
from bot.engine.rollouts import Rollouts
from bot.rollout.model import Verdict
from bot.rollout.plan import Plan


class Telemetry(Collector):
    """Read from the states and boards in memory at every scrape; nothing is counted twice."""

    def __init__(
        self,
        rollouts: Rollouts,
        plans: Mapping[str, Plan],
        alerts: Callable[[], AlertsState | None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rollouts = rollouts
        self._plans = plans
        self._alerts = alerts
        self._clock = clock

    def collect(self) -> Iterable[Metric]:
        active = GaugeMetricFamily("rollout_active", "1 while a rollout is under way", labels=["service", "status"])
        weight = GaugeMetricFamily("rollout_weight_percent", "Share of the stage that is served", labels=["service"])
        generation = GaugeMetricFamily("rollout_generation", "Highest generation ordered", labels=["service"])
        failing = GaugeMetricFamily("rollout_gates_not_passing", "Gates without a pass now", labels=["service"])
        for service in self._plans:
            state, board = self._rollouts.known(service)
            if state is None:
                continue
            generation.add_metric([service], state.generation)
            rollout = state.active
            active.add_metric([service, rollout.status.value if rollout else "none"], 1 if rollout else 0)
            record = rollout.record(rollout.live_stage) if rollout else None
            weight.add_metric([service], record.weight if record else 0.0)
            if rollout and board:
                failing.add_metric([service], sum(g.verdict is not Verdict.PASS for g in board.gates))
        return (active, weight, generation, failing, *self._firing())

    def _firing(self) -> Iterable[Metric]:
        """0 is exported too, since no value is no answer."""
        state = self._alerts()
        if state is None:
            return ()
        text = "Alerts firing and not silenced, by service and severity"
        found = GaugeMetricFamily("rollout_alerts_firing", text, labels=["service", "severity"])
        counted = open_alerts(state, self._clock())
        for service in dict.fromkeys((*self._plans, *(a.service for a in state.firing()))):
            for severity in SEVERITIES:
                found.add_metric([service, severity], counted[service, severity])
        return (found,)
