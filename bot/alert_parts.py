"""The parts that alerts need, built together: for the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.alerts.plan import AlertPlan
from bot.engine.alert_intake import AlertIntake
from bot.engine.alert_sender import AlertSender
from bot.engine.alert_throttle import Throttle
from bot.engine.alert_watch import AlertWatch
from bot.engine.alerting import Alerting
from bot.engine.messages import Board
from bot.engine.ports.chat import Chat
from bot.engine.ports.metrics import Series
from bot.engine.ports.store import Store
from bot.engine.rollouts import Rollouts
from bot.engine.unreached import Unreached
from bot.notify.channels import build_channels
from bot.notify.message import Channel
from bot.notify.slack import SlackChannel
from bot.slack.messages import Messages
from config.alerts_build import SLACK
from config.settings import Settings


@dataclass(frozen=True, slots=True)
class AlertParts:
    alerting: Alerting
    watch: AlertWatch
    unreached: Unreached
    sender: AlertSender
    channels: dict[str, Channel]
    intake: AlertIntake

    async def aclose(self) -> None:
        await self.alerting.aclose()
        for channel in self.channels.values():
            await channel.aclose()


def build_alerts(
    settings: Settings,
    plan: AlertPlan,
    store: Store,
    metrics: Series,
    chat: Chat,
    rollouts: Rollouts,
    messages: Messages,
    *,
    wake: Callable[[], None],
    clock: Callable[[], float],
) -> AlertParts:
    alerting = Alerting(store, plan, wake=wake, clock=clock)
    channels = build_channels(settings.channels.channels, chat)
    channels.setdefault(SLACK, SlackChannel(SLACK, chat))
    throttle = Throttle(settings.channels.limit, settings.language, settings.timezone)

    def live() -> tuple[tuple[str, str], ...]:
        return tuple((r.service, r.id) for r in rollouts.live())

    watch = AlertWatch(alerting, metrics, live, clock)
    sender = AlertSender(alerting, channels, Board(store, chat), messages, rollouts.live, throttle)
    unreached = Unreached(alerting, rollouts, clock)
    return AlertParts(alerting, watch, unreached, sender, channels, AlertIntake(alerting, live))
