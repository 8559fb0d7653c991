"""The one card of a rollout: where we are, why, what happens next, who can act. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.alerts.model import Alert
from bot.alerts.plan import SEVERITIES
from bot.engine.ports.rendered import Outgoing
from bot.rollout.model import Status
from bot.slack.messages import around, buttons
from bot.slack.messages.alert_parts import GLYPH, Saying
from bot.slack.messages.blocks import Block, actions, context, fields, header, lines, section
from bot.slack.messages.finished import ending
from bot.slack.messages.headline import header_text, headline, obstacles
from bot.slack.messages.markup import Mrkdwn, code, outside
from bot.slack.messages.progress import facts, next_step, rail
from bot.slack.messages.scene import Scene
from bot.slack.messages.table import gate_table, table_text
from bot.slack.messages.warmth import warmth

WITH_GATES = frozenset({Status.AWAITING_APPROVAL, Status.BAKING, Status.PASSED, Status.HELD, Status.WATCHING})


def card(s: Scene, alerts: Sequence[Alert] = ()) -> Outgoing:
    warm = warmth(s) if s.r.active else []
    said = [headline(s), *obstacles(s), *warm, *around.beside(s), *_firing(s, alerts)]
    blocks: list[Block] = [header(header_text(s)), lines(said)]
    if s.r.active:
        blocks += _running(s)
    else:
        blocks += [section(part) for part in ending(s)]
        blocks.append(section(rail(s)))
    blocks += actions(buttons.of(s))
    blocks.append(context(about(s)))
    return Outgoing(text(s), tuple(blocks))


def _firing(s: Scene, alerts: Sequence[Alert]) -> list[Mrkdwn]:
    if not alerts:
        return []
    saying = Saying(s.w, plain=False)
    gravest = sorted(alerts, key=lambda a: SEVERITIES.index(a.severity))  # four are named: no critical one is cut off
    named = [Mrkdwn(f"{GLYPH[a.severity]} {saying.title(a)}") for a in gravest]
    return [s.say("card.alerts", n=len(alerts), alerts=s.w.some(dict.fromkeys(named), 4))]


def _running(s: Scene) -> list[Block]:
    # What to do comes before the evidence: on a phone the table fills the screen.
    step = s.say("next.title", step=next_step(s))
    if s.r.status is Status.ROLLING_BACK:
        return [section(rail(s)), *(section(part) for part in ending(s)), section(step)]
    blocks = [section(rail(s)), section(step)]
    if s.r.status in WITH_GATES and s.r.live_stage:
        gates = gate_table(s.w, s.plan, s.live, s.gates(s.r.live_stage))
        if gates:
            blocks += [section(s.say("gates.title", stage=s.stage_name(s.r.live_stage))), *gates]
    known = facts(s)
    return [*blocks, fields(known)] if known else blocks


def about(s: Scene) -> list[Mrkdwn]:
    """Context: who began it and why, what is bound to it, where it runs, what was noted last."""
    r = s.r
    begun = s.say("about.begun", by=s.w.who(r.initiator), at=s.w.moment(r.started_at))
    reason = s.say("about.reason", reason=outside(r.reason, 300)) if r.reason else Mrkdwn("")
    bound = s.say("about.bound", plan=code(r.plan_hash), generation=r.live_generation or "–")
    if r.generation != r.live_generation:
        bound = s.say("about.ordered", bound=bound, generation=r.generation)
    if s.plan.traffic.strategy == "sticky" and r.salt != r.id:
        bound = s.say("about.salted", bound=bound, salt=code(r.salt, 64))
    title = Mrkdwn(outside(s.title(), 80) + " · ") if s.title() else ""
    first = Mrkdwn(f"{title}{outside(r.id, 60)} · {begun}")
    second = Mrkdwn(f"{bound} · {s.hosts()}")
    forced = [
        s.say("about.forced", stage=s.stage_name(x.name), by=s.w.who(x.forced_by), reason=outside(x.forced_reason))
        for x in r.stages
        if x.forced_by
    ]
    return [p for p in (first, reason, second, *forced[:4], *around.passed_over(s)[:2], _note(s)) if p]


def _note(s: Scene) -> Mrkdwn:
    if not s.r.notes:
        return Mrkdwn("")
    user, note, at = s.r.notes[-1]
    return s.say("about.note", by=s.w.who(user), at=s.w.moment(at, s.now), text=outside(note, 400))


def text(s: Scene) -> Mrkdwn:
    """The notification: alone it says what runs, the state, and what stands in the way."""
    parts = [Mrkdwn(f"{outside(s.r.service, 60)} {s.change()}: {headline(s)}")]
    if s.r.status in (Status.BAKING, Status.HELD) and s.r.live_stage == s.r.stage:
        table = table_text(s.w, s.plan, s.live, s.gates(s.r.live_stage))
        parts += [table] if table else []
    elif s.r.status in (Status.ROLLING_BACK, Status.ROLLED_BACK):
        parts += ending(s)[:1]
    parts += [o for o in obstacles(s)[:2] if s.r.status is not Status.HELD]
    return Mrkdwn(" — ".join(p.replace("\n", " ").replace("*", "") for p in parts))
