"""What is under way: the rail of stages, the bake, the share, the triggers, and what happens next. Pure."""

from __future__ import annotations

from bot.rollout.deciding.passing import busy
from bot.rollout.gate import left
from bot.rollout.model import Board, Hold, Status
from bot.rollout.plan import Stage
from bot.rollout.share import awaited, target
from bot.slack.messages import around
from bot.slack.messages.details import of_target
from bot.slack.messages.headline import wave_hosts
from bot.slack.messages.markup import Mrkdwn, emoji
from bot.slack.messages.numbers import number, weight
from bot.slack.messages.scene import Scene

UNWATCHED = frozenset({Status.ROLLING_BACK, Status.ROLLED_BACK, Status.CANCELLED, Status.COMPLETED})


def rail(s: Scene) -> Mrkdwn:
    """`✓ internal → ✓ 1% → ● *10%* → ○ 50% → ○ 100% → ○ watch`, so that the place is seen without reading."""
    records = s.r.stages
    names = [record.name for record in records] or [stage.name for stage in s.plan.stages]
    stops = [_stop(s, name) for name in names[:12]]
    if len(names) > 12:
        stops.append(s.say("cut.stages", n=len(names) - 12))
    watched = {Status.WATCHING: "rail.here", Status.COMPLETED: "rail.done"}.get(s.r.status, "rail.ahead")
    first = [s.say(_prepared(s), name=s.say("rail.prepare"))] if s.r.prepares else []
    return Mrkdwn(" → ".join([*first, *stops, s.say(watched, name=s.say("rail.watch"))]))


def _prepared(s: Scene) -> str:
    if s.r.approval is not None or s.r.touched:
        return "rail.done"
    return "rail.here" if s.r.active else "rail.stopped"


def _stop(s: Scene, name: str) -> Mrkdwn:
    r, record, stage = s.r, s.r.record(name), s.stage(name)
    shown = s.stage_name(name)
    percent = stage.weight if stage else record.weight if record else 0.0
    if percent and weight(percent).replace(" ", "") != name.replace(" ", ""):
        shown = s.say("rail.weighted", name=shown, weight=weight(percent))
    if r.status in (Status.ROLLED_BACK, Status.CANCELLED, Status.ROLLING_BACK, Status.STEPPING_DOWN):
        here = "rail.stopped"
    else:
        here = "rail.asked" if r.status is Status.AWAITING_APPROVAL else "rail.here"
    if r.prepares and r.approval is None:
        here = "rail.ahead"
    if record and record.forced_by:
        return s.say("rail.forced", name=shown)
    if record and record.passed_at is not None:
        return s.say("rail.done", name=shown)
    return s.say(here if name == r.stage else "rail.ahead", name=shown)


def facts(s: Scene) -> list[Mrkdwn]:
    """Fields: traffic now against the target, the bake, and the triggers."""
    r = s.r
    board = s.measured
    if not r.active or r.status is Status.ROLLING_BACK:
        return []
    found = [s.say("field.traffic", share=s.live_share(), measured=_measured(s, board if not r.waved else None))]
    if r.waved:
        found = [s.say("field.wave", share=s.share(r.stage), before=s.live_share(), hosts=wave_hosts(s, 1, r.waved))]
    if r.status is Status.BAKING and board and s.live:
        found.append(s.say("field.bake", bake=bake(s, board, s.live)))
    found.append(s.say("field.triggers", triggers=triggers(s, board)))
    return found


def _measured(s: Scene, board: Board | None) -> Mrkdwn:
    if not s.r.live_stage:
        return Mrkdwn("")
    share = board.share if board else None
    if share is None:
        return s.say("share.unmeasured")
    aim = target(s.plan, s.live) if s.live else None
    shown = number(share, "percent") if aim is None else of_target(s.w, share, aim)
    return s.say("share.measured", share=shown)


def bake(s: Scene, board: Board, stage: Stage) -> Mrkdwn:
    """Time left, and when it is over at the earliest; a full minute, so that the card is not edited every second."""
    wanted = left(board, stage)
    if wanted <= 0:
        return s.say("bake.over", bake=s.w.span(stage.bake))
    if awaited(s.plan, stage, board):
        return s.say("bake.share", left=s.w.span(wanted), target=weight(stage.weight))
    if s.r.paused_by or s.r.drift or board.blind_since is not None:
        return s.say("bake.stopped", left=s.w.span(wanted))
    end = (board.last_at or s.now) + wanted
    return s.say(
        "bake.left", left=s.w.span(wanted), until=s.w.moment(-(-end // 60) * 60 if wanted > 120 else end, s.now)
    )


def triggers(s: Scene, board: Board | None) -> Mrkdwn:
    """One line: how many are armed, and how many of them hold or cannot be read."""
    total = len(s.plan.triggers)
    if not total:
        return s.say("triggers.none")
    if not s.r.watched[1] or s.r.status in UNWATCHED:
        return s.say("triggers.unarmed", n=total)
    rows = board.triggers if board else ()
    holding = [t for t in rows if t.holding_since is not None]
    unread = sum(1 for t in rows if t.error)
    parts = [s.say("triggers.hold", n=len(holding))] if holding else []
    if unread:
        parts.append(s.say("triggers.blind", n=unread))
    if not parts:
        return s.say("triggers.quiet" if rows else "triggers.unread", n=total)
    return s.w.join([s.say("triggers.armed", n=total), *parts])


def next_step(s: Scene) -> Mrkdwn:
    """What happens next and who can make it happen."""
    r, stage, following = s.r, s.stage(s.r.stage), s.following
    after = s.say("next.after.stage", stage=s.stage_name(following.name)) if following else s.say("next.after.watch")
    promote = s.command("promote")
    if r.paused_by and r.active:
        return s.say("next.paused", command=s.command("resume"), who=s.operators())
    if r.drift and r.active:
        return s.say("next.drift", who=s.operators())
    match r.status:
        case Status.PREPARING:
            return around.next_of_preparing(s)
        case Status.WORKING:
            return around.next_of_working(s, after)
        case Status.AWAITING_APPROVAL:
            return _approve(s, stage)
        case Status.SHIFTING:
            bake_for = s.w.span(stage.bake) if stage else Mrkdwn("–")
            if r.wave < len(r.waves):
                return s.say("next.wave", following=wave_hosts(s, r.wave + 1), bake=s.w.span(s.plan.fleet.wave_bake))
            return s.say("next.shifting", bake=bake_for)
        case Status.BAKING:
            how = "next.baking.auto" if s.plan.promote == "auto" or not following else "next.baking.manual"
            return s.say(how, after=after, command=promote, who=s.operators())
        case Status.PASSED:
            key = "next.passed.busy" if busy(r) else "next.passed"
            return s.say(key, after=after, command=promote, who=s.operators())
        case Status.HELD if r.hold in (Hold.PREPARATION_FAILED, Hold.STEP_FAILED):
            return around.next_of_failed(s)
        case Status.HELD:
            forced = r.hold in (Hold.GATES_FAILED, Hold.NOT_ENOUGH_DATA) and r.live_stage == r.stage
            return s.say("next.held.force" if forced else "next.held", who=s.operators())
        case Status.WATCHING:
            until = s.w.moment(r.watch_until, s.now) if r.watch_until is not None else Mrkdwn("–")
            return s.say("next.watching", until=until)
        case Status.STEPPING_DOWN:
            return _down(s)
        case Status.ROLLING_BACK:
            return s.say("next.rolling_back")
    return s.say("next.nothing")


def _down(s: Scene) -> Mrkdwn:
    down = s.r.step_down
    if down is None or down.done_at is None:
        return s.say("next.stepping_down.now", command=s.command("rollback"))
    following = weight((*down.steps, 0.0)[down.step])
    at = s.w.moment(down.done_at + down.every, s.now)
    return s.say("next.stepping_down", share=following, at=at, command=s.command("rollback"))


def _approve(s: Scene, stage: Stage | None) -> Mrkdwn:
    asking = s.r.approval
    if stage is None or asking is None:
        return s.say("next.nothing")
    if s.now >= asking.expires_at:
        return s.say("next.expired")
    missing = max(0, max(1, stage.approval.quorum) - len(asking.approvers))
    return s.say(
        "next.awaiting",
        emoji=emoji(stage.approval.emoji),
        missing=missing,
        who=s.approvers(stage),
        initiator=s.w.who(s.r.initiator),
        until=s.w.moment(asking.expires_at, s.now),
        share=s.share(stage.name),
    )
