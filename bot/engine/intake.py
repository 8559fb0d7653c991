"""From an event of Slack's to a committed cause: the listener only commits, the worker does the rest."""

from __future__ import annotations

from bot.engine.ports import Store
from bot.engine.rollouts import Rollouts
from bot.rollout.effects import ReadReactions


class Intake:
    def __init__(self, rollouts: Rollouts, store: Store) -> None:
        self._rollouts = rollouts
        self._store = store

    async def reaction(
        self, event_id: str, rollout: str, stage: str, attempt: int, user: str, emoji: str, added: bool
    ) -> bool:
        """False when the event was known. What counts is read from Slack afterwards, so order does not matter."""
        service = await self._service(rollout)
        if service is None:
            return False
        who, what = (user, emoji) if added else ("", "")
        effect = ReadReactions(rollout, stage, attempt, who, what, serial=event_id)
        return await self._rollouts.record(service, f"slack:{event_id}", (effect,))

    async def _service(self, rollout: str) -> str | None:
        for service in self._rollouts.plans:
            current = (await self._rollouts.state(service)).rollout
            if current and current.id == rollout:
                return service
        found = await self._store.rollout(rollout)
        return found.service if found and found.service in self._rollouts.plans else None
