"""Private answers about alerts: the list, the reasons, who is on call. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.alerts.explain import Step
from bot.alerts.model import Alert, Entry, Group, Silence
from bot.alerts.oncall import Turn
from bot.alerts.plan import Reach
from bot.engine.ports.rendered import Outgoing
from bot.slack.messages.alert_parts import GLYPH, SHORT_ID, Saying
from bot.slack.messages.blocks import Block, context, header, lines, section
from bot.slack.messages.markup import Mrkdwn, code, mention, outside
from bot.slack.messages.words import Words

MOST = 20
OnCall = tuple[str, Turn, Reach | None, Turn, Reach | None]


def alerts(
    w: Words, groups: Sequence[tuple[Group, Sequence[Alert]]], silences: Sequence[Silence], now: float
) -> Outgoing:
    s = Saying(w, plain=False)
    rows = [_group(w, s, group, found, now) for group, found in groups[:MOST]]
    if len(groups) > MOST:
        rows.append(w.say("alert.more", n=len(groups) - MOST))
    blocks: list[Block] = [header(w.say("alerts.header")), lines(rows or [w.say("alerts.none")])]
    if silences:
        quiet = [_silence(w, silence, now) for silence in silences[:MOST]]
        blocks.append(lines([w.say("alerts.silences"), *quiet]))
    return Outgoing(w.say("alerts.text", n=len(groups)), tuple(blocks))


def _group(w: Words, s: Saying, group: Group, alerts: Sequence[Alert], now: float) -> Mrkdwn:
    firing = [a for a in alerts if a.firing]
    since = w.moment(min(a.started_at for a in firing), now)
    glyph = Mrkdwn(GLYPH[s.severity(alerts) or "resolved"])
    who = w.say("alerts.by", by=w.who(group.acked_by)) if group.acked_at is not None else w.say("alerts.nobody")
    muted = next((a for a in firing if a.muted), None)
    if muted:
        who = w.say(f"alert.muted.{muted.muted}", by=outside(muted.muted_by, 40))
    what = s.what(group, alerts)
    return w.say("alerts.row", glyph=glyph, id=code(group.key[:SHORT_ID]), what=what, since=since, who=who)


def _silence(w: Words, silence: Silence, now: float) -> Mrkdwn:
    what = code(" ".join(map(str, silence.matchers)), 200)
    reason = outside(silence.reason, 200) or w.say("reason.none")
    facts = {"id": code(silence.id), "what": what, "until": w.moment(silence.until, now)}
    return w.say("alerts.silence", **facts, by=w.who(silence.by), reason=reason)


def why(w: Words, group: Group, explained: Sequence[tuple[Alert, Sequence[Step]]], now: float) -> Outgoing:
    s = Saying(w, plain=False)
    found = [alert for alert, _ in explained]
    blocks: list[Block] = [header(Saying(w, plain=True).head(group, found))]
    for alert, steps in explained:
        blocks.append(lines([s.line(alert, now), *(_step(w, step, now) for step in steps)]))
    if group.trail:
        blocks.append(lines([w.say("why.trail"), *(_entry(w, entry, now) for entry in group.trail)]))
    blocks.append(context([w.say("alert.id", id=code(group.key[:SHORT_ID]))]))
    return Outgoing(s.head(group, found), tuple(blocks))


def _step(w: Words, step: Step, now: float) -> Mrkdwn:
    key = f"why.{step.name}.{step.what}"
    detail = outside(step.detail, 200) or w.say("word.nothing")
    until = w.moment(step.until, now) if step.until is not None else Mrkdwn("–")
    return w.say(key, detail=detail, until=until) if w.has(key) else outside(f"{step.name}: {step.what}")


def _entry(w: Words, entry: Entry, now: float) -> Mrkdwn:
    detail = w.who(entry.detail) if entry.what == "acknowledged" else outside(entry.detail, 200)
    return w.say("why.entry", at=w.moment(entry.at, now), what=w.say(f"trail.{entry.what}"), detail=detail)


def oncall(w: Words, rows: Sequence[OnCall], now: float) -> Outgoing:
    """(rotation, whose turn it is and how they are reached, who follows and how)."""
    said = []
    for name, turn, reach, following, next_reach in rows:
        swapped = w.say("oncall.swapped", by=w.who(turn.swapped_by)) if turn.swapped_by else Mrkdwn("")
        facts = {"rotation": outside(name, 60), "person": _person(turn.person, reach), "swapped": swapped}
        until = w.moment(turn.end, now)
        said.append(w.say("oncall.row", **facts, until=until, following=_person(following.person, next_reach)))
    text = Mrkdwn("\n".join(said))
    return Outgoing(text, (header(w.say("oncall.header")), section(text)))


def _person(alias: str, reach: Reach | None) -> Mrkdwn:
    return mention(reach.slack) if reach and reach.slack else outside(reach.name if reach else alias, 60)


def home(w: Words, parts: Sequence[Outgoing], now: float) -> Outgoing:
    blocks: list[Block] = [dict(block) for part in parts for block in part.blocks]
    text = w.say("home.as_of", at=w.moment(now, now))
    return Outgoing(text, (*blocks, context([text])))
