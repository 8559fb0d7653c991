"""Tells the alerts which hosts a rollback could not reach, and once they are back. The rollback knows nothing of it."""

from __future__ import annotations

from collections.abc import Callable

from bot.alerts.intents import Observe
from bot.alerts.unreached import judge
from bot.engine.alerting import Alerting
from bot.engine.rollouts import Rollouts


class Unreached:
    """Compares what the logs say, so a restart or a change of who acts leaves nothing fired and nothing untold."""

    def __init__(self, alerting: Alerting, rollouts: Rollouts, clock: Callable[[], float]) -> None:
        self._alerting = alerting
        self._rollouts = rollouts
        self._clock = clock

    async def tick(self) -> None:
        """Raises what the store raises; the next tick finds the same."""
        live = []
        for service in self._rollouts.plans:
            # A state that a conflict has dropped is read again: without it a rollback under way would look finished.
            state = self._rollouts.known(service)[0] or await self._rollouts.state(service)
            live += [state.active] if state.active else []
        alerts = self._alerting.known or await self._alerting.state()
        signals = judge(live, alerts.alerts.values(), self._clock())
        if signals:
            under_way = tuple((rollout.service, rollout.id) for rollout in live)
            await self._alerting.submit(Observe("bot", signals, under_way))
