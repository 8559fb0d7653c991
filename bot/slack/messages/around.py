"""What surrounds the traffic, as far as the card and the asking show it. Pure."""

from __future__ import annotations

from bot.rollout.deciding.work import BACK, failing, result
from bot.rollout.model import Rollout, Status
from bot.rollout.runbook import Phase, ReportRule
from bot.rollout.work import Overridden, WorkResult
from bot.slack.messages import pieces
from bot.slack.messages.markup import Mrkdwn, outside
from bot.slack.messages.scene import Scene
from bot.slack.messages.signing import missing, next_review

SHOWN = frozenset({Status.PREPARING, Status.WORKING})  # what runs then is in the headline
MOST = 8


def next_of_working(s: Scene, after: Mrkdwn) -> Mrkdwn:
    shifts = s.r.work is not None and s.r.work.phase is Phase.BEFORE_STAGE
    return (
        s.say("next.working.shift", stage=s.stage_name(s.r.stage)) if shifts else s.say("next.working.ask", after=after)
    )


def next_of_preparing(s: Scene) -> Mrkdwn:
    left = pieces.unticked(s)
    return s.say("next.preparing.items", items=left) if left else s.say("next.preparing")


def next_of_failed(s: Scene) -> Mrkdwn:
    return s.say("next.held.work", who=s.operators(), overriders=pieces.overriders(s))


def beside(s: Scene) -> list[Mrkdwn]:
    """What runs while something else is the headline; and how many follow-ups are open."""
    work = s.r.work
    found = []
    if work and work.running and s.r.status not in SHOWN:
        phase = s.w.one_of("phase", work.phase.value)
        found.append(s.say("card.beside", phase=phase, pieces=pieces.names(s, work.running, 4)))
    open_ = sum(f.done_at is None for f in s.r.follow_ups)
    return [*found, s.say("card.follow_ups", n=open_)] if open_ else found


def after_the_end(s: Scene) -> list[Mrkdwn]:
    """Sections: what the steps of this end came to, what is left to do by hand, the report and its signatures."""
    phases = (Phase.AFTER_COMPLETION,) if s.r.status is Status.COMPLETED else BACK
    done = [d for d in s.r.results if d.ref.phase in phases and result(s.r, d.ref) is d]
    left = [ref for phase in phases for ref in failing(s.plan, s.r, phase)]
    sections = []
    passed = [d.ref for d in done if d.passed]
    if passed:
        sections.append(s.say("ending.steps", pieces=pieces.names(s, passed, MOST)))
    if left:
        rows = [pieces.line(s, ref) for ref in left[:MOST]]
        if len(left) > MOST:
            rows.append(s.say("cut.parts", n=len(left) - MOST))
        sections.append(Mrkdwn("\n".join([s.say("ending.left"), *rows])))
    report = _report(s)
    return [*sections, report] if report else sections


def _report(s: Scene) -> Mrkdwn | None:
    report = s.r.report
    if report is None:
        return None
    rule = s.plan.runbook.report or ReportRule()
    facts: dict[str, object] = {"edition": report.edition}
    if report.signed_at is not None:
        key = "signed" if report.signatures else "out"
        facts["at"] = s.w.moment(report.signed_at)
    elif report.posted_at is None:
        key = "ordered"
    else:
        key = "posted"
        facts |= {"have": len(report.signatures), "want": len(rule.sign_off), "missing": missing(s, rule, report)}
    said = s.say("ending.report", state=s.say(f"report.{key}", **facts))
    review = next_review(s, rule)
    return Mrkdwn(f"{said}\n{s.say('ending.review', date=review)}") if review else said


def irreversible(s: Scene) -> Mrkdwn:
    """What a rollback can and cannot do, in full."""
    return s.say("irreversible", old=outside(s.r.stable_version, 40), what=outside(s.plan.runbook.irreversible, 1000))


def taken_off(r: Rollout) -> bool:
    """Whether steps after the completion have been begun: they may have stopped the version that a rollback needs."""
    return any(d.ref.kind == "step" and d.ref.phase is Phase.AFTER_COMPLETION for d in r.results)


def cannot_undo(s: Scene) -> Mrkdwn | None:
    """In full before the first traffic, short later."""
    what = s.plan.runbook.irreversible
    if not what:
        return None
    return s.say("irreversible.short", what=outside(what, 300)) if s.r.touched else irreversible(s)


def prepared(s: Scene) -> list[Mrkdwn]:
    """The first asking's evidence."""
    return [s.say("ask.prepared", what=pieces.what_comes(s))] if s.r.prepares else []


def passed_over(s: Scene) -> list[Mrkdwn]:
    """Whatever failed and a person went on without: named at every asking after it."""
    latest = {o.ref: o for o in s.r.overridden}
    return [_over(s, o) for o in list(latest.values())[-10:]]


def _over(s: Scene, o: Overridden) -> Mrkdwn:
    known: WorkResult | None = next((d for d in s.r.results if d.ref == o.ref), None)
    facts = {"title": pieces.title(s, o.ref), "by": s.w.who(o.by), "reason": outside(o.reason, 300)}
    if known is None or known.passed:
        return s.say("ask.passed_over.gone", **facts)
    return s.say("ask.passed_over", **facts, outcome=s.w.one_of("did", known.outcome.value))
