"""The alerts' engine without its edges: real core, store twin, scripted readings, channels that only record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.alerts.labels import Labels, labels_of
from bot.alerts.model import AlertsState, Group
from bot.alerts.plan import AlertPlan
from bot.alerts.rules import Answer, Reading
from bot.engine.alert_sender import AlertSender
from bot.engine.alert_throttle import Throttle
from bot.engine.alert_watch import AlertWatch
from bot.engine.alerting import Alerted, Alerting
from bot.engine.messages import Board
from bot.engine.worker import Worker
from bot.notify.message import Notification
from bot.rollout.model import Rollout
from bot.slack.messages import Messages
from bot.store.memory import MemoryStore
from config.channels import LimitSettings
from tests.alerts.kit import START, a_plan, observed
from tests.engine.conftest import RecordingChat


@dataclass
class FakeChannel:
    """bot.notify.message.Channel that keeps what it was given. fail: raised by the next sends, one each."""

    sent: list[tuple[str, Notification]] = field(default_factory=list)
    fail: list[Exception] = field(default_factory=list)
    down: Exception | None = None

    async def send(self, to: str, notification: Notification) -> str:
        if self.down:
            raise self.down
        if self.fail:
            raise self.fail.pop(0)
        self.sent.append((to, notification))
        return f"id-{len(self.sent)}"

    async def check(self) -> str:
        return str(self.down or "")

    async def aclose(self) -> None: ...

    @property
    def subjects(self) -> list[str]:
        return [notification.subject for _, notification in self.sent]

    def to(self, address: str) -> list[Notification]:
        return [notification for known, notification in self.sent if known == address]


@dataclass
class ScriptedSeries:
    """readings: query -> its answer; a text is an error. A query that is not there answers nothing."""

    readings: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def series(self, queries: Sequence[str]) -> tuple[Answer, ...]:
        self.asked.append(tuple(queries))
        return tuple(self._answer(self.readings.get(query, ())) for query in queries)

    def _answer(self, found: Any) -> Answer:
        return Answer(error=found) if isinstance(found, str) else Answer(tuple(found))


def reading(value: float, **labels: str) -> Reading:
    found: Labels = labels_of({"service": "shop", **labels})
    return Reading(found, value)


class AlertRig:
    def __init__(self, plan: AlertPlan | None = None, store: Any = None) -> None:
        self.now = START + 36000
        self.plan = plan or a_plan()
        self.store = store or MemoryStore()
        self.mail, self.sms, self.chat = FakeChannel(), FakeChannel(), RecordingChat()
        self.metrics = ScriptedSeries()
        self.live: list[Rollout] = []
        self.limit = LimitSettings(burst=1000)
        self.build()

    def build(self) -> None:
        """As a new process would: everything anew but the store and the world."""
        self.alerting = Alerting(self.store, self.plan, clock=lambda: self.now)
        channels = {"mail": self.mail, "sms": self.sms}
        messages = Messages("en", "UTC")
        throttle = Throttle(self.limit, "en", "UTC")
        board = Board(self.store, self.chat)  # type: ignore[arg-type]
        self.sender = AlertSender(self.alerting, channels, board, messages, lambda: self.live, throttle)
        live = lambda: tuple((r.service, r.id) for r in self.live)  # noqa: E731
        self.watch = AlertWatch(self.alerting, self.metrics, live, lambda: self.now)
        self.worker = Worker(self.store, self._perform, lambda: self.now, "me")

    async def _perform(self, claimed: Any) -> bool:
        return await self.sender.perform(claimed)

    async def work(self) -> None:
        while claimed := await self.store.claim("me", self.now, 15.0, 16):
            for one in claimed:
                await self.worker._run(one)

    async def observe(self, *signals: Any) -> Alerted:
        found = await self.alerting.submit(observed(*signals, live=tuple((r.service, r.id) for r in self.live)))
        await self.work()
        return found

    async def tick(self, seconds: float = 1.0) -> None:
        self.now += seconds
        await self.watch.evaluate()
        await self.watch.tick()
        await self.work()

    async def state(self) -> AlertsState:
        return await self.alerting.state()

    async def group(self) -> Group:
        (found,) = (await self.state()).groups.values()
        return found
