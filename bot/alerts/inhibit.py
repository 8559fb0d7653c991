"""While a Critical fires, its Warning is not told: one trouble, one message. Pure."""

from __future__ import annotations

from bot.alerts.labels import all_match, value_of
from bot.alerts.model import Alert, AlertsState
from bot.alerts.plan import AlertPlan, Inhibition


class Inhibitors:
    """What is inhibited now; built once for a decision, so that thousands of alerts are looked at once each."""

    def __init__(self, state: AlertsState, plan: AlertPlan) -> None:
        self._by_rule: list[tuple[Inhibition, dict[tuple[str, ...], list[Alert]]]] = []
        for rule in plan.inhibitions:
            sources: dict[tuple[str, ...], list[Alert]] = {}
            for alert in state.alerts.values():
                if alert.firing and all_match(rule.source, alert.labels):
                    sources.setdefault(_agreeing(rule, alert), []).append(alert)
            self._by_rule.append((rule, sources))

    def of(self, alert: Alert) -> Alert | None:
        """The alert that keeps this one from being told; never itself."""
        for rule, sources in self._by_rule:
            if not sources or not all_match(rule.target, alert.labels):
                continue
            for source in sources.get(_agreeing(rule, alert), ()):
                # One that is both source and target would silence its own kind, and both would vanish.
                if source.fingerprint != alert.fingerprint and not all_match(rule.source, alert.labels):
                    return source
        return None


def _agreeing(rule: Inhibition, alert: Alert) -> tuple[str, ...]:
    return tuple(value_of(alert.labels, name) for name in rule.equal)
