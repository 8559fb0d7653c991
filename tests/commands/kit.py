"""A desk over the real engine in memory, and messages that name what they were asked to render."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

from bot.engine.ports.rendered import Outgoing
from bot.engine.rollouts import Rollouts
from bot.fleet.fake import FakeFleet
from bot.rollout.intents import Intent, Reaction, ReportReactions
from bot.rollout.model import Person, Rollout, Status
from bot.rollout.plan import Plan
from bot.store.memory import MemoryStore
from commands.desk import Call, Submitted
from commands.registry import run
from tests.engine.conftest import LIN, WANG, a_plan

_causes = itertools.count(1)


class Naming:
    """Every rendering as `method argument … key=value`."""

    def __getattr__(self, name: str) -> Any:
        def render(*args: Any, **facts: Any) -> Any:
            if name == "refusal":
                return f"refused {args[0].code}"
            said = [name, *(_brief(a) for a in args), *(f"{k}={_brief(v)}" for k, v in sorted(facts.items()))]
            return Outgoing(" ".join(said))

        return render


def _brief(value: Any) -> str:
    if isinstance(value, Rollout):
        return f"<{value.service} {value.version} {value.status}>"
    if isinstance(value, Plan):
        return "<plan>"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_brief(v) for v in value)}]"
    return str(value)


@dataclass
class Asked:
    service: str
    intent: Intent
    cause: str | None


class WatchedRollouts(Rollouts):
    """Keeps what was submitted."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.asked: list[Asked] = []

    async def submit(self, service: str, intent: Intent, cause: str | None = None, **extra: Any) -> Submitted:
        self.asked.append(Asked(service, intent, cause))
        return await super().submit(service, intent, cause, **extra)


class Office:
    """Services without hosts that answer: what a person types is judged, nothing is carried out."""

    def __init__(self, *services: str, **changes: Any) -> None:
        self.now = 1_000_000.0
        self.store = MemoryStore()
        plans = {s: a_plan(service=s, source=s, **changes) for s in services}
        fleets = {s: FakeFleet(p.fleet.hosts) for s, p in plans.items()}
        self.desk = WatchedRollouts(self.store, plans, fleets, bot_user=lambda: "U0BOT", clock=lambda: self.now)

    async def type(self, text: str, actor: Person = LIN, cause: str | None = "") -> str:
        """The answer to a line, as `Naming` words it. cause "": a new one."""
        found = await run(Call(text, actor, f"trigger{next(_causes)}" if cause == "" else cause), self.desk, Naming())
        return found.text

    async def begin(self, service: str, version: str = "2.0.0") -> Rollout:
        submitted = await self.desk.start(service, version, LIN, "", None)
        assert submitted.refusal is None, submitted.refusal
        return await self.last(service)

    async def approve(self, service: str) -> None:
        """The first shift is ordered: from now on a rollback has something to undo."""
        rollout = await self.last(service)
        assert rollout.approval is not None
        report = ReportReactions(
            rollout.id, rollout.stage, rollout.approval.attempt, (Reaction(WANG, "white_check_mark"),)
        )
        await self.desk.submit(service, report)

    async def complete(self, service: str, at: float) -> None:
        """As if it had gone through all stages."""
        rollout = await self.begin(service)
        state = self.desk._states[service]
        done = replace(rollout, status=Status.COMPLETED, finished_at=at, generation=3, live_generation=3)
        self.desk._states[service] = replace(state, rollout=done, generation=3)

    async def last(self, service: str) -> Rollout:
        found = (await self.desk.state(service)).rollout
        assert found is not None
        return found

    async def status(self, service: str) -> Status:
        return (await self.last(service)).status
