"""A notification in words: the mail's subject and text, and the SMS's one line. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.alerts.blame import suspects
from bot.alerts.model import Alert, Group, Why
from bot.engine.ports import Notice
from bot.rollout.model import Rollout
from bot.slack.messages.alert_parts import Saying, ack_command, settled_why
from bot.slack.messages.markup import Mrkdwn, clean
from bot.slack.messages.words import Words

LINES = 50
LABELS_SHOWN = 10  # alerts whose labels a mail has in full


def notice(w: Words, group: Group, alerts: Sequence[Alert], why: Why, live: Sequence[Rollout], now: float) -> Notice:
    s = Saying(w, plain=True)
    kind = settled_why(why, alerts)
    what = s.what(group, alerts)
    subject = w.say(f"alert.subject.{kind}", severity=s.severity_word(alerts), what=what)
    return Notice(subject, _text(s, group, alerts, live, now), "", _short(s, group, alerts, what, now))


def _text(s: Saying, group: Group, alerts: Sequence[Alert], live: Sequence[Rollout], now: float) -> str:
    w = s.w
    parts = ["\n".join(s.lines(alerts, now, LINES))]
    firing = [a for a in alerts if a.firing]
    tied = [(r, found[0]) for r in live if (found := [x for a in firing for x in suspects(a, (r,))])]
    for rollout, suspect in tied:
        why = w.join(w.say(f"alert.blame.{reason}") for reason in suspect.reasons)
        facts = {"rollout": rollout.id, "service": rollout.service, "version": rollout.version}
        parts.append(w.say("alert.rollout", why=why, **{k: s.out(v, 60) for k, v in facts.items()}))
    for alert in firing[:LABELS_SHOWN] or alerts[:LABELS_SHOWN]:
        labels = ", ".join(f"{name}={value}" for name, value in alert.labels)
        parts.append(w.say("alert.text.labels", labels=s.out(labels, 1000)))
        if alert.link:
            parts.append(w.say("alert.text.link", link=s.out(alert.link, 500)))
    if firing and group.acked_at is None:
        parts.append(w.say("alert.text.ack", command=Mrkdwn(ack_command(group))))
    parts.append(w.say("alert.id", id=Mrkdwn(group.key)))
    return "\n\n".join(p for p in parts if p)


def _short(s: Saying, group: Group, alerts: Sequence[Alert], what: Mrkdwn, now: float) -> str:
    """What, where, since when: the most important first, since a channel cuts the end."""
    firing = [a for a in alerts if a.firing]
    if not firing:
        return clean(s.say("alert.short.resolved", what=what, lasted=s.lasted(group, alerts, now)), 600)
    since = s.w.clock(min(a.started_at for a in firing), now)
    value = s.value(firing[0]) if len(firing) == 1 else Mrkdwn("")
    return clean(s.say("alert.short", severity=s.severity_word(alerts), what=what, value=value, since=since), 600)
