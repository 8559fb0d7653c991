"""Where a rollout is: the one bold line, and the lines for whatever stands in its way. Pure."""

from __future__ import annotations

from bot.rollout.deciding.work import failing
from bot.rollout.model import DriftedHost, Hold, Rollback, Status, TriggerResult
from bot.slack.messages import details, pieces
from bot.slack.messages.markup import Mrkdwn, clean, code, outside
from bot.slack.messages.numbers import samples as count
from bot.slack.messages.numbers import weight
from bot.slack.messages.scene import Scene
from bot.slack.messages.table import GLYPH, gate_label, gate_value, trigger_label, value_of


def header_text(s: Scene) -> str:
    """Plain text. A finished rollout says how it ended; the versions stay readable whatever the title's length."""
    service, old, new = clean(s.r.service, 40), clean(s.r.stable_version, 30), clean(s.r.version, 30)
    if s.r.status in (Status.ROLLED_BACK, Status.CANCELLED, Status.COMPLETED):
        return s.w.say(f"header.{s.r.status.value}", service=Mrkdwn(service), old=Mrkdwn(old), new=Mrkdwn(new))
    return f"{service} {old} → {new}"


def headline(s: Scene) -> Mrkdwn:
    """One line with the state; its emoji is the state's at a glance."""
    r = s.r
    if r.paused_by and r.active:
        return s.say("head.paused", by=s.w.who(r.paused_by), what=_state(s))
    return s.say("head.line", glyph=Mrkdwn(_glyph(s)), what=_state(s))


_GLYPHS = {
    Status.PREPARING: "🧰",
    Status.WORKING: "🔧",
    Status.AWAITING_APPROVAL: "🖐️",
    Status.SHIFTING: "🚚",
    Status.BAKING: "⏳",
    Status.PASSED: "✅",
    Status.HELD: "✋",
    Status.WATCHING: "👀",
    Status.STEPPING_DOWN: "📉",
    Status.ROLLING_BACK: "⏪",
    Status.ROLLED_BACK: "↩️",
    Status.CANCELLED: "⛔",
    Status.COMPLETED: "🏁",
}


def _glyph(s: Scene) -> str:
    blind = s.measured is not None and s.measured.blind_since is not None
    return "🙈" if blind and s.r.status is Status.BAKING else glyph(s.r.status)


def glyph(status: Status) -> str:
    return _GLYPHS[status]


def _state(s: Scene) -> Mrkdwn:
    r, w = s.r, s.w
    name = s.stage_name(r.stage)
    match r.status:
        case Status.PREPARING:
            return s.say("state.preparing", counts=pieces.counts(s))
        case Status.WORKING:
            return pieces.working(s)
        case Status.AWAITING_APPROVAL:
            stage, asking = s.stage(r.stage), r.approval
            quorum = max(1, stage.approval.quorum) if stage else 1
            have = len(asking.approvers) if asking else 0
            return s.say("state.awaiting_approval", stage=name, have=have, quorum=quorum)
        case Status.SHIFTING:
            if r.waves:
                return _waving(s)
            return s.say("state.shifting", stage=name, share=s.share(r.stage))
        case Status.BAKING:
            return _baking(s)
        case Status.HELD:
            return s.say("state.held", stage=name, why=w.one_of("hold", r.hold.value if r.hold else ""))
        case Status.WATCHING:
            until = w.moment(r.watch_until, s.now) if r.watch_until is not None else Mrkdwn("–")
            return s.say("state.watching", version=outside(r.version, 40), until=until)
        case Status.STEPPING_DOWN:
            return s.say("state.stepping_down", version=outside(r.stable_version, 40), steps=steps_down(s))
        case Status.ROLLING_BACK:
            return s.say("state.rolling_back", version=outside(r.stable_version, 40), hosts=hosts_back(s, r.rollback))
    return s.say(
        f"state.{r.status.value}", stage=name, version=outside(r.version, 40), old=outside(r.stable_version, 40)
    )


def _waving(s: Scene) -> Mrkdwn:
    """`Moving traffic to stage 10%, wave 1 of 2: lb-1 · watched, 2 min of 5 min`."""
    r, board = s.r, s.measured
    facts = {"stage": s.stage_name(r.stage), "share": s.share(r.stage), "wave": r.wave, "waves": len(r.waves)}
    said = s.say("state.wave", **facts, hosts=wave_hosts(s, r.wave))
    if not r.baking_wave:
        return said
    bake = s.plan.fleet.wave_bake
    baked = s.w.span(min(board.baked, bake)) if board else s.w.span(0)
    return Mrkdwn(said + s.say("state.wave.watched", baked=baked, bake=s.w.span(bake)))


def wave_hosts(s: Scene, first: int, last: int = 0) -> Mrkdwn:
    """The hosts of one wave, or of the waves from first to last."""
    groups = s.r.waves[first - 1 : last or first]
    return s.w.some([code(name, 60) for group in groups for name in group], 4)


def _baking(s: Scene) -> Mrkdwn:
    stage, board, name = s.live, s.measured, s.stage_name(s.r.live_stage or s.r.stage)
    if stage is None or board is None:
        return s.say("state.baking.unmeasured", stage=name)
    return s.say("state.baking", stage=name, baked=s.w.span(min(board.baked, stage.bake)), bake=s.w.span(stage.bake))


def steps_down(s: Scene) -> Mrkdwn:
    """`50 % → *25 %* → 5 % → 0 %`, the step under way or live in bold."""
    down = s.r.step_down
    if down is None:
        return Mrkdwn("–")
    shown = [weight(step) for step in (*down.steps, 0.0)]
    return Mrkdwn(" → ".join(f"*{text}*" if n == down.step else text for n, text in enumerate(shown, 1)))


def hosts_back(s: Scene, rollback: Rollback | None) -> Mrkdwn:
    done = len(rollback.restored) if rollback else 0
    known = {*rollback.restored, *rollback.pending} if rollback else set()
    total = max(len(known | {h.name for h in s.plan.fleet.hosts}), done)
    return s.say("hosts.back", done=done, total=total)


def obstacles(s: Scene) -> list[Mrkdwn]:
    """What stops it or needs a person, worst first: each names the mend."""
    r = s.r
    if not r.active:
        return []
    found = [*_pending(s), *_triggers(s), *_drift(s), *details.missing(s), *_hold(s), *_blind(s), *_astray(s)]
    if r.status is Status.STEPPING_DOWN and r.step_down:
        found.append(s.say("cause.person", by=s.w.who(r.step_down.by), reason=outside(r.step_down.reason)))
    if r.paused_by:
        found.append(s.say("obstacle.paused", command=s.command("resume")))
    found += _prolonged(s)
    if r.plan_hash != s.plan.hash and r.status is not Status.ROLLING_BACK:
        way = s.say("obstacle.plan_changed.retry" if r.status is Status.HELD else "obstacle.plan_changed.wait")
        found.append(s.say("obstacle.plan_changed", old=code(r.plan_hash), new=code(s.plan.hash), mend=way))
    return found


def _pending(s: Scene) -> list[Mrkdwn]:
    back = s.r.rollback
    if s.r.status is not Status.ROLLING_BACK or not back or not back.pending:
        return []
    return [s.say("obstacle.pending", hosts=s.w.some([code(h, 60) for h in back.pending], 10))]


def _triggers(s: Scene) -> list[Mrkdwn]:
    """Each trigger that holds now: seconds later the rollout may be gone."""
    if s.r.status is Status.ROLLING_BACK or s.measured is None:
        return []
    holding = [t for t in s.measured.triggers if t.holding_since is not None]
    found = [_holding(s, t) for t in holding[:4]]
    return [*found, s.say("triggers.more", n=len(holding) - 4)] if len(holding) > 4 else found


def _holding(s: Scene, t: TriggerResult) -> Mrkdwn:
    condition = next((c for c in s.plan.triggers if c.text == t.text), None)
    since = t.holding_since if t.holding_since is not None else s.now
    value = value_of(s.plan, t.metric, t.value, condition.threshold if condition else None)
    said = s.say(
        "triggers.holding",
        trigger=trigger_label(s.plan, t.text, t.metric),
        value=value,
        since=s.w.moment(since, s.now),
        version=outside(s.r.stable_version, 40),
    )
    wait = condition.hold_for if condition else 0.0
    return Mrkdwn(said + s.say("triggers.wait", wait=s.w.span(wait))) if wait else said


def _hold(s: Scene) -> list[Mrkdwn]:
    r = s.r
    if r.status is not Status.HELD or r.hold is None:
        return []
    rows: list[Mrkdwn] = []
    if r.hold in (Hold.GATES_FAILED, Hold.NOT_ENOUGH_DATA):
        unmet = [g for g in s.gates(r.stage) if g.verdict.value != "pass"]
        stage = s.stage(r.stage)
        rows = [
            s.say(
                "obstacle.gate",
                glyph=Mrkdwn(GLYPH[g.verdict]),
                gate=gate_label(s.plan, stage, g),
                value=gate_value(s.w, s.plan, stage, g),
            )
            for g in unmet[:4]
        ]
    if r.work and r.hold in (Hold.PREPARATION_FAILED, Hold.STEP_FAILED):
        failed = failing(s.plan, r, r.work.phase, r.work.stage)
        rows = [pieces.line(s, ref) for ref in failed[:4]]
    detail = hold_detail(s, r.hold, r.hold_detail)
    if detail and (not rows or details.astray(r.hold_detail)):
        rows = [s.say("obstacle.detail", detail=detail)]
    return [*rows, s.say("obstacle.mend", mend=mend(s, r.hold, r.hold_detail))]


def hold_detail(s: Scene, hold: Hold, detail: str) -> Mrkdwn:
    """The detail `decide` left: a person for a veto, hosts with their errors for a shift, gates, plan hashes."""
    if not detail:
        return Mrkdwn("")
    if hold is Hold.SHIFT_FAILED and s.w.has(f"outcome.{detail}"):
        return s.say(f"outcome.{detail}")
    return s.say("detail.vetoed", by=s.w.who(detail)) if hold is Hold.VETOED else details.shown(s.w, detail, 600)


def _blind(s: Scene) -> list[Mrkdwn]:
    board = s.measured
    if board is None or board.blind_since is None or s.r.status is Status.ROLLING_BACK:
        return []
    errors = [*(g.error for g in board.gates), *(t.error for t in board.triggers), board.share_error]
    error = s.w.translated(next((e for e in errors if e), ""), 200) or s.say("error.unknown")
    return [s.say("obstacle.blind", since=s.w.moment(board.blind_since, s.now), error=error)]


def mend(s: Scene, hold: Hold, detail: str) -> Mrkdwn:
    """What a person does about a hold."""
    key = "mend.astray" if details.astray(detail) else f"mend.{hold.value}"
    facts = {"override": pieces.override_command(s, detail), "overriders": pieces.overriders(s)}
    return s.say(key, retry=s.command("retry"), force=s.command("promote", " --force …"), **facts)


def _astray(s: Scene) -> list[Mrkdwn]:
    """The canary does not get its share, for longer than the plan would wait without a word."""
    board, stage = s.measured, s.live
    if s.r.share != "astray" or s.r.status is not Status.BAKING or board is None or stage is None:
        return []
    requests = count(board.share_requests or 0.0)
    return [s.say("obstacle.astray", share=details.of_target(s.w, board.share, stage.weight), requests=requests)]


def _prolonged(s: Scene) -> list[Mrkdwn]:
    board, stage = s.measured, s.live
    if not s.r.prolonged or s.r.status is not Status.BAKING:
        return []
    if board is None or stage is None:
        return [s.say("obstacle.prolonged.unmeasured")]
    until = board.started_at + board.blind_total + board.idle_total + stage.max_bake
    return [s.say("obstacle.prolonged", until=s.w.moment(until, s.now))]


def _drift(s: Scene) -> list[Mrkdwn]:
    if not s.r.drift:
        return []
    rows = [drifted(s, d) for d in s.r.drift[:6]]
    if len(s.r.drift) > 6:
        rows.append(s.say("cut.hosts", n=len(s.r.drift) - 6))
    return [s.say("obstacle.drift"), *rows, drift_choices(s)]


def drift_choices(s: Scene) -> Mrkdwn:
    key = "obstacle.drift.choices" if adoptable(s) else "obstacle.drift.choices.above"
    return s.say(key, version=outside(s.r.stable_version, 40))


def drifted(s: Scene, d: DriftedHost) -> Mrkdwn:
    share = s.say("drift.unknown_share") if d.share is None else s.say("drift.share", share=weight(d.share))
    return s.say(
        "drift.host", host=code(d.host, 60), state=s.w.one_of("host", d.state), share=share, ordered=s.live_share()
    )


def adoptable(s: Scene) -> bool:
    """As `decide` will judge it: every drifted host serves no more than was approved."""
    record = s.r.record(s.r.live_stage)
    allowed = record.weight if record else 0.0
    return bool(s.r.drift) and all(d.share is not None and d.share <= allowed and d.digest for d in s.r.drift)


def cause_of_rollback(s: Scene, back: Rollback) -> Mrkdwn:
    """By whom or what, with the evidence."""
    if back.trigger:
        t = back.trigger
        threshold = next((c.threshold for c in s.plan.triggers if c.text == t.text), None)
        value = value_of(s.plan, t.metric, t.value, threshold)
        return trigger_cause(s, trigger_label(s.plan, t.text, t.metric), value, t.samples, t.holding_since)
    if back.by == "policy":
        return s.say("cause.policy", reason=details.of_policy(s, back.reason))
    reason = outside(back.reason, 300) or s.say("reason.none")
    return s.say("cause.person", by=s.w.who(back.by), reason=reason)


def trigger_cause(s: Scene, label: str, value: str, samples: float | None, since: float | None) -> Mrkdwn:
    parts = [s.say("cause.trigger", trigger=label, value=value)]
    if samples is not None:
        parts.append(s.say("cause.samples", samples=count(samples)))
    if since is not None:
        parts.append(s.say("cause.since", since=s.w.moment(since)))
    return s.w.join(parts)
