"""What runs, and what has run: `/rollout status` and `/rollout history`. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.engine.ports.rendered import Outgoing
from bot.rollout.model import Rollout, Status
from bot.slack.messages.blocks import Block, context, divider, header, lines, section
from bot.slack.messages.headline import glyph, headline, obstacles
from bot.slack.messages.markup import Mrkdwn, code, outside
from bot.slack.messages.progress import next_step, rail
from bot.slack.messages.scene import Scene
from bot.slack.messages.table import table_text
from bot.slack.messages.words import Words

MOST_RUNNING, MOST_IDLE, MOST_PAST = 10, 15, 20


def status(w: Words, scenes: Sequence[Scene], services: Sequence[str], now: float) -> Outgoing:
    """Active rollouts first, each with what to do next; then every service at rest, with how to start one."""
    running = [s for s in scenes if s.r.active]
    resting = {s.r.service: s for s in scenes if not s.r.active}
    busy = {s.r.service for s in running}
    idle = [name for name in dict.fromkeys([*services, *resting]) if name not in busy]
    blocks: list[Block] = [header(w.say("status.header"))]
    for s in running[:MOST_RUNNING]:
        blocks += [lines(_running(s)), divider()]
    if len(running) > MOST_RUNNING:
        blocks.append(section(w.say("cut.services", n=len(running) - MOST_RUNNING)))
    rows = [_resting(w, name, resting.get(name)) for name in idle[:MOST_IDLE]]
    if len(idle) > MOST_IDLE:
        rows.append(w.say("cut.services", n=len(idle) - MOST_IDLE))
    if rows:
        blocks.append(lines([w.say("status.idle"), *rows]))
    if not running and not idle:
        blocks.append(section(w.say("status.no_services")))
    elif not running:
        blocks.append(context([w.say("status.start", service=outside(idle[0], 60))]))
    return Outgoing(_text(w, running), tuple(blocks))


def _text(w: Words, running: Sequence[Scene]) -> Mrkdwn:
    if not running:
        return w.say("status.nothing_runs")
    return Mrkdwn(
        "; ".join(f"{outside(s.r.service, 60)} {s.change()}: {headline(s)}" for s in running).replace("*", "")
    )


def _running(s: Scene) -> list[Mrkdwn]:
    title = s.say("status.title", service=outside(s.r.service, 60), change=s.change(), id=outside(s.r.id, 60))
    gates = s.gates(s.r.live_stage) if s.r.live_stage else ()
    table = table_text(s.w, s.plan, s.live, gates)
    return [title, headline(s), *obstacles(s), rail(s), table, s.say("next.title", step=next_step(s))]


def _resting(w: Words, name: str, s: Scene | None) -> Mrkdwn:
    if s is None:
        return w.say("status.never", service=outside(name, 60))
    return w.say("status.last", service=outside(name, 60), last=_past(w, s.r, s.now))


def _past(w: Words, r: Rollout, now: float) -> Mrkdwn:
    change = Mrkdwn(f"{outside(r.stable_version, 30)} → {outside(r.version, 30)}")
    end = r.finished_at if r.finished_at is not None else now
    lasted = w.span(end - r.started_at)
    facts = {"glyph": Mrkdwn(glyph(r.status)), "id": code(r.id, 60), "change": change, "by": w.who(r.initiator)}
    outcome = w.one_of("status", r.status.value)
    if r.rollback and r.status in (Status.ROLLING_BACK, Status.ROLLED_BACK):
        cause = outside(r.rollback.trigger.text if r.rollback.trigger else r.rollback.reason, 120)
        outcome = w.say(
            "history.rolled_back", status=outcome, by=w.who(r.rollback.by), cause=cause or w.say("reason.none")
        )
    return w.say("history.line", **facts, at=w.moment(r.started_at), lasted=lasted, outcome=outcome)


def history(w: Words, rollouts: Sequence[Rollout], now: float) -> Outgoing:
    """Newest first, as given: a line each."""
    if not rollouts:
        said = w.say("history.none")
        return Outgoing(said, (section(said),))
    rows = [Mrkdwn(f"*{outside(r.service, 60)}* {_past(w, r, now)}") for r in rollouts[:MOST_PAST]]
    blocks: list[Block] = [header(w.say("history.header"))]
    blocks += [lines(rows[i : i + 5]) for i in range(0, len(rows), 5)]
    if len(rollouts) > MOST_PAST:
        blocks.append(context([w.say("cut.parts", n=len(rollouts) - MOST_PAST)]))
    return Outgoing(w.say("history.text", n=len(rollouts)), tuple(blocks))
