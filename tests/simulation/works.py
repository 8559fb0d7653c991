"""What surrounds the traffic: a runbook for some of the plans, machines that do the work, and the judge of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bot.release.ports import Found
from bot.rollout.evolve import evolve
from bot.rollout.model import Rollout, ServiceState
from bot.rollout.plan import Plan, Pool
from bot.rollout.runbook import BackupRule, Check, ChecklistItem, Phase, ReportRule, Runbook, SignRole, Step
from bot.rollout.work import Outcome, WorkRef
from tests.release.hands import GOOD, ScriptedHands
from tests.rollout.work_rules import WorkBooks
from tests.simulation.choices import Stream

if TYPE_CHECKING:
    from tests.simulation.world import World

ITEM = "logs"
DEADLINE = 40.0  # seconds
BOOK = Runbook(
    checks=(Check("clean", "command", deadline=DEADLINE), Check("page", "http", deadline=DEADLINE)),
    checklist=(ChecklistItem(ITEM, "Logs", "rm"),),
    backups=(BackupRule("db", "/backup", command="dump"),),
    steps=(
        Step("deploy", Phase.BEFORE_START, "deploy", deadline=DEADLINE),
        Step("warm", Phase.BEFORE_STAGE, "warm", deadline=DEADLINE),
        Step("load", Phase.DURING_STAGE, "wrk", deadline=DEADLINE),
        Step("tidy", Phase.AFTER_STAGE, "tidy", deadline=DEADLINE),
        Step("announce", Phase.ON_PROMOTE, "announce", deadline=DEADLINE),
        Step("stop_new", Phase.ON_ROLLBACK, "stop", deadline=DEADLINE),
        Step("start_old", Phase.AFTER_ROLLBACK, "start", deadline=DEADLINE),
        Step("stop_old", Phase.AFTER_COMPLETION, "stop", deadline=DEADLINE),
    ),
    verification=(Check("answers", "http", aspect="service", deadline=DEADLINE),),
    watch_every=20.0,
    report=ReportRule((SignRole("运维", "DevOps", ("rm",)),), remind_every=30.0),
)
BAD = (
    Found(Outcome.FAILED, "exit 1", exit_status=1),
    Found(Outcome.UNKNOWN, "nobody can say"),
    Found(Outcome.NOT_RUNNABLE, "no such program"),
    Found(Outcome.TIMED_OUT, "the deadline passed"),
)


def booked(plan: Plan, stream: Stream) -> Plan:
    return replace(plan, runbook=BOOK) if stream.pick(4) == 3 else plan


@dataclass
class Begun:
    """A command on a machine, which neither knows nor cares whether the bot lives. over_at: of the loop."""

    over_at: float
    came: Found


class Machine:
    """Remembers each key, as the real one does: asked again it waits for the run under way, or tells how it ended."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._draw = world.choices.stream("work")
        self._begun: dict[str, Begun] = {}

    async def once(self, key: str, rollout: str, ref: WorkRef) -> Found:
        if key not in self._begun:
            self._begun[key] = self._begin()
            self._world.works.ran(rollout, ref)
        begun = self._begun[key]
        await asyncio.sleep(max(0.0, begun.over_at - self._world.loop.time()))
        return begun.came

    async def look(self) -> Found:
        begun = self._begin()
        await asyncio.sleep(begun.over_at - self._world.loop.time())
        return begun.came

    def _begin(self) -> Begun:
        kind = self._draw.weighted((8, 1, 1, 1, 1)) if self._world.stormy else 0
        came = BAD[kind - 1] if kind else GOOD
        self._world.count(f"work:{came.outcome.value}")
        seconds = DEADLINE if came.outcome is Outcome.TIMED_OUT else self._draw.seconds(8.0, 0.1)
        return Begun(self._world.loop.time() + seconds, came)


class SimHands(ScriptedHands):
    """The hands of one replica, all upon the same machine."""

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self._machine = machine

    async def check(self, check: Check, plan: Plan, rollout: Rollout, pool: Pool = "canary") -> Found:
        return await self._machine.look()

    async def take(self, rule: BackupRule, key: str, env: Mapping[str, str], now: float) -> Found:
        ref = WorkRef("backup", rule.name, Phase.PREPARE)
        return await self._machine.once(key, env["ROLLOUT_ID"], ref)

    async def run(self, step: Step, machine: str, key: str, env: Mapping[str, str], *, again: bool = False) -> Found:
        ref = WorkRef("step", step.name, step.phase, machine=machine)
        return await self._machine.once(key, env["ROLLOUT_ID"], ref)


class WorkRules:
    """The core's own rules of the work, judged of what was committed; and that each order was carried out once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._books = WorkBooks()
        self._state = ServiceState(world.plan.service)
        self._orders: Counter[tuple[str, str]] = Counter()
        self._runs: Counter[tuple[str, str]] = Counter()

    def committed(self, plan: Plan, event: Any) -> None:
        for wrong in self._books.event(self._state, event, plan):
            self._world.rules.broken("work", "{}", wrong)
        self._state = evolve(self._state, event)
        rollout = self._state.rollout
        if type(event).__name__ == "WorkOrdered" and rollout:
            self._orders.update((rollout.id, ref.name) for ref in event.refs)

    def ran(self, rollout: str, ref: WorkRef) -> None:
        place = rollout, ref.name
        self._runs[place] += 1
        once = self._runs[place] <= self._orders[place]
        self._world.rules.hold(once, "work", "{} ran {} times on fewer orders", place, self._runs[place])

    def forgotten(self) -> list[str]:
        """What is ordered and not over, in the end; and a report that never came."""
        rollout = self._state.rollout
        if rollout is None or not rollout.plan_hash or self._world.plan.runbook is not BOOK:
            return []
        running = [ref.name for ref in rollout.work.running] if rollout.work else []
        ended = rollout.status.value in ("completed", "rolled_back")
        unreported = ended and (rollout.report is None or rollout.report.posted_at is None)
        return [*running, *(["the report"] if unreported else [])]
