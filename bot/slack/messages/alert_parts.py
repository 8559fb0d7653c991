"""An alert in words, for the chat as mrkdwn and for mail and SMS as plain text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bot.alerts.blame import Suspect, ranked
from bot.alerts.labels import value_of
from bot.alerts.model import Alert, Group, Why
from bot.alerts.plan import SEVERITIES, Severity
from bot.alerts.rules import NO_DATA
from bot.alerts.templates import number
from bot.rollout.model import Rollout
from bot.slack.messages.markup import Mrkdwn, clean, code, outside
from bot.slack.messages.words import Words
from bot.translation import translated

GLYPH = {"critical": "🔴", "warning": "🟠", "info": "🔵", "resolved": "✅"}
PLACES = ("service", "instance", "mountpoint", "channel", "rule", "hosts")
UNITS = {"percent": "%", "seconds": " s", "count": "", "ratio": ""}
SUSPECTS = 3  # rollouts that are named
SHORT_ID = 6  # characters of a group's key that people see and type


class Saying:
    """One language, for one medium. plain: no markup; else every text from outside is escaped for Slack."""

    def __init__(self, w: Words, *, plain: bool) -> None:
        self.w = w
        self.plain = plain

    def out(self, text: str, most: int = 300) -> Mrkdwn:
        """Text from outside."""
        return Mrkdwn(clean(text, most)) if self.plain else outside(text, most)

    def moment(self, at: float, now: float) -> Mrkdwn:
        return self.w.clock(at, now) if self.plain else self.w.moment(at, now)

    def say(self, key: str, **facts: object) -> Mrkdwn:
        return self.w.say(key, **facts)

    def severity(self, alerts: Iterable[Alert]) -> Severity | None:
        """The worst of those that fire; None once none does."""
        found = {a.severity for a in alerts if a.firing}
        return next((s for s in SEVERITIES if s in found), None)

    def severity_word(self, alerts: Sequence[Alert]) -> Mrkdwn:
        return self.say(f"alert.severity.{self.severity(alerts) or 'resolved'}")

    def title(self, alert: Alert) -> Mrkdwn:
        key = f"alert.title.{alert.name}"
        if alert.source == "bot" and self.w.has(key):
            return self.say(key)
        return self.out(alert.annotation("title") or alert.name, 80)

    def what(self, group: Group, alerts: Sequence[Alert]) -> Mrkdwn:
        """What and where, in one line."""
        first = next((a for a in alerts if a.firing), alerts[0] if alerts else None)
        if first is None:
            return self.out(value_of(group.labels, "alertname") or group.key, 80)
        count = sum(a.firing for a in alerts) or len(alerts)
        title, where = self.title(first), self.where(group, first, count)
        what = self.say("alert.what", title=title, where=where) if where else title
        return self.say("alert.what.many", what=what, n=count) if count > 1 else what

    def where(self, group: Group, alert: Alert, count: int) -> Mrkdwn:
        """Of one alert all its places; of many, what they share."""
        labels = alert.labels if count == 1 else group.labels
        return self.out(" ".join(v for name in PLACES if (v := value_of(labels, name))), 120)

    def summary(self, alert: Alert) -> Mrkdwn:
        key = f"alert.own.{alert.name}"
        if alert.source == "bot" and self.w.has(key):
            most = {"channel": 60, "rule": 60, "hosts": 300}
            facts = {n: self.out(value_of(alert.labels, n), longest) for n, longest in most.items()}
            facts["version"] = self.out(alert.annotation("version"), 60)
            known = alert.annotation("error")
            error = self.say("alert.no_data") if known == NO_DATA else self.out(translated(known, self.w.lang), 300)
            return self.say(key, error=error, **facts)
        written = alert.annotation("summary") or alert.annotation("description") or alert.annotation("message")
        summary = self.out(written, 300) or self.title(alert)
        value = self.value(alert)
        if value and alert.annotation("condition"):
            limit = self.say("alert.limit", condition=self.out(alert.annotation("condition"), 40))
            said = alert.value is not None and number(alert.value) in written
            return Mrkdwn(f"{summary}{limit}" if said else f"{summary} · {value}{limit}")
        return summary

    def value(self, alert: Alert) -> Mrkdwn:
        if alert.value is None:
            return Mrkdwn("")
        return Mrkdwn(number(alert.value) + UNITS.get(alert.annotation("unit"), ""))

    def line(self, alert: Alert, now: float) -> Mrkdwn:
        summary, since = self.summary(alert), self.moment(alert.started_at, now)
        if alert.resolved_at is not None:
            lasted = self.w.span(alert.resolved_at - alert.started_at)
            why = alert.resolved_why if alert.resolved_why in ("gone", "removed") else "over"
            return self.say(f"alert.line.{why}", summary=summary, lasted=lasted)
        if alert.muted:
            why_not = self.say(f"alert.muted.{alert.muted}", by=self.out(alert.muted_by, 40))
            return self.say("alert.line.muted", summary=summary, since=since, why=why_not)
        return self.say("alert.line", summary=summary, since=since)

    def lines(self, alerts: Sequence[Alert], now: float, most: int) -> list[Mrkdwn]:
        """Those that fire first."""
        ordered = sorted(alerts, key=lambda a: not a.firing)
        shown = [self.line(alert, now) for alert in ordered[:most]]
        return [*shown, self.say("alert.more", n=len(ordered) - most)] if len(ordered) > most else shown

    def suspects(self, alerts: Sequence[Alert], live: Sequence[Rollout]) -> list[tuple[Rollout, Mrkdwn]]:
        """The rollouts under way that these may come from, each with why; the likeliest first."""
        by_id = {rollout.id: rollout for rollout in live}
        found = ranked(alerts, live)[:SUSPECTS]
        first = "first" if len(found) > 1 else "one"
        kinds = (first, *("other",) * (len(found) - 1))
        return [(by_id[s.rollout], self._suspect(by_id[s.rollout], s, k)) for s, k in zip(found, kinds, strict=False)]

    def _suspect(self, rollout: Rollout, suspect: Suspect, kind: str) -> Mrkdwn:
        ago = self.w.span(suspect.ago or 0.0)
        comma = self.say("alert.blame.and")
        why = Mrkdwn(comma.join(self.say(f"alert.blame.{reason}", ago=ago) for reason in suspect.reasons))
        facts = {"service": self.out(rollout.service, 60), "version": self.out(rollout.version, 40)}
        id = self.out(rollout.id, 60) if self.plain else code(rollout.id)
        return self.say(f"alert.rollout.{kind}", rollout=id, why=why, **facts)

    def lasted(self, group: Group, alerts: Sequence[Alert], now: float) -> Mrkdwn:
        began = min((a.started_at for a in alerts), default=group.opened_at)
        ended = max((a.resolved_at for a in alerts if a.resolved_at is not None), default=now)
        return self.w.span(ended - began)

    def head(self, group: Group, alerts: Sequence[Alert]) -> Mrkdwn:
        glyph = GLYPH[self.severity(alerts) or "resolved"]
        return self.say(
            "alert.head", glyph=Mrkdwn(glyph), severity=self.severity_word(alerts), what=self.what(group, alerts)
        )


def settled_why(why: Why, alerts: Sequence[Alert]) -> Why:
    """What is sent late says how it is now."""
    if alerts and not any(a.firing for a in alerts):
        return "resolved"
    return "some_resolved" if why == "resolved" else why


def masked(to: str) -> str:
    """A telephone number by its end: the channel may have many readers."""
    return f"…{to[-4:]}" if re.fullmatch(r"\+?[0-9 -]{7,}", to) else to


def ack_command(group: Group) -> str:
    return f"/rollout ack {group.key[:SHORT_ID]}"
