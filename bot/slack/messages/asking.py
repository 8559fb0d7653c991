"""The approval message of one asking: what will change, on what evidence, who may say yes, until when. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bot.engine.ports.rendered import Outgoing
from bot.rollout.model import Approval, Status
from bot.rollout.plan import Stage
from bot.slack.messages import around
from bot.slack.messages.blocks import Block, context, header, lines, section
from bot.slack.messages.markup import Mrkdwn, clean, code, codes, emoji, outside
from bot.slack.messages.numbers import number
from bot.slack.messages.scene import Scene
from bot.slack.messages.table import gate_table, label
from bot.slack.messages.warmth import pool


@dataclass(frozen=True, slots=True)
class Asking:
    s: Scene
    stage_name: str
    attempt: int

    @property
    def current(self) -> Approval | None:
        """The rollout's approval if it is this asking; None = a newer one took its place."""
        found = self.s.r.approval
        return found if found and (found.stage, found.attempt) == (self.stage_name, self.attempt) else None

    def standing(self) -> str:
        """open | paused | approved | vetoed | expired | voided | superseded."""
        asking = self.current
        if asking is None:
            return "superseded"
        if asking.decided:
            return asking.decided
        if self.s.r.status is not Status.AWAITING_APPROVAL:
            return "superseded"
        if self.s.now >= asking.expires_at:
            return "expired"
        return "paused" if self.s.r.paused_by or self.s.r.drift else "open"


def approval(asking: Asking) -> Outgoing:
    s, standing = asking.s, asking.standing()
    name = s.stage_name(asking.stage_name)
    stage = s.stage(asking.stage_name)
    open_ = standing in ("open", "paused")
    facts = {
        "stage": Mrkdwn(clean(asking.stage_name, 40)),
        "service": Mrkdwn(clean(s.r.service, 40)),
        "version": Mrkdwn(clean(s.r.version, 30)),
    }
    blocks: list[Block] = [header(s.say("ask.header.open" if open_ else f"ask.header.{standing}", **facts))]
    outcome = _outcome(asking, standing)
    blocks += [section(outcome)] if outcome else []
    blocks.append(lines(_change(s, asking.stage_name, stage, open_)))
    blocks += _forced(s)
    rows = around.passed_over(s)
    blocks += [lines(rows)] if rows else []
    if open_ and (said := around.cannot_undo(s)):
        blocks.append(section(said))
    if open_:
        blocks += _evidence(s, asking.stage_name)
        blocks += [section(_how(asking, stage))] if stage else []
    blocks.append(context(_bound(asking)))
    return Outgoing(_text(asking, standing, name, outcome), tuple(blocks))


def _change(s: Scene, name: str, stage: Stage | None, open_: bool) -> list[Mrkdwn]:
    r = s.r
    rows = [
        s.say(
            "ask.change" if open_ else "ask.changed",
            stage=s.stage_name(name),
            share=s.share(name),
            version=outside(r.version, 40),
            before=s.live_share(),
        ),
        s.say("ask.hosts", hosts=s.hosts()),
        s.say("ask.pool.canary", version=outside(r.version, 40), pool=pool(s, r.canary)),
        s.say("ask.pool.stable", version=outside(r.stable_version, 40), pool=pool(s, r.stable)),
    ]
    if stage:
        labels = [outside(label(s.plan, g.metric, g, g.text), 90) for g in stage.gates]
        gates = s.w.some(labels, 20) if labels else s.say("gates.none")
        rows.append(s.say("ask.bake", bake=s.w.span(stage.bake), gates=gates))
    return rows


def _forced(s: Scene) -> list[Block]:
    rows = [
        s.say("ask.forced", stage=s.stage_name(x.name), by=s.w.who(x.forced_by), reason=outside(x.forced_reason, 300))
        for x in s.r.stages
        if x.forced_by
    ]
    return [lines(rows[:10])] if rows else []


def _evidence(s: Scene, name: str) -> list[Block]:
    done = s.last_done(name)
    if done is None:
        return [lines(around.prepared(s) or [s.say("ask.no_evidence")])]
    gates = done.gates or s.gates(done.name)
    share = number(done.share, "percent") if done.share is not None else s.say("word.unmeasured")
    title = "ask.evidence.forced" if done.forced_by else "ask.evidence"
    passed = s.w.moment(done.passed_at, s.now) if done.passed_at is not None else Mrkdwn("–")
    said = s.say(title, stage=s.stage_name(done.name), baked=s.w.span(done.baked), share=share, at=passed)
    return [section(said), *gate_table(s.w, s.plan, s.stage(done.name), gates)]


def _how(asking: Asking, stage: Stage) -> Mrkdwn:
    """Who may, how, what is missing, until when. Only while reactions count."""
    s, current = asking.s, asking.current
    assert current is not None
    quorum = max(1, stage.approval.quorum)
    missing = max(0, quorum - len(current.approvers))
    rows = [
        s.say(
            "ask.how",
            yes=emoji(stage.approval.emoji),
            no=emoji(stage.approval.veto),
        ),
        s.say(
            "ask.who",
            quorum=quorum,
            roles=codes(stage.approval.roles) or s.say("who.nobody"),
            initiator=s.w.who(s.r.initiator),
        ),
        s.say("ask.so_far", who=s.w.people(current.approvers), missing=missing),
        s.say("ask.expires", until=s.w.moment(current.expires_at, s.now), left=_validity(s, current)),
    ]
    return Mrkdwn("\n".join(rows))


def _validity(s: Scene, current: Approval) -> Mrkdwn:
    # The length of the asking, not what is left of it: that would be wrong as soon as nobody edits the message.
    return s.w.span(current.expires_at - current.asked_at)


def _outcome(asking: Asking, standing: str) -> Mrkdwn:
    s, current = asking.s, asking.current
    if standing == "open":
        return Mrkdwn("")
    if standing == "paused":
        return s.say("ask.outcome.paused" if s.r.paused_by else "ask.outcome.drifted", by=s.w.who(s.r.paused_by))
    if standing == "superseded" or current is None:
        return s.say("ask.outcome.superseded")
    at = current.decided_at if current.decided_at is not None else current.expires_at
    by = s.w.people(current.decided_by) if current.decided_by else s.w.who("")
    return s.say(f"ask.outcome.{standing}", by=by, at=s.w.moment(at))


def _bound(asking: Asking) -> list[Mrkdwn]:
    s, current = asking.s, asking.current
    plan_hash = current.plan_hash if current else s.r.plan_hash
    asked = [s.say("ask.asked", at=s.w.moment(current.asked_at))] if current else []
    bound = s.say("ask.bound", rollout=outside(s.r.id, 60), attempt=asking.attempt, plan=code(plan_hash))
    reason = [s.say("about.reason", reason=outside(s.r.reason, 300))] if s.r.reason else []
    return [bound, *asked, s.say("ask.begun", by=s.w.who(s.r.initiator)), *reason]


def _text(asking: Asking, standing: str, name: Mrkdwn, outcome: Mrkdwn) -> Mrkdwn:
    s = asking.s
    what = f"{outside(s.r.service, 60)} {s.change()}"
    if standing in ("open", "paused"):
        share = s.share(asking.stage_name)
        said = s.say("ask.text.open", what=Mrkdwn(what), stage=name, share=share)
        return Mrkdwn(f"{said} {outcome}".rstrip().replace("*", ""))
    return s.say("ask.text.over", what=Mrkdwn(what), stage=name, outcome=Mrkdwn(outcome.replace("*", "")))
