"""The timeline's lines for what surrounds the traffic, and the evidence below them. Part of `timeline`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bot.rollout import events as ev
from bot.rollout.runbook import Phase
from bot.rollout.work import FollowUp, Outcome, Signature, WorkResult
from bot.slack.messages import pieces
from bot.slack.messages.blocks import Block, section
from bot.slack.messages.limits import SECTION
from bot.slack.messages.markup import Mrkdwn, fence, outside, width
from bot.slack.messages.numbers import number
from bot.slack.messages.scene import Scene
from bot.slack.messages.signing import role_title
from bot.slack.messages.table import GLYPH, gate_label, gate_value, parts, render

Line = Callable[[Scene, Any], Mrkdwn]
MOST_GATES, MOST_VERIFIED = 12, 40


def _ordered(s: Scene, e: ev.WorkOrdered) -> Mrkdwn:
    at = s.say("tell.work.at", stage=s.stage_name(e.stage)) if e.stage else Mrkdwn("")
    facts = {"phase": s.w.one_of("phase", e.phase.value), "at": at, "pieces": pieces.names(s, e.refs)}
    return s.say("tell.work.again" if e.again and e.by else "tell.work.ordered", **facts, by=s.w.who(e.by))


def _done(s: Scene, e: ev.WorkDone) -> Mrkdwn:
    done = e.result
    facts = {
        "title": pieces.title(s, done.ref),
        "outcome": s.w.one_of("did", done.outcome.value),
        "took": s.w.span(done.finished_at - done.started_at),
        "summary": pieces.summary(s, done),
        "phase": s.w.one_of("phase", done.ref.phase.value),
    }
    if done.passed:
        return s.say("tell.work.passed", **facts)
    return s.say("tell.work.failed.unknown" if done.outcome is Outcome.UNKNOWN else "tell.work.failed", **facts)


def _finished(s: Scene, e: ev.WorkFinished) -> Mrkdwn:
    if e.phase is Phase.VERIFY:
        total = max(len(_verified(s)), len(e.left))
        key = "tell.verified.not" if e.left else "tell.verified"
        return s.say(key, n=len(e.left) or total, total=total)
    phase = s.w.one_of("phase", e.phase.value)
    if not e.left:
        return s.say("tell.work.finished", phase=phase)
    rows = [pieces.line(s, ref) for ref in e.left[:10]]
    if len(e.left) > 10:
        rows.append(s.say("cut.parts", n=len(e.left) - 10))
    return Mrkdwn("\n".join([s.say("tell.work.left", phase=phase), *rows]))


def _overridden(s: Scene, e: ev.WorkOverridden) -> Mrkdwn:
    reason = outside(e.reason, 400) or s.say("reason.none")
    return s.say("tell.overridden", by=s.w.who(e.by), names=pieces.names(s, e.refs, 10), reason=reason)


def _watch(s: Scene, e: ev.WatchLine) -> Mrkdwn:
    stage = s.stage(s.r.live_stage)
    shown = [
        s.say(
            "tell.watch.gate",
            glyph=Mrkdwn(GLYPH[g.verdict]),
            gate=outside(gate_label(s.plan, stage, g), 80),
            value=gate_value(s.w, s.plan, stage, g),
        )
        for g in e.gates
    ]
    gates = s.w.some(shown, MOST_GATES) if shown else s.say("tell.watch.none")
    share = s.say("tell.watch.share", share=number(e.share, "percent")) if e.share is not None else Mrkdwn("")
    return s.say("tell.watch.line", number=e.number, gates=gates, share=share, left=s.w.span(e.left))


def _follow_up(s: Scene, id: str) -> FollowUp:
    found = next((f for f in s.r.follow_ups if f.id == id), None)
    return found or FollowUp(id, "", "", "", "", "", 0.0)


def _added(s: Scene, e: ev.FollowUpAdded) -> Mrkdwn:
    facts = {"id": outside(e.id, 20), "text": outside(e.text, 600), "due": outside(e.due, 20)}
    return s.say(
        "tell.follow.added", **facts, priority=outside(e.priority, 10), owner=s.w.who(e.owner), by=s.w.who(e.by)
    )


def _closed(s: Scene, e: ev.FollowUpClosed) -> Mrkdwn:
    known = _follow_up(s, e.id)
    return s.say("tell.follow.closed", id=outside(e.id, 20), by=s.w.who(e.by), text=outside(known.text, 600))


def _due(s: Scene, e: ev.FollowUpDue) -> Mrkdwn:
    known = _follow_up(s, e.id)
    facts = {"id": outside(e.id, 20), "text": outside(known.text, 600), "due": outside(known.due, 20)}
    command = s.command("followup", f" done {outside(e.id, 20)}")
    return s.say(
        "tell.follow.due", **facts, priority=outside(known.priority, 10), owner=s.w.who(known.owner), command=command
    )


def _report(s: Scene, e: ev.ReportOrdered) -> Mrkdwn:
    void = [sign.user for edition, sign in (s.r.report.voided if s.r.report else ()) if edition == e.edition - 1]
    said = s.say("tell.report.void", people=s.w.people(void)) if void else s.say("tell.report.unsigned")
    return s.say("tell.report.ordered", edition=e.edition, void=said)


def _reminded(s: Scene, e: ev.SignOffReminded) -> Mrkdwn:
    rule = s.plan.runbook.report
    lines = {line.title: line for line in rule.sign_off} if rule else {}
    rows = []
    for name in e.missing[:20]:
        known = lines.get(name)
        people = pieces.holders(s, known.roles) if known else Mrkdwn("–")
        rows.append(s.say("tell.sign.missing", role=role_title(s, name), people=people))
    return Mrkdwn("\n".join([s.say("tell.sign.reminded", edition=e.edition), *rows]))


def _signed(s: Scene, e: ev.SignedOff) -> Mrkdwn:
    given: tuple[Signature, ...] = s.r.report.signatures if s.r.report and s.r.report.edition == e.edition else ()
    if not given:
        return s.say("tell.signed.nobody", edition=e.edition)
    people = s.w.some([Mrkdwn(f"{role_title(s, sign.role)} {s.w.who(sign.user)}") for sign in given], 20)
    return s.say("tell.signed", edition=e.edition, people=people)


def _verified(s: Scene) -> list[WorkResult]:
    """What the verification of this rollback came to, in the plan's order."""
    order = [check.name for check in s.plan.runbook.verification]
    since = s.r.rollback.ordered_at if s.r.rollback else 0.0
    found = [d for d in s.r.results if d.ref.phase is Phase.VERIFY and d.finished_at >= since]
    return sorted(found, key=lambda d: order.index(d.ref.name) if d.ref.name in order else -1)


def evidence(s: Scene, event: object) -> list[Block]:
    """Below the line: what a failed piece printed, and the table of a verified rollback."""
    if isinstance(event, ev.WorkDone) and not event.result.passed and event.result.output.strip():
        return [section(printed(event.result.output))]
    if isinstance(event, ev.WorkFinished) and event.phase is Phase.VERIFY:
        return verification(s)
    return []


def printed(output: str, room: int = SECTION - 200) -> Mrkdwn:
    """The end of what a command printed, as a code block: the last lines say why it failed."""
    kept: list[str] = []
    for row in reversed(output.rstrip().splitlines()):
        shown = row if len(row) <= 400 else row[:400] + "…"
        size = len(shown) + 1 + 4 * sum(shown.count(c) for c in "<>&")
        if size > room:
            kept.append("…")
            break
        room -= size
        kept.append(shown)
    return fence(reversed(kept))


def verification(s: Scene) -> list[Block]:
    """aspect and check | value | result."""
    rows, every = [], _verified(s)
    for done in every[:MOST_VERIFIED]:
        check = next((c for c in s.plan.runbook.verification if c.name == done.ref.name), None)
        aspect = check.aspect if check else "traffic" if done.ref.name == "traffic" else ""
        name = _bare(pieces.title(s, done.ref))
        shown = f"{s.w.one_of('aspect', aspect)} · {name}" if aspect else name
        said = _bare(pieces.value(s, done)) or s.w.one_of("did", done.outcome.value)
        if width(said) > 20:
            said = number(done.value, "ratio")
        rows.append((shown, [said], pieces.GLYPH[done.outcome]))
    if not rows:
        return []
    drawn = render(s.say("verify.check"), [s.say("verify.value")], rows)
    blocks = [section(fence(part)) for part in parts(drawn)]
    if len(every) > MOST_VERIFIED:
        blocks.append(section(s.say("cut.parts", n=len(every) - MOST_VERIFIED)))
    wrong = [pieces.line(s, done.ref) for done in every if not done.passed]
    return [*blocks, *([section(Mrkdwn("\n".join(wrong[:20])))] if wrong else [])]


def _bare(text: str) -> str:
    """Out of mrkdwn again, for a code block."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def without_table(event: object) -> bool:
    """The watch's line has its gates in one line; the table comes at the end."""
    return isinstance(event, ev.WatchLine)


def note_key(kind: str) -> str:
    return f"tell.note.{kind}" if kind else "tell.note"


def started(s: Scene, said: Mrkdwn, prepares: bool) -> Mrkdwn:
    """The start's line, and what comes before the first asking."""
    if not prepares:
        return said
    rows: Sequence[str] = [said, s.say("tell.started.prepares", what=pieces.what_comes(s))]
    return Mrkdwn("\n".join(rows))


LINES: dict[type[Any], Line] = {
    ev.WorkOrdered: _ordered,
    ev.WorkDone: _done,
    ev.WorkFinished: _finished,
    ev.WorkOverridden: _overridden,
    ev.WatchLine: _watch,
    ev.FollowUpAdded: _added,
    ev.FollowUpClosed: _closed,
    ev.FollowUpDue: _due,
    ev.ReportOrdered: _report,
    ev.SignOffReminded: _reminded,
    ev.SignedOff: _signed,
}
