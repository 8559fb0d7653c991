"""Alerts around a rollout: three ways to people, and what became of it, without what differs between two runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from bot.alerts.model import AlertsState, Group
from bot.sandbox.demo.inbox import Inbox, Letter
from tests.scenarios.kit import edit_yaml

WAYS = ("mail", "sms", "slack")


def wired(root: Path) -> None:
    """No rule of the bot's own fires by chance. What comes from outside is told by every way: at once, but for
    DiskFull, which is told by the passing of time.
    """
    edit_yaml(root / "config" / "alerts.yaml", _wire)


def _wire(alerts: Any) -> None:
    alerts["rules"] = []
    alerts["receivers"] = {
        "by-mail": {"channel": "mail", "to": ["dev@example.com"]},
        "by-sms": {"channel": "sms", "to": ["+15555550100"]},
        "by-slack": {"channel": "slack", "to": ["releases"]},
    }
    alerts["route"] = {
        "notify": list(alerts["receivers"]),
        "group_by": ["alertname"],
        "group_wait": "0s",
        "group_interval": "1s",
        "repeat_interval": "24h",
        "routes": [{"name": "later", "match": ["alertname = DiskFull"], "group_wait": "1s"}],
    }


def told(state: AlertsState, name: str, times: int) -> bool:
    """Whether so many notifications of the alert have gone out, by every way."""
    group = _groups(state).get(name)
    return group is not None and len([r for r in group.receipts if r.state == "sent"]) == times * len(WAYS)


def firing(state: AlertsState, name: str) -> bool:
    return any(alert.name == name and alert.firing for alert in state.alerts.values())


def acknowledged(state: AlertsState, name: str) -> bool:
    group = _groups(state).get(name)
    return group is not None and group.acked_at is not None


def muted(state: AlertsState, name: str) -> bool:
    return any(alert.name == name and alert.muted for alert in state.alerts.values())


def state(state: AlertsState) -> dict[str, Any]:
    """How it ended."""
    return {
        "alerts": sorted((a.name, a.firing, a.muted, bool(a.rollout)) for a in state.alerts.values()),
        "groups": {
            name: {
                "told": len(group.told),
                "serial": group.serial,
                "acknowledged by": group.acked_by,
                "receipts": sorted((r.serial, r.channel, r.to, r.state, r.why) for r in group.receipts),
            }
            for name, group in _groups(state).items()
        },
        "silences": len(state.silences),
        "turns": sorted({(turn.rotation, turn.person) for turn in state.overrides}),
    }


def letters(inbox: Inbox) -> list[str]:
    """Whom a letter reached, and about what. What it says is read when it is sent: one that a kill held up until the
    alert was over says so. One whose receipt was cut off comes again under the same key; the key is what a mailbox
    and a provider tell it by, and this inbox keeps none.
    """
    return sorted({f"{one.kind} to {', '.join(one.to)} about {_about(one)}" for one in inbox.letters})


def again(state: AlertsState, inbox: Inbox) -> int:
    """Letters beyond those that have a receipt."""
    receipts = [r for group in state.groups.values() for r in group.receipts if r.channel != "slack"]
    return len(inbox.letters) - len([r for r in receipts if r.state == "sent"])


def _about(letter: Letter) -> str:
    """Without how grave it is, and since when."""
    if letter.subject:
        return letter.subject.partition("] ")[2]
    return re.split(" since |, after ", letter.text.partition(": ")[2])[0]


def _groups(state: AlertsState) -> dict[str, Group]:
    return {dict(group.labels)["alertname"]: group for group in state.groups.values()}
