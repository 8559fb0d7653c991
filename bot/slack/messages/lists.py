"""What was checked, and what is still to do: `/rollout checks` and `/rollout followup`. Pure."""

from __future__ import annotations

from itertools import groupby

from bot.engine.ports.rendered import Outgoing
from bot.rollout.runbook import Phase
from bot.rollout.work import FollowUp, WorkRef, WorkResult
from bot.slack.messages import pieces
from bot.slack.messages.blocks import Block, header, lines, section
from bot.slack.messages.markup import Mrkdwn, clean, outside
from bot.slack.messages.scene import Scene

MOST_LINES, MOST_FOLLOW_UPS = 60, 40
IN_A_SECTION = 10


def checks(s: Scene) -> Outgoing:
    """Every piece that has run or comes before the start, in the order of the phases."""
    refs = _pieces(s)
    if not refs:
        said = s.say("checks.none", rollout=outside(s.r.id, 60))
        return Outgoing(said, (section(said),))
    facts = {"service": Mrkdwn(clean(s.r.service, 40)), "version": Mrkdwn(clean(s.r.version, 30))}
    blocks: list[Block] = [header(s.say("checks.header", **facts))]
    for (phase, stage), group in groupby(refs[:MOST_LINES], key=lambda ref: (ref.phase, ref.stage)):
        named = s.w.one_of("phase", phase.value)
        key = "checks.phase.stage" if stage else "checks.phase"
        rows = [s.say(key, phase=named, stage=s.stage_name(stage)), *(_checked(s, ref) for ref in group)]
        blocks += [lines(rows[i : i + IN_A_SECTION]) for i in range(0, len(rows), IN_A_SECTION)]
    if len(refs) > MOST_LINES:
        blocks.append(section(s.say("cut.parts", n=len(refs) - MOST_LINES)))
    known = {"service": outside(s.r.service, 60), "version": outside(s.r.version, 40)}
    done = sum(_over(s, ref) for ref in refs)
    return Outgoing(s.say("checks.text", **known, done=done, total=len(refs)), tuple(blocks))


def _pieces(s: Scene) -> list[WorkRef]:
    run = [known.ref for known in s.r.results]
    order, stages = list(Phase), [record.name for record in s.r.stages]

    def place(ref: WorkRef) -> tuple[int, int]:
        # Phases of a stage go by stage first: that is how they came about.
        at = stages.index(ref.stage) if ref.stage in stages else -1
        return at, order.index(ref.phase)

    first = [ref for ref in pieces.before_start(s) if s.r.prepares]
    return sorted(dict.fromkeys([*first, *run]), key=lambda ref: (_late(ref), *place(ref)))


def _late(ref: WorkRef) -> int:
    """0 before the traffic, 1 with it, 2 after it."""
    if ref.phase in (Phase.PREPARE, Phase.BEFORE_START):
        return 0
    return 1 if ref.stage else 2


def _newest(s: Scene, ref: WorkRef) -> WorkResult | None:
    """Also of a stage that is over, which the deciding asks no more: the list tells what was done."""
    return next((known for known in s.r.results if known.ref == ref), None)


def _over(s: Scene, ref: WorkRef) -> bool:
    done = _newest(s, ref)
    return pieces.overridden(s, ref, done) is not None or (done is not None and done.passed)


def _checked(s: Scene, ref: WorkRef) -> Mrkdwn:
    done = _newest(s, ref)
    said = pieces.line_of(s, ref, done)
    return s.say("checks.line", line=said, at=s.w.moment(done.finished_at, s.now)) if done else said


def follow_ups(s: Scene) -> Outgoing:
    """Open ones first, those of the earliest date first."""
    if not s.r.follow_ups:
        said = s.say("follow.none", rollout=outside(s.r.id, 60), service=outside(s.r.service, 60))
        return Outgoing(said, (section(said),))
    every = sorted(s.r.follow_ups, key=lambda f: (f.done_at is not None, f.due, f.priority))
    facts = {"service": Mrkdwn(clean(s.r.service, 40)), "version": Mrkdwn(clean(s.r.version, 30))}
    blocks: list[Block] = [header(s.say("follow.header", **facts))]
    rows = [_follow_up(s, f) for f in every[:MOST_FOLLOW_UPS]]
    blocks += [lines(rows[i : i + IN_A_SECTION]) for i in range(0, len(rows), IN_A_SECTION)]
    if len(every) > MOST_FOLLOW_UPS:
        blocks.append(section(s.say("cut.parts", n=len(every) - MOST_FOLLOW_UPS)))
    n = sum(f.done_at is None for f in every)
    return Outgoing(s.say("follow.text", service=outside(s.r.service, 60), n=n), tuple(blocks))


def _follow_up(s: Scene, f: FollowUp) -> Mrkdwn:
    facts = {"id": outside(f.id, 20), "text": outside(f.text, 300)}
    if f.done_at is not None:
        return s.say("follow.done", **facts, by=s.w.who(f.done_by), at=s.w.moment(f.done_at, s.now))
    late = f.due < f"{s.w.local(s.now):%Y-%m-%d}"
    key = "follow.overdue" if late else "follow.open"
    return s.say(key, **facts, priority=outside(f.priority, 10), owner=s.w.who(f.owner), due=outside(f.due, 20))
