"""Alerts around the bot: what Prometheus says of three rules, and two ways to people that lose and refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bot.alerts.labels import labels_of, parse_matcher
from bot.alerts.model import STREAM
from bot.alerts.plan import AlertPlan, Escalation, Receiver, Route, Rule
from bot.alerts.rules import Answer, Reading
from bot.engine.alert_sender import AlertSender
from bot.engine.alert_throttle import Throttle
from bot.engine.alert_watch import AlertWatch
from bot.engine.alerting import Alerting
from bot.engine.messages import Board
from bot.engine.ports.errors import Retryable
from bot.notify.message import Notification
from bot.rollout.plan import Condition
from config.channels import LimitSettings
from tests.simulation.plans import SERVICE
from tests.simulation.prometheus import BLIND

if TYPE_CHECKING:
    from tests.simulation.replica import Replica
    from tests.simulation.world import World

EVERY = 15.0
LIMIT = 5.0
RULES = tuple(
    Rule(name, name, severity, EVERY, Condition(f"{name} > 5", name, ">", LIMIT), keep_firing_for=EVERY)
    for name, severity in (("Errors", "critical"), ("Slow", "warning"), ("Lag", "warning"))
)
CRITICAL = Route(
    "critical",
    ("mail", "sms"),
    (parse_matcher("severity = critical"),),
    group_wait=0.0,
    group_interval=20.0,
    repeat_interval=60.0,
    escalate=(Escalation(45.0, ("lead",)),),
)
PLAN = AlertPlan(
    rules=RULES,
    receivers=(
        Receiver("mail", "mail", ("dev@example.com",)),
        Receiver("sms", "sms", ("+15555550100",)),
        Receiver("lead", "sms", ("+15555550101",)),
    ),
    route=Route(
        "default", ("mail",), group_by=("service",), group_wait=10.0, group_interval=30.0, repeat_interval=90.0,
        fallback=("sms",), routes=(CRITICAL,),
    ),
    kinds=(("mail", "mail"), ("sms", "phone")),
)  # fmt: skip


class SimSeries:
    """bot.engine.ports.metrics.Series of one replica: a rule is at 9 while the world raises it, and at 1 otherwise."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def series(self, queries: Sequence[str]) -> tuple[Answer, ...]:
        world = self._world
        await asyncio.sleep(world.net.among((0.01, 0.5)))
        if world.mood in BLIND:
            return tuple(Answer(error="simulated outage") for _ in queries)
        answers = []
        for query in queries:
            value = 9.0 if query in world.raised_alarms else 1.0
            world.alerts.measured(query, value)
            answers.append(Answer((Reading(labels_of({"service": SERVICE}), value),)))
        return tuple(answers)


class SimChannel:
    """bot.notify.message.Channel of one replica, and of one kind."""

    def __init__(self, world: World, kind: str) -> None:
        self._world = world
        self._kind = kind

    async def send(self, to: str, notification: Notification) -> str:
        world = self._world
        await asyncio.sleep(world.net.among((0.05, 0.05, 2.0)))
        fate = world.net.weighted(world.hoarse[self._kind]) if self._kind in world.hoarse else 0
        if fate == 1:
            world.count("fault:notification refused")
            raise Retryable("simulated: not now", world.net.among((None, 5.0)))
        world.alerts.arrived(notification.key, surely=fate != 2)
        world.say("{} to {}: {}", self._kind, to, notification.key)
        if fate == 2:
            world.count("fault:notification's answer lost")
            raise Retryable("simulated: the answer was lost")
        return "taken"

    async def check(self) -> str:
        return ""

    async def aclose(self) -> None:
        """Nothing to close."""


class AlertParts:
    """As bot.alert_parts wires them."""

    def __init__(self, world: World, replica: Replica, chat: Any, words: Any) -> None:
        clock = replica.clock
        self.alerting = Alerting(replica.store, PLAN, wake=lambda: replica.worker.wake(), clock=clock)

        def live() -> tuple[tuple[str, str], ...]:
            return tuple((r.service, r.id) for r in replica.rollouts.live())

        self.watch = AlertWatch(self.alerting, SimSeries(world), live, clock)
        self.sender = AlertSender(
            self.alerting,
            {kind: SimChannel(world, kind) for kind in ("mail", "sms")},
            Board(replica.store, chat),
            words,
            replica.rollouts.live,
            Throttle(LimitSettings(burst=1000), "en", "UTC"),
        )

    async def evaluate(self, _: str) -> None:
        await self.watch.evaluate()

    async def tick(self, _: str) -> None:
        await self.watch.tick()


__all__ = ["PLAN", "STREAM", "AlertParts"]
