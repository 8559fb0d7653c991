"""The alert about hosts that a rollback could not reach (DESIGN §6.5): one a rollout, which names them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from bot.alerts.intents import Signal
from bot.alerts.labels import fingerprint, labels_of, value_of
from bot.alerts.model import Alert
from bot.rollout.model import Rollout, Status

NAME = "HostsNotBack"
COMMA = ", "


def judge(live: Collection[Rollout], known: Iterable[Alert], now: float) -> tuple[Signal, ...]:
    """live: every rollout under way. known: the alerts there are.

    A host that comes back changes nothing until the last one has; a host that was not named yet is told. A rollback
    that is ordered anew has reached nobody yet, and that is no reason to call the hosts of the first one back.
    """
    firing = [a for a in known if a.firing and a.source == "bot" and a.name == NAME]
    back = [r for r in live if r.status is Status.ROLLING_BACK and r.rollback]
    signals: list[Signal] = []
    over = list(firing)
    for rollout in back:
        told = [a for a in firing if value_of(a.labels, "rollout") == rollout.id]
        named = {host for a in told for host in value_of(a.labels, "hosts").split(COMMA)}
        pending = rollout.rollback.pending if rollout.rollback else ()
        if set(pending) <= named:
            over = [a for a in over if a not in told]
        else:
            signals.append(_begun(rollout, pending, now))
    return (*signals, *(_over(alert) for alert in over))


def _begun(rollout: Rollout, pending: Iterable[str], now: float) -> Signal:
    hosts = COMMA.join(sorted(pending))
    labels = labels_of(
        {
            "alertname": NAME,
            "severity": "critical",
            "service": rollout.service,
            "rollout": rollout.id,
            "hosts": hosts,
        }
    )
    details = labels_of({"version": rollout.stable_version})
    return Signal(fingerprint("bot", labels), NAME, "critical", labels, details, now)


def _over(alert: Alert) -> Signal:
    return Signal(alert.fingerprint, NAME, alert.severity, alert.labels, (), alert.started_at, over="over")
