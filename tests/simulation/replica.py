"""One process of the bot: everything that app.py wires, but for the edges; killed and frozen from outside."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from bot.engine.acting import FencedChat, acting
from bot.engine.intake import Intake
from bot.engine.leads import Leads, StoreClock
from bot.engine.observer import Observer
from bot.engine.performers import Performers
from bot.engine.ports.errors import Conflict, Fenced, Final, Retryable
from bot.engine.rollouts import Rollouts
from bot.engine.speaker import Speaker
from bot.engine.submitted import Submitted
from bot.engine.worker import Worker
from bot.rollout.intents import Intent
from bot.rollout.model import Person
from bot.rollout.plan import Plan
from bot.slack.listeners import Listeners
from tests.release.hands import a_release
from tests.simulation.alarms import STREAM, AlertParts
from tests.simulation.loop import context_of
from tests.simulation.network import SimFleet
from tests.simulation.plans import SERVICE
from tests.simulation.prometheus import SimMetrics
from tests.simulation.slack import BOT, SimChat, SimDirectory, SimWords
from tests.simulation.store import StoreView
from tests.simulation.works import SimHands

if TYPE_CHECKING:
    from tests.simulation.world import World

TICK = 5.0  # seconds
DRAIN = 5.0  # seconds
DELIVERY: contextvars.ContextVar[str] = contextvars.ContextVar("delivery", default="")
EXPECTED = (Conflict, Fenced, Retryable, Final)


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

    async def start(
        self, service: str, version: str, actor: Person, reason: str, cause: str | None, salt: str = ""
    ) -> Submitted:
        begun = self._world.loop.steps
        submitted = await self._rollouts.start(service, version, actor, reason, cause, salt)
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
        self.frozen = self.followed = False
        self.thaws = 0
        self.gone: asyncio.Future[None] = world.loop.create_future()
        self._world = world
        self._context = context_of(name)
        self.store = StoreView(world, world.store, self._context)
        self.clock = StoreClock(lambda: world.loop.time() + skew, world.loop.time)
        plans, fleets = {SERVICE: plan}, {SERVICE: SimFleet(plan.fleet.hosts, world, plan.fleet.host_deadline)}
        self.leads = Leads(
            self.store,
            (SERVICE, STREAM) if world.has_alerts else (SERVICE,),
            name,
            self.clock,
            gained=lambda _: self.worker.wake(),
            lost=lambda service: self.worker.abandon(service),
        )
        self.rollouts = Rollouts(
            self.store, plans, fleets, bot_user=lambda: BOT, wake=lambda: self.worker.wake(), clock=self.clock
        )
        chat, directory, words = SimChat(world, self), SimDirectory(world), SimWords(world)
        fenced = FencedChat(chat, self.leads.stands)
        speaker = Speaker(self.rollouts, self.store, fenced, directory, words)
        release = a_release(self.rollouts, self.store, fleets, fenced, speaker, words, SimHands(world.machine))
        self.observer = Observer(self.rollouts, self.store, SimMetrics(world), fleets, self.clock)
        self.alerts = AlertParts(world, self, chat, words) if world.has_alerts else None
        send = self.alerts.sender.perform if self.alerts else None
        self.performers = Performers(self.rollouts, fleets, speaker, self.observer, release, send)
        self.worker = Worker(
            self.store,
            self.performers.perform,
            self.clock,
            name,
            epochs=self.leads.epochs,
            fenced=self.leads.drop,
        )
        self.desk = Desk(self.rollouts, world)
        intake = Intake(self.rollouts, self.store)
        self.listeners = Listeners(self.desk, words, directory, intake, self.store, chat)
        self._ticks: list[asyncio.Task[None]] = []
        self._refreshing: set[asyncio.Task[None]] = set()
        self._task(self._start(), "starts")

    def _task(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        return self._world.loop.create_task(work, name=f"{self.name} {name}", context=self._context)

    async def _start(self) -> None:
        """As process.py; where that would end because the database is away, somebody restarts it a second later."""
        while True:
            try:
                if self.store.shared:
                    await self.store.listen(self._changed)
                await self.rollouts.state(SERVICE)
                if self.alerts:
                    await self.alerts.alerting.state()
                await self.leads.start()
                break
            except Retryable:
                await asyncio.sleep(1.0)
        self.worker.start()
        self._every(self.plan.interval, self.observer.evaluate)
        self._every(TICK, self.observer.tick)
        self._every(self.plan.drift_interval, self.observer.patrol)
        if self.alerts:
            self._every(TICK, self.alerts.evaluate, STREAM)
            self._every(TICK, self.alerts.tick, STREAM)

    def _changed(self, stream: str) -> None:
        """A commit of any replica's."""
        self.worker.wake()
        self.leads.poke(stream)
        task = asyncio.create_task(self._refresh(stream), name=f"{self.name} refreshes")
        self._refreshing.add(task)
        task.add_done_callback(self._refreshing.discard)

    async def _refresh(self, stream: str) -> None:
        with contextlib.suppress(Retryable):
            if stream != STREAM:
                await self.rollouts.refresh(SERVICE)
            elif self.alerts:
                await self.alerts.alerting.refresh()

    def _every(self, seconds: float, act: Callable[[str], Awaitable[object]], stream: str = SERVICE) -> None:
        """As bot.engine.ticks does it: one at a time, by who leads, and what fails comes again."""

        async def once() -> None:
            epoch = self.leads.epoch(stream)
            if epoch is None:
                return
            try:
                with acting(stream, epoch):
                    await act(stream)
            except Fenced:
                self.leads.drop(stream)
            except Exception as error:
                self._world.raised(act.__name__, error)

        async def again() -> None:
            while True:
                await once()
                await asyncio.sleep(seconds)

        self._ticks.append(asyncio.create_task(again(), name=f"{self.name} {act.__name__}"))

    def terminate(self) -> None:
        """SIGTERM: ends what it was doing, gives its leads up, and is gone."""

        async def ending() -> None:
            for task in self._ticks:
                task.cancel()
            await self.worker.drain(DRAIN)
            await self.worker.stop()
            await self.leads.stop()
            self.kill()

        self._task(ending(), "ends")

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
        self.thaws += 1
        self._world.loop.unpark(self.name)

    def kill(self) -> None:
        """-9: nothing of it runs any more, also no `finally`."""
        self._world.loop.park(self.name)
        self.store.dead = True
        if not self.gone.done():
            self.gone.set_result(None)
