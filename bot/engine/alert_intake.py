"""Alertmanager's webhook, version 4, as what the core understands. A batch is one intent, and so one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from bot.alerts.intents import Observe, Signal
from bot.alerts.labels import Labels, fingerprint, labels_of, value_of
from bot.alerts.plan import severity_of
from bot.engine.alerting import Alerting

MOST = 10_000  # alerts in one payload
LONGEST = 2_000  # characters of a label's or annotation's value; more is cut


class BadPayload(ValueError):
    """It is not what Alertmanager sends; the sentence says what is wrong."""


class AlertIntake:
    """live: (service, rollout) under way now."""

    def __init__(self, alerting: Alerting, live: Callable[[], tuple[tuple[str, str], ...]]) -> None:
        self._alerting = alerting
        self._live = live

    async def take(self, body: bytes) -> int:
        """Commits the whole batch; the number of alerts in it. The same body again does nothing.

        Raises BadPayload, and what the store raises: nothing was taken then.
        """
        signals = read(body, self._alerting.now())
        cause = f"alertmanager:{hashlib.sha256(body).hexdigest()}"
        await self._alerting.submit(Observe("alertmanager", signals, self._live()), cause)
        return len(signals)


def read(body: bytes, now: float) -> tuple[Signal, ...]:
    """Raises BadPayload."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadPayload(f"the body is not JSON: {str(error)[:100]}") from None
    if not isinstance(payload, dict) or payload.get("version") != "4":
        raise BadPayload('this is not the webhook of Alertmanager, version "4"')
    alerts = payload.get("alerts")
    if not isinstance(alerts, list) or len(alerts) > MOST:
        raise BadPayload(f"`alerts` is not a list of {MOST} at most")
    return tuple(_signal(alert, now) for alert in alerts)


def _signal(alert: Any, now: float) -> Signal:
    if not isinstance(alert, dict) or alert.get("status") not in ("firing", "resolved"):
        raise BadPayload("an alert has no status, firing or resolved")
    labels = _texts(alert, "labels")
    if not labels:
        raise BadPayload("an alert has no labels")
    severity = severity_of(value_of(labels, "severity"))
    labels = labels_of({**dict(labels), "severity": severity})  # so that routes need only our three words
    link = alert.get("generatorURL")
    return Signal(
        fingerprint=fingerprint("alertmanager", labels),
        name=value_of(labels, "alertname") or "?",
        severity=severity,
        labels=labels,
        annotations=_texts(alert, "annotations"),
        started_at=_time(alert.get("startsAt"), now),
        link=link[:LONGEST] if isinstance(link, str) and link.startswith(("http://", "https://")) else "",
        over="over" if alert["status"] == "resolved" else "",
    )


def _texts(alert: dict[str, Any], key: str) -> Labels:
    found = alert.get(key) or {}
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise BadPayload(f"the {key} of an alert are not texts")
    return labels_of({str(name): value[:LONGEST] for name, value in found.items()})


def _time(text: Any, now: float) -> float:
    """As its sender has it, also where clocks differ: it tells one life of an alert from the next."""
    if not isinstance(text, str):
        raise BadPayload("an alert has no startsAt")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadPayload(f"startsAt {text[:40]!r} is not a time") from None
    return at.timestamp() if at.tzinfo else now
