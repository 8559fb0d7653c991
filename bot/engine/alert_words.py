"""A message that cannot be written leaves in plain words: an alert must not be lost for a mistake in its sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import structlog

from bot.alerts.model import Alert, Group, Why
from bot.engine.ports.rendered import Notice, Outgoing
from bot.rollout.model import Rollout

log = structlog.get_logger()
LINES = 20
LONGEST = 200  # characters of one label or annotation

T = TypeVar("T")


class Words(Protocol):
    """Rendering, pure: bot.slack.messages."""

    def alert_card(
        self, group: Group, alerts: Sequence[Alert], live: Sequence[Rollout], now: float, call: Sequence[str] = ()
    ) -> Outgoing: ...

    def alert_reply(
        self, group: Group, alerts: Sequence[Alert], why: Why, now: float, call: Sequence[str] = ()
    ) -> Outgoing: ...

    def alert_notice(
        self, group: Group, alerts: Sequence[Alert], why: Why, live: Sequence[Rollout], now: float
    ) -> Notice: ...


class PlainAtWorst:
    """Words whose faults are logged and answered with what every alert has: its severity, name and labels."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def alert_card(
        self, group: Group, alerts: Sequence[Alert], live: Sequence[Rollout], now: float, call: Sequence[str] = ()
    ) -> Outgoing:
        return _or_plain(
            group,
            lambda: self._words.alert_card(group, alerts, live, now, call),
            lambda: Outgoing(_in_chat(group, alerts)),
        )

    def alert_reply(
        self, group: Group, alerts: Sequence[Alert], why: Why, now: float, call: Sequence[str] = ()
    ) -> Outgoing:
        return _or_plain(
            group,
            lambda: self._words.alert_reply(group, alerts, why, now, call),
            lambda: Outgoing(_in_chat(group, alerts)),
        )

    def alert_notice(
        self, group: Group, alerts: Sequence[Alert], why: Why, live: Sequence[Rollout], now: float
    ) -> Notice:
        return _or_plain(
            group,
            lambda: self._words.alert_notice(group, alerts, why, live, now),
            lambda: _notice(group, alerts),
        )


def _or_plain(group: Group, say: Callable[[], T], plain: Callable[[], T]) -> T:
    try:
        return say()
    except Exception:  # a fault of ours, or a text from outside that nobody thought of
        log.exception("an alert cannot be put into words; it leaves in plain ones", group=group.key)
        return plain()


def _notice(group: Group, alerts: Sequence[Alert]) -> Notice:
    firing = [a for a in alerts if a.firing]
    subject = f"[{_severity(alerts)}] {(firing or alerts)[0].name if alerts else group.key}"[:LONGEST]
    return Notice(subject, "\n".join((*_lines(alerts), f"alert {group.key}")), "", subject)


def _severity(alerts: Sequence[Alert]) -> str:
    found = {a.severity for a in alerts if a.firing}
    return "CRITICAL" if "critical" in found else "WARNING" if found else "RESOLVED"


def _lines(alerts: Sequence[Alert]) -> list[str]:
    return [
        f"{a.severity if a.firing else 'resolved'}: "
        + " ".join(f"{name}={value[:LONGEST]}" for name, value in (*a.labels, *a.annotations))
        for a in alerts[:LINES]
    ]


def _in_chat(group: Group, alerts: Sequence[Alert]) -> str:
    text = _notice(group, alerts).subject + "\n" + "\n".join(_lines(alerts))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")[:3000]
