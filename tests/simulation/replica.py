"""One process of the bot: everything that app.py wires, but for the edges; killed and frozen from outside."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from bot.engine.intake import Intake
from bot.engine.observer import Observer
from bot.engine.performers import Performers
from bot.engine.ports import Conflict, Final, Retryable, Submitted
from bot.engine.rollouts import Rollouts
from bot.engine.speaker import Speaker
from bot.engine.worker import Worker
from bot.rollout.intents import Intent
from bot.rollout.model import Person
from bot.rollout.plan import Plan
from bot.slack.listeners import Listeners
from tests.simulation.hosts import SimFleet
from tests.simulation.loop import context_of
from tests.simulation.plans import SERVICE
from tests.simulation.prometheus import SimMetrics
from tests.simulation.slack import BOT, SimChat, SimDirectory, SimWords

if TYPE_CHECKING:
    from tests.simulation.world import World

TICK = 5.0  # seconds
DELIVERY: contextvars.ContextVar[str] = contextvars.ContextVar("delivery", default="")
EXPECTED = (Conflict, Retryable, Final)


class Desk:
    """Rollouts as commands see it, with the judge at its side."""

    def __init__(self, rollouts: Rollouts, world: World) -> None:
        self._rollouts = rollouts
        self._world = world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rollouts, name)

    async def submit(self, service: str, intent: Intent, cause: str | None = None) -> Submitted:
        begun = self._world.loop.steps
        submitted = await self._rollouts.submit(service, intent, cause)
        self._world.rules.submitted(intent, begun, submitted)
        return submitted

    async def start(self, service: str, version: str, actor: Person, reason: str, cause: str | None) -> Submitted:
        begun = self._world.loop.steps
        submitted = await self._rollouts.start(service, version, actor, reason, cause)
        self._world.rules.submitted(Started(actor), begun, submitted)
        return submitted


class Started:
    """A start as the judge is told of it: the intent itself is made inside."""

    def __init__(self, actor: Person) -> None:
        self.actor = actor


class Replica:
    """name: who its tasks belong to. skew: seconds its clock is ahead of the world's."""

    def __init__(self, world: World, name: str, plan: Plan, skew: float) -> None:
        self.name, self.plan, self.skew = name, plan, skew
        self.frozen = False
        self.gone: asyncio.Future[None] = world.loop.create_future()
        self._world = world
        self._context = context_of(name)
        self.store = world.store
        plans, fleets = {SERVICE: plan}, {SERVICE: SimFleet(plan.fleet.hosts, world, plan.fleet.host_deadline)}
        self.rollouts = Rollouts(
            self.store, plans, fleets, bot_user=lambda: BOT, wake=lambda: self.worker.wake(), clock=self.clock
        )
        chat, directory, words = SimChat(world), SimDirectory(world), SimWords()
        speaker = Speaker(self.rollouts, self.store, chat, directory, words)
        self.observer = Observer(self.rollouts, self.store, SimMetrics(world), fleets, self.clock)
        self.performers = Performers(self.rollouts, fleets, speaker, self.observer)
        self.worker = Worker(self.store, self.performers.perform, self.clock, name)
        self.desk = Desk(self.rollouts, world)
        intake = Intake(self.rollouts, self.store)
        self.listeners = Listeners(self.desk, words, directory, intake, self.store, chat)
        world.loop.create_task(self._start(), name=f"{name} starts", context=self._context)

    def clock(self) -> float:
        return self._world.loop.time() + self.skew

    async def _start(self) -> None:
        await self.store.release()
        await self.rollouts.state(SERVICE)
        self.worker.start()
        self._every(self.plan.interval, self.observer.evaluate)
        self._every(TICK, self.observer.tick)
        self._every(self.plan.drift_interval, self.observer.patrol)

    def _every(self, seconds: float, act: Callable[[str], Awaitable[object]]) -> None:
        """As bot.engine.ticks does it: one at a time, and what fails comes again."""

        async def again() -> None:
            while True:
                await asyncio.sleep(seconds)
                try:
                    await act(SERVICE)
                except Exception as error:
                    self._world.raised(act.__name__, error)

        asyncio.create_task(again(), name=f"{self.name} {act.__name__}")

    def run(self, work: Callable[[Replica], Awaitable[Any]], delivery: str) -> asyncio.Task[Any]:
        """Something from outside arrives in this process."""
        context = self._context.copy()
        context.run(DELIVERY.set, delivery)

        async def handle() -> Any:
            return await work(self)

        return self._world.loop.create_task(handle(), name=f"{self.name} {delivery}", context=context)

    def freeze(self) -> None:
        self.frozen = True
        self._world.loop.park(self.name)

    def thaw(self) -> None:
        self.frozen = False
        self._world.loop.unpark(self.name)

    def kill(self) -> None:
        """-9: nothing of it runs any more, also no `finally`."""
        self._world.loop.park(self.name)
        if not self.gone.done():
            self.gone.set_result(None)
