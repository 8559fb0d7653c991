"""The one message of a group of alerts: what fires, who knows, who is on it, what may have caused it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.alerts.blame import suspects
from bot.alerts.model import Alert, Group, Receipt, Why
from bot.engine.ports import Outgoing
from bot.rollout.model import Rollout
from bot.slack.messages.alert_parts import SHORT_ID, Saying, ack_command, masked, settled_why
from bot.slack.messages.blocks import Block, actions, button, confirm, context, header, lines, section
from bot.slack.messages.markup import Mrkdwn, clean, code, outside
from bot.slack.messages.words import Words

LINES = 10
RECEIPTS = 12


def card(w: Words, group: Group, alerts: Sequence[Alert], live: Sequence[Rollout], now: float) -> Outgoing:
    s, plain = Saying(w, plain=False), Saying(w, plain=True)
    firing = any(a.firing for a in alerts)
    blocks: list[Block] = [header(plain.head(group, alerts)), lines(s.lines(alerts, now, LINES))]
    if group.acked_at is not None:
        blocks.append(section(w.say("alert.acked", by=w.who(group.acked_by), at=w.moment(group.acked_at, now))))
    elif firing:
        blocks.append(section(w.say("alert.unacked", command=code(ack_command(group)))))
    if group.step:
        blocks.append(section(w.say("alert.step", n=group.step)))
    tied = _tied(alerts, live)
    blocks += [section(_rollout(w, rollout, alerts)) for rollout in tied[:3]]
    blocks += actions(_buttons(w, group, tied) if firing else [])
    told = _receipts(w, group)
    blocks.append(context([w.say("alert.id", id=code(group.key[:SHORT_ID])), told]))
    return Outgoing(s.head(group, alerts), tuple(blocks))


def reply(w: Words, group: Group, alerts: Sequence[Alert], why: Why, now: float) -> Outgoing:
    """What people have to notice, below the message."""
    s = Saying(w, plain=False)
    began = min((a.started_at for a in alerts if a.firing), default=group.opened_at)
    facts = {"head": s.head(group, alerts), "since": w.moment(began, now), "lasted": s.lasted(group, alerts, now)}
    said = w.say(f"alert.reply.{settled_why(why, alerts)}", **facts)
    return Outgoing(said, (section(said), lines(s.lines(alerts, now, LINES))))


def _tied(alerts: Sequence[Alert], live: Sequence[Rollout]) -> list[Rollout]:
    """The rollouts under way that an alert of these may come from; the likeliest first."""
    by_id = {rollout.id: rollout for rollout in live}
    ranked = [suspect for alert in alerts if alert.firing for suspect in suspects(alert, live)]
    ranked.sort(key=lambda suspect: -suspect.score)
    return [by_id[id] for id in dict.fromkeys(suspect.rollout for suspect in ranked)]


def _rollout(w: Words, rollout: Rollout, alerts: Sequence[Alert]) -> Mrkdwn:
    found = [suspect for alert in alerts if alert.firing for suspect in suspects(alert, (rollout,))]
    best = max(found, key=lambda suspect: suspect.score)
    why = w.join(w.say(f"alert.blame.{reason}") for reason in best.reasons)
    service, version = outside(rollout.service, 60), outside(rollout.version, 40)
    return w.say("alert.rollout", rollout=code(rollout.id), service=service, version=version, why=why)


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
    error = outside(receipt.detail, 120) or w.say("error.unknown")
    to = outside(masked(receipt.to), 60)
    return w.say(f"alert.receipt.{receipt.state}", channel=outside(receipt.channel, 40), to=to, error=error)
