"""Several bots on one PostgreSQL, each a process with a cable of its own; and what happens to the one that acts."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.engine.leads import LEASE
from bot.engine.ports.records import Lead
from bot.rollout.events import (
    Event,
    RolloutCompleted,
    RolloutStarted,
    ShiftDone,
    ShiftOrdered,
    StageApproved,
    StagePassed,
)
from bot.rollout.model import Status
from bot.sandbox.demo.sampling import Sampler, above_approved
from bot.sandbox.production.children import Child
from bot.sandbox.production.ports import Ports
from tests.crash.cast import Cast
from tests.crash.ending import summary
from tests.crash.plays import patient
from tests.postgres import Cluster
from tests.replicas.proxy import Proxy
from tests.scenarios.kit import FIRST, LAST, NEW, Change, ShortStand

LOAD = 50.0  # requests per second over all hosts
TAKEOVER = LEASE + 2.0  # seconds within which another acts (the demand)
WAIT = 120.0  # seconds for what must happen at all; how soon it did is read from the database's clock


@dataclass
class Replica:
    name: str
    child: Child
    port: int
    proxy: Proxy

    def freeze(self) -> None:
        os.kill(self.child.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.child.pid, signal.SIGCONT)


class Replicas(ShortStand):
    """A stand with `count` bots. command: what runs replica n; default the bot itself."""

    def __init__(
        self,
        root: Path,
        cluster: Cluster,
        count: int,
        change: Change = patient,
        command: Callable[[int], tuple[str, ...]] | None = None,
    ) -> None:
        super().__init__(root, "socket", change)
        self._cluster = cluster
        self._count = count
        self._command = command or (lambda _: self.bot_command)
        self._database = cluster.create()
        self._cables = AsyncExitStack()
        self.replicas: list[Replica] = []

    @property
    def database_url(self) -> str:
        return self._cluster.url(self._database)

    async def start_bot(self) -> None:
        self.adapt()
        ports = self._cables.enter_context(Ports())
        for n in range(self._count):
            proxy = await self._cables.enter_async_context(Proxy(self._cluster.port))
            port, name = ports.take(), f"bot-{n + 1}"
            url = self._cluster.url(self._database, port=proxy.port)
            env = self.bot_env(port) | {"DATABASE_URL": url}
            argv = (*self._command(n), "run", "--config", str(self.config_dir))
            self.replicas.append(Replica(name, Child(name, argv, self.root / f"{name}.log", env=env), port, proxy))
        await asyncio.gather(*(replica.child.start() for replica in self.replicas))
        await asyncio.gather(*(self.ready(replica) for replica in self.replicas))

    async def ready(self, replica: Replica) -> None:
        await self.bot_ready(replica.child, replica.port)

    async def stop_bot(self) -> None:
        try:
            await asyncio.gather(*(replica.child.kill() for replica in self.replicas))
        finally:
            await self._cables.aclose()


@dataclass(frozen=True)
class Taken:
    lead: Lead
    at: float  # Unix seconds on the database's clock


class Troupe(Cast):
    """The people, and an eye on who acts. `approved` and `to_the_end` are one rollout under load, in two acts."""

    def __init__(self, stand: Replicas, sampler: Sampler) -> None:
        super().__init__(stand)
        self.replicas = stand
        self._sampler = sampler

    async def acting(self) -> tuple[Replica, Lead]:
        """The replica that holds the lead. Raises LookupError where nobody does."""
        for lead in await (await self.witness.reader()).leads():
            pid = int(lead.owner.split(":")[1])
            for replica in self.replicas.replicas:
                if replica.child.running and replica.child.pid in (pid, _parent(pid)):
                    return replica, lead
        raise LookupError("nobody has the lead")

    async def now(self) -> float:
        return await (await self.witness.reader()).now()

    async def taken_over(self, epoch: int, lease: float = LEASE) -> Taken:
        """Once somebody has the lead after that epoch; when that was, at the latest."""
        async with asyncio.timeout(WAIT):
            while True:
                for lead in await (await self.witness.reader()).leads():
                    if lead.epoch > epoch:
                        return Taken(lead, lead.until - lease)
                await asyncio.sleep(0.02)

    async def approved(self) -> None:
        """Until the first shift is ordered: the hosts are about to be changed."""
        await self.start(NEW)
        await self.asked(1)
        await self.until("the approval", lambda look: look.has(StageApproved), self.react("wang", 1, anew=True))

    async def live(self, stage: str) -> None:
        def there() -> Callable[..., bool]:
            return lambda look: look.rollout.live_stage == stage and look.rollout.status is not Status.SHIFTING

        await self.until(f"{stage} live", there())

    async def to_the_end(self) -> None:
        await self.live(FIRST)
        await self.until("the stage to pass", lambda look: _status(look) is Status.PASSED)
        promote = self.type("lin", "/rollout promote")
        await self.until("the next asking", lambda look: bool((a := look.approval) and a.attempt == 2), promote)
        await self.asked(2)
        await self.until(
            "its approval", lambda look: _count(look.events, StageApproved) == 2, self.react("wang", 2, anew=True)
        )
        await self.until("the end", lambda look: _status(look) is Status.COMPLETED)
        await self.settled()

    async def nothing_twice_and_nothing_too_much(self, *, in_flight: int = 0) -> None:
        """What there is at the end: each thing once, everywhere what was ordered, and never more than was approved.

        in_flight: posts that a frozen replica may have been in the middle of. Slack has no fence: such a one comes
        when that one wakes, beside the one of whoever took over.
        """
        look = await self.look()
        for kind, times in ((RolloutStarted, 1), (StageApproved, 2), (ShiftOrdered, 2), (ShiftDone, 2)):
            assert _count(look.events, kind) == times, kind
        assert _count(look.events, StagePassed) == 2 and _count(look.events, RolloutCompleted) == 1
        orders = [e.generation for e in look.events if isinstance(e, ShiftOrdered)]
        assert [e.generation for e in look.events if isinstance(e, ShiftDone)] == orders
        assert [e.stage for e in look.events if isinstance(e, StageApproved)] == [FIRST, LAST]
        assert set((await self.stand.play.served()).values()) == {("canary", 100.0)}
        messages = (await summary(self))["messages"]
        twice = {line.split(" x")[0] for line in messages if " x1 " not in line}
        assert len(twice) <= in_flight and all(" x2 " in line for line in messages if " x1 " not in line), twice
        assert len([line for line in messages if line.startswith("card:")]) == 1
        assert not look.given_up
        assert len(self._sampler.samples) > 20
        assert above_approved(self._sampler.samples, list(look.events)) == []
        load = self.stand.world.snapshot()["load"]
        assert load["running"] and load["rate"] > 0


@asynccontextmanager
async def troupe(stand: Replicas) -> AsyncIterator[Troupe]:
    """The stand, started, with load on its hosts."""
    async with stand, Sampler(stand.world.hosts) as sampler:
        made = Troupe(stand, sampler)
        try:
            await stand.world.start_load(LOAD)
            yield made
        finally:
            await made.close()
            await stand.play.close()


def _status(look: object) -> Status | None:
    rollout = getattr(look, "rollout", None)
    return rollout.status if rollout else None


def _count(events: tuple[Event, ...], kind: type) -> int:
    return sum(isinstance(event, kind) for event in events)


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
