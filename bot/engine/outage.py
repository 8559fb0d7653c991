"""Says in the channel that the database is away, for as long as it is: the one thing told without being recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

import structlog

from bot.engine.ports.chat import Chat
from bot.engine.ports.errors import Final, Retryable
from bot.engine.ports.rendered import Outgoing
from bot.engine.ports.store import Store
from bot.engine.rollouts import Rollouts
from bot.rollout.model import Rollout
from bot.rollout.plan import Plan

log = structlog.get_logger()
EVERY = 2.0  # seconds between looks
AFTER = 5.0  # seconds away until people are told: a restart of the database is nobody's news
WITHIN = 5.0  # seconds a look may take


class Words(Protocol):
    def outage(self, rollout: Rollout, plan: Plan, since: float, until: float | None) -> Outgoing: ...


@dataclass(slots=True)
class Notice:
    rollout: Rollout
    at: tuple[str, str] | None = None  # (channel id, ts) once it could be posted


class Outage:
    """acting_for: the services this process acts for; it speaks of their rollouts only, so that one replica does."""

    def __init__(
        self,
        store: Store,
        rollouts: Rollouts,
        chat: Chat,
        words: Words,
        clock: Callable[[], float],
        acting_for: Callable[[], Collection[str]],
    ) -> None:
        self._store = store
        self._rollouts = rollouts
        self._chat = chat
        self._words = words
        self._clock = clock
        self._acting_for = acting_for
        self._mine: tuple[str, ...] = ()
        self._since: float | None = None
        self._notices: dict[str, Notice] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def since(self) -> float | None:
        """Unix seconds since when the store has not answered; None = it answers."""
        return self._since

    def start(self) -> None:
        self._task = asyncio.create_task(self._loop(), name="outage")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _loop(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """One look at the store, and what follows from it. Never raises."""
        now = self._clock()
        if await self._answers():
            self._mine = tuple(self._acting_for())
            await self._over(now)
        else:
            self._since = self._since or now
            if now - self._since >= AFTER:
                await self._tell()

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(WITHIN):
                await self._store.now()
        except (Retryable, Final, TimeoutError) as error:
            log.warning("the database does not answer", error=str(error) or "no answer in time")
            return False
        return True

    async def _tell(self) -> None:
        assert self._since is not None
        for service in self._mine:
            state, _ = self._rollouts.known(service)
            if state and state.active:
                self._notices.setdefault(service, Notice(state.active))
        for service, notice in self._notices.items():
            if notice.at is None:
                plan = self._rollouts.plans[service]
                message = self._words.outage(notice.rollout, plan, self._since, None)
                key = f"outage:{notice.rollout.id}:{self._since:.0f}"
                try:
                    notice.at = await self._chat.post(key, plan.channel, message)
                except (Retryable, Final) as error:
                    log.warning("the outage could not be told yet", service=service, error=str(error))

    async def _over(self, now: float) -> None:
        since = self._since
        if since is None:
            return
        for service, notice in list(self._notices.items()):
            if notice.at:
                message = self._words.outage(notice.rollout, self._rollouts.plans[service], since, now)
                try:
                    await self._chat.update(*notice.at, message)
                except Retryable:
                    return  # the next look tries again
                except Final as error:
                    log.warning("the end of the outage could not be told", service=service, error=str(error))
            del self._notices[service]
        self._since = None
