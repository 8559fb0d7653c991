"""From an event of Slack's to a committed cause: the listener only commits, the worker does the rest."""

from __future__ import annotations

from bot.engine.ports.store import Store
from bot.engine.rollouts import Rollouts
from bot.engine.submitted import Submitted
from bot.rollout.effects import Effect, ReadReactions, ReadSignatures
from bot.rollout.events import NoteKind
from bot.rollout.intents import AddNote
from bot.rollout.model import Person


class Intake:
    def __init__(self, rollouts: Rollouts, store: Store) -> None:
        self._rollouts = rollouts
        self._store = store

    async def reaction(
        self, event_id: str, rollout: str, stage: str, attempt: int, user: str, emoji: str, added: bool
    ) -> bool:
        """False when the event was known. What counts is read from Slack afterwards, so order does not matter."""
        who, what = (user, emoji) if added else ("", "")
        return await self._record(event_id, rollout, ReadReactions(rollout, stage, attempt, who, what, serial=event_id))

    async def signature(self, event_id: str, rollout: str, edition: int, user: str, emoji: str, added: bool) -> bool:
        """The same under a report."""
        who = user if added else ""
        return await self._record(event_id, rollout, ReadSignatures(rollout, edition, serial=event_id, user=who))

    async def note(
        self, service: str, channel: str, ts: str, actor: Person, author: str, text: str, kind: NoteKind
    ) -> Submitted:
        """A message that somebody marked as worth noting. Its place is the cause: it becomes a note once."""
        return await self._rollouts.submit(service, AddNote(actor, text, kind, by=author), f"slack:note:{channel}:{ts}")

    async def _record(self, event_id: str, rollout: str, effect: Effect) -> bool:
        service = await self._service(rollout)
        if service is None:
            return False
        return await self._rollouts.record(service, f"slack:{event_id}", (effect,))

    async def _service(self, rollout: str) -> str | None:
        for service in self._rollouts.plans:
            current = (await self._rollouts.state(service)).rollout
            if current and current.id == rollout:
                return service
        found = await self._store.rollout(rollout)
        return found.service if found and found.service in self._rollouts.plans else None
