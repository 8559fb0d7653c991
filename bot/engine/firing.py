"""What fires, by service, as this process knows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.alerts.model import Alert, AlertsState


class Firing:
    """known: the alerts' state; None = it is not known just now: what was known last counts on.

    Every service asks every second: the alerts are gone through once, until they change.
    """

    def __init__(self, known: Callable[[], AlertsState | None]) -> None:
        self._known = known
        self._of: Mapping[str, Alert] = {}
        self._by_service: dict[str, list[Alert]] = {}

    def __call__(self, service: str) -> tuple[Alert, ...]:
        """The oldest first."""
        state = self._known()
        if state is not None and state.alerts is not self._of:
            self._of, self._by_service = state.alerts, {}
            for alert in state.firing():
                self._by_service.setdefault(alert.service, []).append(alert)
        return tuple(self._by_service.get(service, ()))
