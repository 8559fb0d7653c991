"""What the world must be asked to do because something happened to alerts. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from bot.alerts import events as ev
from bot.alerts.effects import AlertEffect, SendAlert, ShowAlert
from bot.alerts.evolve import alerts_of
from bot.alerts.model import AlertsState, Group, Why
from bot.alerts.plan import AlertPlan

LANES = 128  # of a channel: what one recipient is told of one group stays in order, and a slow one holds up few


def follow(event: ev.AlertEvent, after: AlertsState, plan: AlertPlan) -> tuple[AlertEffect, ...]:
    """Effects of one event; `after` is the state with the event in it."""
    match event:
        case ev.GroupsTold():
            sent = [e for told in event.told for e in _sends(after, told.group, told.serial, told.why, told.sends)]
            return (*sent, *_shown((after.groups[t.group] for t in event.told), plan))
        case ev.FellBack():
            group = after.groups[event.group]
            return (*_sends(after, event.group, event.serial, event.why, event.sends), *_shown((group,), plan))
        case ev.GroupAcknowledged():
            return _shown((after.groups[event.group],), plan)
        case ev.DeliveriesReported():
            keys = dict.fromkeys(d.group for d in event.deliveries)
            return _shown((after.groups[key] for key in keys), plan)
        case ev.AlertsResolved():
            alerts = (after.alerts[fingerprint] for fingerprint, _ in event.resolved)
            keys = dict.fromkeys(key for alert in alerts for key in alert.groups if key in after.groups)
            return _shown((after.groups[key] for key in keys), plan)
        case ev.MutesChanged():
            keys = dict.fromkeys(
                key for f, _, _ in event.changes for key in after.alerts[f].groups if key in after.groups
            )
            return _shown((after.groups[key] for key in keys), plan)
    return ()


def _sends(state: AlertsState, key: str, serial: int, why: Why, sends: Iterable[ev.Send]) -> tuple[SendAlert, ...]:
    group = state.groups[key]
    critical = any(alert.severity == "critical" for alert in alerts_of(state, group))
    return tuple(SendAlert(key, group.life, serial, s.receiver, s.channel, s.to, critical, why) for s in sends)


def _shown(groups: Iterable[Group], plan: AlertPlan) -> tuple[ShowAlert, ...]:
    """Those that have a message in the chat, or will have one."""
    chat = [g for g in groups if any(plan.kind(r.channel) == "slack" for r in g.receipts)]
    return tuple(ShowAlert(g.key, g.life) for g in chat)


def lane(effect: AlertEffect) -> str:
    """A lane of its own a channel, in several strands: what hangs in one channel holds up no other."""
    if isinstance(effect, SendAlert):
        strand = zlib.crc32(f"{effect.group}:{effect.to}".encode()) % LANES
        return f"notify:{effect.channel}:{strand}"
    return f"alertcard:{zlib.crc32(effect.group.encode()) % LANES}"
