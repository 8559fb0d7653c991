"""Plans, signals and people for the tests of alerts."""

from __future__ import annotations

from typing import Any

from bot.alerts.intents import Observe, Signal
from bot.alerts.labels import fingerprint, labels_of, parse_matcher
from bot.alerts.plan import AlertPlan, Escalation, Inhibition, Reach, Receiver, Rotation, Route
from bot.rollout.model import Person

LIN, WANG = Person("U0LIN00001"), Person("U0WANG0001")
BOT = Person("U0ROBOT001", bot=True)
UTC_DAY = 86400.0
START = 1_772_409_600.0  # 2026-03-02 00:00 UTC, a Monday

MAIL = Receiver("dev-mail", "mail", ("dev@example.com",))
SMS = Receiver("dev-sms", "sms", ("+15555550100",), oncall="primary", send_resolved=False)
CHAT = Receiver("dev-slack", "slack", ("C0RELEASES",))
LEAD = Receiver("lead-sms", "sms", ("+15555550101",), send_resolved=False)


def a_route(name: str = "default", *receivers: str, **changes: Any) -> Route:
    values: dict[str, Any] = {
        "receivers": receivers or ("dev-mail",),
        "group_wait": 30.0,
        "group_interval": 300.0,
        "repeat_interval": 14400.0,
    }
    return Route(name, **(values | changes))


CRITICAL = a_route(
    "critical",
    *("dev-mail", "dev-sms", "dev-slack"),
    matchers=(parse_matcher("severity = critical"),),
    group_wait=0.0,
    group_interval=60.0,
    repeat_interval=3600.0,
    escalate=(Escalation(900.0, ("lead-sms",)),),
)


def a_plan(**changes: Any) -> AlertPlan:
    values: dict[str, Any] = {
        "rules": (),
        "receivers": (MAIL, SMS, CHAT, LEAD),
        "route": a_route(fallback=("dev-slack",), routes=(CRITICAL,)),
        "inhibitions": (
            Inhibition(
                (parse_matcher("severity = critical"),), (parse_matcher("severity = warning"),), ("service", "signal")
            ),
        ),
        "rotations": (Rotation("primary", ("lin", "wang"), "UTC", "2026-03-02"),),
        "reach": (
            ("lin", Reach("林", "U0LIN00001", "lin@example.com", "+15555550111")),
            ("wang", Reach("王", "U0WANG0001", "", "+15555550112")),
        ),
        "kinds": (("slack", "slack"), ("mail", "mail"), ("sms", "phone")),
    }
    return AlertPlan(**(values | changes))


def a_signal(
    name: str = "ErrorRate", severity: Any = "warning", at: float = START, *, over: str = "", **labels: str
) -> Signal:
    given = {"service": "shop", "signal": "errors"} | labels
    every = labels_of({"alertname": name, "severity": severity, **given})
    return Signal(fingerprint("alertmanager", every), name, severity, every, (), at, over=over)


def observed(*signals: Signal, live: tuple[tuple[str, str], ...] = ()) -> Observe:
    return Observe("alertmanager", signals, live)
