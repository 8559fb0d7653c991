"""Performs the effects of alerts: notifications over every channel, and the message with its buttons in the chat."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog

from bot.alerts.deciding.reach import mentions
from bot.alerts.effects import SendAlert, ShowAlert
from bot.alerts.events import Delivery
from bot.alerts.evolve import alerts_of
from bot.alerts.model import Alert, Delivered, Group, Receipt
from bot.engine.alert_throttle import Held, Throttle
from bot.engine.alert_words import PlainAtWorst, Words
from bot.engine.alerting import Alerting
from bot.engine.messages import Board
from bot.engine.ports.errors import Final, Retryable
from bot.engine.ports.records import Claimed
from bot.notify.message import Channel, Notification, Severity
from bot.rollout.model import Rollout

log = structlog.get_logger()
LOUD = ("new", "more", "escalated", "repeat")  # said where everybody in the channel sees it
DEADLINE = 60.0  # seconds for one notification, whatever a channel's own limits are
GIVE_UP = 86400.0  # seconds after which a notification that could not be sent is given up, and said to be


class AlertSender:
    """channels: by name. chats: the names of those that are Slack, where one message is edited and not repeated.

    live: the rollouts under way now.
    """

    def __init__(
        self,
        alerting: Alerting,
        channels: Mapping[str, Channel],
        board: Board,
        words: Words,
        live: Callable[[], Sequence[Rollout]],
        throttle: Throttle,
    ) -> None:
        self._alerting = alerting
        self._channels = channels
        self._board = board
        self._words = PlainAtWorst(words)
        self._live = live
        self._throttle = throttle

    async def perform(self, claimed: Claimed) -> bool:
        """Whether it is already finished, with the commit of its outcome. Raises Retryable, or Final once given up."""
        match claimed.effect:
            case SendAlert() as effect:
                return await self._send(claimed, effect)
            case ShowAlert() as effect:
                await self._show(effect)
        return False

    async def _send(self, claimed: Claimed, effect: SendAlert) -> bool:
        state = await self._alerting.state()
        group = state.groups.get(effect.group)
        receipt = _receipt(group, effect)
        if group is None or group.life != effect.life or receipt is None or receipt.state in ("sent", "failed"):
            return False  # told already by a try whose end was lost, or history
        try:
            said = await self._deliver(claimed.key, effect, group, alerts_of(state, group))
        except Held:
            raise  # nothing failed
        except Retryable as error:
            await self._troubled(claimed, effect, receipt, error)
            raise
        except Final as error:
            await self._report(effect, "failed", str(error), claimed.id)
            return True
        await self._report(effect, "sent", said, claimed.id)
        return True

    async def _deliver(self, key: str, effect: SendAlert, group: Group, alerts: Sequence[Alert]) -> str:
        """What the provider calls it. Raises Retryable or Final."""
        try:
            async with asyncio.timeout(DEADLINE):
                notification = self._notification(key, effect, group, alerts)
                now = self._alerting.now()

                async def send(what: Notification) -> str:
                    if what is notification and self._alerting.plan.kind(effect.channel) == "slack":
                        return await self._post(key, effect, group, alerts)
                    return await self._channel(effect.channel).send(effect.to, what)

                return await self._throttle.send(effect.channel, effect.to, notification, now, send)
        except TimeoutError:
            raise Retryable(f"{effect.channel} did not take it within {DEADLINE:g} s") from None

    def _channel(self, name: str) -> Channel:
        found = self._channels.get(name)
        if found is None:
            raise Final(f"there is no channel {name}: add it to channels.yaml")
        return found

    def _notification(self, key: str, effect: SendAlert, group: Group, alerts: Sequence[Alert]) -> Notification:
        notice = self._words.alert_notice(group, alerts, effect.why, self._live(), self._alerting.now())
        thread = f"{group.key}.{group.life}"
        severity: Severity = "info" if not any(a.firing for a in alerts) else worst(alerts)
        return Notification(key, severity, notice.subject, notice.text, notice.html, notice.short, thread)

    async def _troubled(self, claimed: Claimed, effect: SendAlert, receipt: Receipt, error: Retryable) -> None:
        """Says so in the log once: the core then decides what else is to be done."""
        if self._alerting.now() - receipt.at > GIVE_UP and claimed.attempts >= self._alerting.plan.failures:
            await self._report(effect, "failed", str(error))
            raise Final(f"given up after {claimed.attempts + 1} tries: {error}") from error
        if claimed.attempts + 1 >= self._alerting.plan.failures and receipt.state == "pending":
            await self._report(effect, "trouble", str(error))

    async def _report(self, effect: SendAlert, state: Delivered, detail: str, finish: int | None = None) -> None:
        done = Delivery(effect.group, effect.serial, effect.receiver, effect.channel, effect.to, state, detail[:300])
        await self._alerting.report(done, finish)

    # The chat: one message a group and place, edited; what people have to notice is a reply to it

    async def _post(self, key: str, effect: SendAlert, group: Group, alerts: Sequence[Alert]) -> str:
        card = _card_key(group, effect.to)
        now = self._alerting.now()
        known = await self._board.known(card)
        loud = effect.why in LOUD and any(a.firing for a in alerts)
        call = await self._whom(effect, now) if loud else ()
        again = known and _told_before(group, effect)
        shown = self._words.alert_card(group, alerts, self._live(), now, () if again else call)
        ref = await self._board.sync(card, effect.to, shown)
        if again:
            reply = self._words.alert_reply(group, alerts, effect.why, now, call)
            await self._board.reply(key, ref, reply, broadcast=loud)
        return f"{ref.channel}:{ref.ts}"

    async def _whom(self, effect: SendAlert, now: float) -> tuple[str, ...]:
        """An edit calls nobody, so whom a message calls stands in it only when it is posted."""
        receiver = self._alerting.plan.receiver(effect.receiver)
        return mentions(await self._alerting.state(), self._alerting.plan, receiver, now) if receiver else ()

    async def _show(self, effect: ShowAlert) -> None:
        state = await self._alerting.state()
        group = state.groups.get(effect.group)
        if group is None or group.life != effect.life:
            return
        now, alerts = self._alerting.now(), alerts_of(state, group)
        plan = self._alerting.plan
        for to in dict.fromkeys(r.to for r in group.receipts if plan.kind(r.channel) == "slack"):
            card = _card_key(group, to)
            if await self._board.known(card):
                await self._board.sync(card, to, self._words.alert_card(group, alerts, self._live(), now))


def _receipt(group: Group | None, effect: SendAlert) -> Receipt | None:
    wanted = (effect.serial, effect.channel, effect.to)
    return next((r for r in group.receipts if (r.serial, r.channel, r.to) == wanted), None) if group else None


def _told_before(group: Group, effect: SendAlert) -> bool:
    """Nobody notices an edit. The first message is itself the notification, also when its answer was lost."""
    place = (effect.channel, effect.to)
    return any((r.channel, r.to) == place and r.serial < effect.serial for r in group.receipts)


def _card_key(group: Group, to: str) -> str:
    return f"alertcard:{group.key}:{group.life}:{to}"


def worst(alerts: Sequence[Alert]) -> Severity:
    """Of those that fire, or of all once none does."""
    found = {a.severity for a in alerts if a.firing} or {a.severity for a in alerts}
    return "critical" if "critical" in found else "warning" if "warning" in found else "info"
