"""How it ended, or how it is being taken back: by whom, on what evidence, which hosts, how long. Pure."""

from __future__ import annotations

from bot.rollout.model import Rollback, Rollout, Status
from bot.slack.messages.around import after_the_end, taken_off
from bot.slack.messages.headline import cause_of_rollback, hosts_back
from bot.slack.messages.markup import Mrkdwn, code, outside
from bot.slack.messages.scene import Scene
from bot.slack.messages.warmth import warmth


def ending(s: Scene) -> list[Mrkdwn]:
    """Sections; the first is the cause."""
    r = s.r
    if r.rollback and r.status in (Status.ROLLED_BACK, Status.ROLLING_BACK):
        left = after_the_end(s) if r.status is Status.ROLLED_BACK else []
        return [cause_of_rollback(s, r.rollback), _hosts(s, r.rollback), *left]
    if r.status is Status.CANCELLED:
        by = r.approval.decided_by[0] if r.approval and r.approval.decided_by else ""
        told = s.say("ending.cancelled.by", by=s.w.who(by)) if by else s.say("ending.cancelled")
        return [Mrkdwn(f"{told} {_lasted(s, r)}"), *after_the_end(s)]
    if r.status is Status.COMPLETED:
        return [
            Mrkdwn(f"{s.say('ending.completed', stages=len(r.stages))} {_lasted(s, r)}"),
            *(warmth(s) or [_way_back(s)]),
            *after_the_end(s),
        ]
    return []


def _way_back(s: Scene) -> Mrkdwn:
    if taken_off(s.r):
        return s.say("ending.off", old=outside(s.r.stable_version, 40))
    return s.say("ending.completed.next")


def _hosts(s: Scene, back: Rollback) -> Mrkdwn:
    names = s.w.some([code(h, 60) for h in back.restored], 8)
    count = hosts_back(s, back)
    if back.finished_at is None:
        started = s.say("ending.ordered", at=s.w.moment(back.ordered_at, s.now))
        hosts = s.say("ending.hosts", count=count, names=names) if back.restored else count
        return Mrkdwn(f"{started}\n{hosts}")
    took = s.say("ending.took", took=s.w.span(back.finished_at - back.ordered_at), at=s.w.moment(back.finished_at))
    hosts = s.say("ending.hosts", count=count, names=names) if back.restored else s.say("ending.all_hosts")
    stage = s.say("ending.stage", stage=s.stage_name(s.r.stage))
    return Mrkdwn(f"{hosts}\n{took}\n{stage} {_lasted(s, s.r)}")


def _lasted(s: Scene, r: Rollout) -> Mrkdwn:
    if r.finished_at is None:
        return Mrkdwn("")
    return s.say("ending.lasted", lasted=s.w.span(r.finished_at - r.started_at), at=s.w.moment(r.finished_at))
