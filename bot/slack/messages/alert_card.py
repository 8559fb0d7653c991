"""The one message of a group of alerts: what fires, who knows, who is on it, what may have caused it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bot.alerts.model import Alert, Group, Receipt, Why
from bot.engine.ports.rendered import Outgoing
from bot.rollout.model import Rollout
from bot.slack.messages.alert_parts import SHORT_ID, Saying, ack_command, masked, settled_why
from bot.slack.messages.blocks import Block, actions, button, confirm, context, header, lines, section
from bot.slack.messages.markup import Mrkdwn, clean, code, mention, outside
from bot.slack.messages.words import Words

LINES = 10
RECEIPTS = 12
GROUP: Final = re.compile(r"S[A-Z0-9]{6,20}")  # a user group's id


def card(
    w: Words, group: Group, alerts: Sequence[Alert], live: Sequence[Rollout], now: float, call: Sequence[str] = ()
) -> Outgoing:
    s, plain = Saying(w, plain=False), Saying(w, plain=True)
    firing = any(a.firing for a in alerts)
    blocks: list[Block] = [header(plain.head(group, alerts)), lines([*s.lines(alerts, now, LINES), _called(call)])]
    if group.acked_at is not None:
        blocks.append(section(w.say("alert.acked", by=w.who(group.acked_by), at=w.moment(group.acked_at, now))))
    elif firing:
        blocks.append(section(w.say("alert.unacked", command=code(ack_command(group)))))
    if group.step and firing:
        blocks.append(section(w.say("alert.step", n=group.step)))
    if group.unrouted:
        blocks.append(section(w.say("alert.unrouted")))
    found = s.suspects(alerts, live)
    blocks += [section(Mrkdwn("\n".join(text for _, text in found)))] if found else []
    blocks += actions(_buttons(w, group, [rollout for rollout, _ in found]) if firing else [])
    told = _receipts(w, group)
    blocks.append(context([w.say("alert.id", id=code(group.key[:SHORT_ID])), told]))
    return Outgoing(s.head(group, alerts), tuple(blocks))


def _called(ids: Sequence[str]) -> Mrkdwn:
    """Ids of user groups and people, from our own configuration."""
    return Mrkdwn(" ".join(f"<!subteam^{id}>" if GROUP.fullmatch(id) else mention(id) for id in ids))


def reply(w: Words, group: Group, alerts: Sequence[Alert], why: Why, now: float, call: Sequence[str] = ()) -> Outgoing:
    """What people have to notice, below the message."""
    s = Saying(w, plain=False)
    began = min((a.started_at for a in alerts if a.firing), default=group.opened_at)
    facts = {"head": s.head(group, alerts), "since": w.moment(began, now), "lasted": s.lasted(group, alerts, now)}
    said = w.say(f"alert.reply.{settled_why(why, alerts)}", **facts)
    return Outgoing(said, (section(said), lines([*s.lines(alerts, now, LINES), _called(call)])))


def _buttons(w: Words, group: Group, tied: Sequence[Rollout]) -> list[Block]:
    value = f"{group.key}|{group.life}"
    found = [] if group.acked_at is not None else [button(w.say("button.ack"), "alert.ack", value, "primary")]
    found.append(button(w.say("button.silence"), "alert.silence", value))
    for rollout in tied[:1]:
        version = Mrkdwn(clean(rollout.stable_version, 30))
        label = w.say("button.rollback", version=version)
        title = w.say("confirm.rollback.title", service=Mrkdwn(clean(rollout.service, 40)), version=version)
        text = w.say("confirm.rollback.text", version=outside(rollout.stable_version, 30), n="…")
        dialog = confirm(title, text, label, w.say("button.back"))
        found.append(button(label, "rollout.rollback", f"{rollout.service}|{rollout.id}", "danger", dialog))
    return found


def _receipts(w: Words, group: Group) -> Mrkdwn:
    """The newest of each recipient."""
    newest = {(r.channel, r.to): r for r in group.receipts}
    if not newest:
        return Mrkdwn("")
    return w.say("alert.receipts", receipts=w.some([_receipt(w, r) for r in newest.values()], RECEIPTS))


def _receipt(w: Words, receipt: Receipt) -> Mrkdwn:
    error = w.translated(receipt.detail, 120) or w.say("error.unknown")
    to = outside(masked(receipt.to), 60)
    return w.say(f"alert.receipt.{receipt.state}", channel=outside(receipt.channel, 40), to=to, error=error)
