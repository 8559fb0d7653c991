"""A notification in words: the mail's subject and text, and the SMS's one line. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.alerts.model import Alert, Group, Why
from bot.engine.ports.rendered import Notice
from bot.rollout.model import Rollout
from bot.slack.messages.alert_parts import Saying, ack_command, settled_why
from bot.slack.messages.markup import Mrkdwn, clean
from bot.slack.messages.words import Words

LINES = 50
WHAT = 44  # characters of what and where in an SMS; an SMS of Chinese has 70 in all
LABELS_SHOWN = 10  # alerts whose labels a mail has in full


def notice(w: Words, group: Group, alerts: Sequence[Alert], why: Why, live: Sequence[Rollout], now: float) -> Notice:
    s = Saying(w, plain=True)
    kind = settled_why(why, alerts)
    what = s.what(group, alerts)
    subject = w.say(f"alert.subject.{kind}", severity=s.severity_word(alerts), what=what)
    return Notice(
        subject, _text(s, group, alerts, kind, live, now), "", _short(s, group, alerts, kind, live, what, now)
    )


def _text(s: Saying, group: Group, alerts: Sequence[Alert], kind: Why, live: Sequence[Rollout], now: float) -> str:
    w = s.w
    parts = [w.say("alert.text.escalated", n=group.step)] if kind == "escalated" else []
    parts += [Mrkdwn("\n".join(s.lines(alerts, now, LINES)))]
    firing = [a for a in alerts if a.firing]
    parts += [Mrkdwn("\n".join(text for _, text in s.suspects(alerts, live)))]
    if group.unrouted:
        parts.append(w.say("alert.unrouted"))
    for alert in firing[:LABELS_SHOWN] or alerts[:LABELS_SHOWN]:
        labels = ", ".join(f"{name}={value}" for name, value in alert.labels)
        parts.append(w.say("alert.text.labels", labels=s.out(labels, 1000)))
        if alert.link:
            parts.append(w.say("alert.text.link", link=s.out(alert.link, 500)))
    if firing and group.acked_at is None:
        parts.append(w.say("alert.text.ack", command=Mrkdwn(ack_command(group))))
    parts.append(w.say("alert.id", id=Mrkdwn(group.key)))
    return "\n\n".join(p for p in parts if p)


def _short(
    s: Saying, group: Group, alerts: Sequence[Alert], kind: Why, live: Sequence[Rollout], what: str, now: float
) -> str:
    """What, where, since when, all of it within one SMS of Chinese; then what to do, which a channel may cut."""
    firing = [a for a in alerts if a.firing]
    what = _cut(what, WHAT)
    if not firing:
        return clean(s.say("alert.short.resolved", what=what, lasted=s.lasted(group, alerts, now)), 600)
    since = s.w.clock(min(a.started_at for a in firing), now)
    value = s.value(firing[0]) if len(firing) == 1 else Mrkdwn("")
    facts = {"severity": s.severity_word(alerts), "what": what, "value": value, "since": since}
    parts = [s.say(f"alert.short.{kind}", **facts)]
    tied = s.suspects(alerts, live)
    if tied:
        rollout, _ = tied[0]
        service, version = s.out(rollout.service, 30), s.out(rollout.version, 20)
        parts.append(s.say("alert.short.rollout", service=service, version=version))
    if group.acked_at is None:
        parts.append(Mrkdwn(ack_command(group)))
    return clean(" ".join(parts), 600)


def _cut(text: str, most: int) -> Mrkdwn:
    return Mrkdwn(text if len(text) <= most else text[: most - 1] + "…")
