"""What follows from the outcome of a notification: its receipt, the next channel, the alert that one fails. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bot.alerts import events as ev
from bot.alerts.deciding.reach import sends
from bot.alerts.evolve import fold
from bot.alerts.intents import Observe, Signal
from bot.alerts.labels import fingerprint, labels_of
from bot.alerts.model import AlertsState, Group, Receipt
from bot.alerts.plan import AlertPlan

FAILING = "NotificationChannelFailing"
Look = Callable[[AlertsState, Observe, float, AlertPlan], tuple[ev.AlertEvent, ...]]


def judge(
    state: AlertsState, reported: Iterable[ev.Delivery], now: float, plan: AlertPlan, observe: Look
) -> tuple[ev.AlertEvent, ...]:
    """A receipt only gets better, but for an error once sent; one that stands already is not reported again."""
    news = [d for d in reported if _is_news(state, d)]
    if not news:
        return ()
    events: list[ev.AlertEvent] = [ev.DeliveriesReported(tuple(news), now)]
    after = fold(state, events)
    for d in news:
        before = _receipt(state, d)
        if d.state in ("trouble", "failed") and before and before.state == "pending":
            events += _fall_back(after, d, now, plan)
            after = fold(state, events)
    health = _health(after, news, now)
    if health.signals:
        events += observe(after, health, now, plan)
    return tuple(events)


def _receipt(state: AlertsState, d: ev.Delivery) -> Receipt | None:
    group = state.groups.get(d.group)
    wanted = (d.serial, d.channel, d.to)
    return next((r for r in group.receipts if (r.serial, r.channel, r.to) == wanted), None) if group else None


def _is_news(state: AlertsState, d: ev.Delivery) -> bool:
    receipt = _receipt(state, d)
    return receipt is not None and receipt.state not in ("sent", "failed", d.state)


def _fall_back(state: AlertsState, d: ev.Delivery, now: float, plan: AlertPlan) -> tuple[ev.AlertEvent, ...]:
    """The first receiver of the route's fallback that this notification has not used yet and that reaches somebody."""
    group: Group = state.groups[d.group]
    of_serial = [r for r in group.receipts if r.serial == d.serial]
    used = {r.receiver for r in of_serial}
    known = frozenset((r.channel, r.to) for r in of_serial)
    for name in plan.route_of(group.route).fallback:
        receiver = plan.receiver(name)
        if name in used or receiver is None or receiver.channel == d.channel:
            continue
        found = sends(state, plan, (name,), now, instead_of=d.receiver, known=known)
        if found:
            return (ev.FellBack(group.key, d.serial, found, now, of_serial[0].why),)
    return ()


def _health(state: AlertsState, news: Iterable[ev.Delivery], now: float) -> Observe:
    """A channel in trouble is itself an alert, until something arrives by it again."""
    last = {d.channel: d for d in news if d.state in ("trouble", "sent")}
    signals = []
    for channel, d in last.items():
        signal = failing(channel, d.detail, now)
        known = state.alerts.get(signal.fingerprint)
        firing = known is not None and known.firing
        if d.state == "trouble" and not firing:
            signals.append(signal)
        elif d.state == "sent" and known and firing:
            signals.append(
                Signal(signal.fingerprint, FAILING, "critical", signal.labels, (), known.started_at, over="over")
            )
    return Observe("bot", tuple(signals))


def failing(channel: str, error: str, now: float) -> Signal:
    labels = labels_of({"alertname": FAILING, "channel": channel, "severity": "critical"})
    annotations = labels_of({"error": error})
    return Signal(fingerprint("bot", labels), FAILING, "critical", labels, annotations, now)
