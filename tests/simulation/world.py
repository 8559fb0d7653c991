"""Everything that is not the bot, in one place; and the course of a run: storm, then calm, then the verdict."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from bot.rollout.plan import Plan
from tests.simulation import disturb, final, plans
from tests.simulation.alarms import STREAM
from tests.simulation.alert_rules import AlertRules
from tests.simulation.choices import Choices
from tests.simulation.hosts import SimHost
from tests.simulation.loop import WORLD, SimLoop, Stuck, context_of
from tests.simulation.people import People
from tests.simulation.replica import DELIVERY, EXPECTED, Replica
from tests.simulation.rules import Rules
from tests.simulation.slack import Workspace
from tests.simulation.store import SimStore
from tests.simulation.works import Machine, WorkRules, booked

START = 1_772_000_000.0
STORM = 420.0  # seconds, at most, in which things go wrong
CALM = 2000.0  # seconds, at most, until everything has come to its end
MOST_STEPS = 150_000


class Broken(AssertionError):
    """rule: its number in DESIGN §6, or a word: once, fence, alive, error."""

    def __init__(self, rule: str, what: str) -> None:
        super().__init__(f"rule {rule}: {what}")
        self.rule = rule


class World:
    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        setting = choices.stream("plan")
        self._order = choices.stream("order")
        self._disorder = setting.among((0, 66, 6))  # steps between two that do not run the oldest task, at most
        self._in_order = 0
        self.loop = SimLoop(START, self._next if self._disorder else lambda n: 0, MOST_STEPS)
        self.net = choices.stream("net")
        self.counts: Counter[str] = Counter()
        self.trace: list[tuple[float, str, tuple[Any, ...]]] = []
        self.stamps = 0
        self.stormy = True
        self.mood = "good"
        self.mood_at = 0.0  # when it last changed
        self.raised_alarms: set[str] = set()
        self.hoarse: dict[str, tuple[int, int, int]] = {}  # ways to people -> how often they take, refuse and lose
        self.disturbed_at = 0.0
        self._commits = 0
        self.happened_at = 0.0  # when something was last written into a rollout's log
        self._waiting: dict[int, list[tuple[int, Callable[[], None]]]] = {}
        self._verdict: asyncio.Future[None] = self.loop.create_future()
        self.rules = Rules(self)
        self.alerts = AlertRules(self)
        self.slack = Workspace()
        self.plans: list[Plan] = []
        self.plan = booked(plans.draw(setting), choices.stream("book"))
        self.plan = plans.with_absence(self.plan, choices.stream("absence"))
        self.works = WorkRules(self)
        self.machine = Machine(self)
        self.store = SimStore(self, shared=bool(setting.weighted((2, 1))))
        self.hosts = {h.name: SimHost(h.name, self) for h in self.plan.fleet.hosts}
        self.replicas: list[Replica] = []
        self.real_codec = setting.rarely(30)
        self.has_alerts = setting.pick(2) == 1
        self.skews = setting.among(((0.0,), (0.0, 2.0, -2.0)))
        self.people = People(self)

    # --- what the parts use

    def count(self, what: str) -> None:
        self.counts[what] += 1

    def say(self, text: str, *facts: Any) -> None:
        self.trace.append((self.loop.time() - START, text, facts))

    def fail(self, rule: str, what: str) -> None:
        self.say("BROKEN rule {}: {}", rule, what)
        if not self._verdict.done():
            self._verdict.set_exception(Broken(rule, what))

    def raised(self, where: str, error: BaseException | None) -> None:
        """Something of the bot's raised where it was caught: fine for what the ports may raise, else a fault."""
        if error is None or isinstance(error, EXPECTED):
            self.count(f"raised:{type(error).__name__}")
        else:
            self.rules.broken("error", "{}: {!r}", where, error)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        self.loop.call_later(seconds, act, context=context_of(WORLD))

    def after_commit(self, number: int, steps: int, act: Callable[[], None]) -> None:
        """Between any two steps: so many after the commit of that number that had events in it."""
        self._waiting.setdefault(number, []).append((steps, act))

    def on_events(self) -> None:
        self._commits += 1
        self.happened_at = self.loop.time()
        for steps, act in self._waiting.pop(self._commits, ()):
            self.loop.at_step(self.loop.steps + steps, act)

    def judge(self, who: str, commit: Any) -> None:
        if commit.stream == STREAM:
            return self.alerts.committed(commit)
        replica = next(r for r in reversed(self.replicas) if r.name == who)
        self.rules.committed(replica.plan, replica.skew, DELIVERY.get(), commit)

    def set_mood(self, mood: str) -> None:
        self.mood, self.mood_at = mood, self.loop.time()

    def trouble(self, host: SimHost | None = None) -> None:
        """Remembers when something was last wrong: with a host, or with the bot itself."""
        if host:
            host.disturbed_at = self.loop.time()
        else:
            self.disturbed_at = self.loop.time()

    def _next(self, n: int) -> int:
        self._in_order -= 1
        if self._in_order >= 0:
            return 0
        self._in_order = self._order.pick(self._disorder)  # one draw for many steps
        return self._order.pick(n)

    # --- the bot's processes

    def boot(self) -> None:
        """One more process, unless there are as many as there may be."""
        if len(self.running) > self.store.shared:
            return
        if self.plan not in self.plans:
            self.plans.append(self.plan)
        name = f"bot{len(self.replicas) + 1}"
        self.say("{} starts with {}", name, self.plan.source)
        self.trouble()
        self.replicas.append(Replica(self, name, self.plan, self.choices.stream("plan").among(self.skews)))

    @property
    def running(self) -> list[Replica]:
        return [r for r in self.replicas if not r.gone.done()]

    def receiver(self) -> Replica | None:
        running = self.running
        return self.net.among(running) if running else None

    def crash(self, replica: Replica, back_after: float) -> None:
        self.trouble()
        self.say("{} is killed", replica.name)
        replica.kill()
        self._follow(replica, back_after)

    def _follow(self, replica: Replica, back_after: float) -> None:
        """One new process for one that ends, whatever ends it twice."""
        if not replica.followed:
            replica.followed = True
            replica.gone.add_done_callback(lambda _: self.later(back_after, self.boot))

    def replace(self, replica: Replica, back_after: float) -> None:
        """An orderly stop; the next one starts when it is over, or somewhat later."""
        self.trouble()
        self.say("{} is stopped", replica.name)
        replica.terminate()
        self._follow(replica, back_after)

    def freeze(self, replica: Replica, seconds: float) -> None:
        if not replica.frozen:
            self.trouble()
            self.say("{} freezes for {} s", replica.name, seconds)
            replica.freeze()
            self.later(seconds, lambda: self._thaw(replica))

    def _thaw(self, replica: Replica) -> None:
        if replica.frozen and not replica.gone.done():
            self.trouble()
            self.say("{} goes on", replica.name)
            replica.thaw()

    # --- the course of a run

    def run(self) -> None:
        """Raises Broken."""
        try:
            self.loop.run_until_complete(self._course())
        except Stuck as error:
            raise Broken("alive", f"stuck: {error}") from None
        finally:
            self.rules.over = True
            self.loop.drain()
            self.loop.close()

    async def _course(self) -> None:
        course = asyncio.create_task(self._storm_and_calm(), name="the course")
        await asyncio.wait({course, self._verdict}, return_when=asyncio.FIRST_COMPLETED)
        if self._verdict.done():
            self._verdict.result()
        course.result()

    async def _storm_and_calm(self) -> None:
        self.boot()
        if self.store.shared:
            self.boot()
        disturb.schedule(self)
        people = asyncio.create_task(self.people.willing(), name="people")
        while self.stormy:
            await asyncio.sleep(15.0)
            ended = not self.rules.books.view.active and self.people.done
            self.stormy = not ended and self.loop.time() < START + STORM
        self._calm()
        assert not people.done()
        until = self.loop.time() + CALM
        while not await self._quiet():
            if self.loop.time() > until:
                self.rules.broken("alive", "no end: {}", await final.why(self))
                return
            await asyncio.sleep(10.0)
        self.say("everything is quiet")
        await final.judge(self)

    async def _quiet(self) -> bool:
        """And if so nobody moves any more: something may be due in this very instant."""
        names = [replica.name for replica in self.running]
        for name in names:
            self.loop.park(name)
        quiet = await final.quiet(self)
        for name in () if quiet else names:
            self.loop.unpark(name)
        return quiet

    def _calm(self) -> None:
        """Faults off, everybody willing."""
        self.say("*** calm")
        self.set_mood("good")
        self.raised_alarms.clear()
        self.hoarse.clear()
        self.slack.away = self.slack.flaky = self.slack.directory_away = False
        for host in self.hosts.values():
            self.trouble(host)
            host.mend()
        for replica in self.running:
            replica.store.away = replica.store.flaky = False
            replica.store.slow = 0.0
            self._thaw(replica)
            if replica.plan is not self.plan:
                self.crash(replica, 0.0)
        if not self.running:
            self.boot()
