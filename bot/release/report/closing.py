"""After the traffic: the watch, alerts, before and after, what was learnt, what is left, who signs. Pure."""

from __future__ import annotations

from bot.alerts.labels import value_of
from bot.alerts.model import Alert
from bot.release.report import gates, work
from bot.release.report.evidence import Evidence
from bot.release.report.model import (
    NONE,
    PLAN,
    Block,
    Facts,
    Heading,
    Inline,
    Items,
    Moment,
    Para,
    Quantity,
    Section,
    Sources,
    Table,
    Text,
    Who,
)
from bot.release.report.model import Span as Length
from bot.release.report.model import term as t
from bot.rollout import events as ev
from bot.rollout.runbook import Phase, SignRole
from bot.rollout.work import Signature

HOURLY = ("col.number", "col.at", "col.share", "col.gates.passed", "col.triggers", "col.left")
KINDS = ("good", "bad", "feedback", "")


def watch(e: Evidence) -> Section:
    """The hours after everybody has the new version, and the steps that close it."""
    lines = tuple(_watched(seq, x) for seq, x in e.of(ev.WatchLine))
    blocks: list[Block] = []
    started, ended = e.last(ev.WatchStarted), e.last(ev.RolloutCompleted)
    if started:
        seq, x = started
        period = t("watched", since=Moment(x.at, (seq,)), until=Moment(x.until, (seq,)))
        blocks.append(Facts((("fact.watched", period),)))
    if lines:
        blocks.append(Table(HOURLY, lines))
    if ended and ended[1].gates:
        last = e.rollout.stages[-1].name
        blocks += [Heading(t("head.watch.end")), gates.table(e, last, ended[0], ended[1].gates)]
    blocks += work.headed("head.steps", work.steps(e, work.of_phases(e, Phase.AFTER_COMPLETION)))
    return Section("watch", tuple(blocks) or (Para(t("none.watch")),))


def _watched(seq: int, x: ev.WatchLine) -> tuple[Inline, ...]:
    one = (seq,)
    holding = Items(tuple(Text(r.text, one) for r in x.triggers if r.holding_since is not None))
    share: Inline = Quantity(x.share, "percent", one) if x.share is not None else NONE
    calm: Inline = t("quiet", "good") if not holding.items else t("holding", "bad", what=holding)
    number, left = Quantity(x.number, "count", one), Length(x.left, one)
    return (number, Moment(x.at, one), share, gates.passed(x.gates, seq), calm, left)


def alerts(e: Evidence) -> Section:
    head = ("col.alert", "col.severity", "col.started", "col.resolved", "col.lasted", "col.found")
    rows = tuple(_alert(a) for a in sorted(e.alerts, key=lambda a: (a.started_at, a.fingerprint)))
    return Section("alerts", (Table(head, rows),) if rows else (Para(t("none.alerts")),))


def _alert(a: Alert) -> tuple[Inline, ...]:
    of: Sources = ("alerts",)
    over: Inline = Moment(a.resolved_at, of) if a.resolved_at is not None else t("firing", "bad")
    lasted: Inline = Length(a.resolved_at - a.started_at, of, "difference") if a.resolved_at is not None else NONE
    what = a.annotation("summary") or a.annotation("description") or value_of(a.labels, "instance")
    severity = t(f"severity.{a.severity}", "bad" if a.severity == "critical" else "warn")
    return (Text(a.name, of), severity, Moment(a.started_at, of), over, lasted, Text(what, of))


def notes(e: Evidence) -> Section:
    """What went well, what went badly, what users said; in the words of those who noted it."""
    blocks: list[Block] = []
    for kind in KINDS:
        rows = tuple(
            (Text(x.stage, (seq,)) if x.stage else NONE, Text(x.text, (seq,)), Who(x.by, (seq,)), Moment(x.at, (seq,)))
            for seq, x in e.of(ev.NoteAdded)
            if x.kind == kind
        )
        if rows or kind:
            blocks.append(Heading(t(f"head.notes.{kind or 'other'}")))
            blocks.append(Table(("col.stage", "col.note", "col.by", "col.at"), rows) if rows else Para(t("none.notes")))
    return Section("notes", tuple(blocks))


def follow_ups(e: Evidence) -> Section:
    rows = tuple(_follow_up(e, seq, x) for seq, x in e.of(ev.FollowUpAdded))
    head = ("col.id", "col.todo", "col.owner", "col.due", "col.priority", "col.state")
    return Section("follow_ups", (Table(head, rows, live=(5,)),) if rows else (Para(t("none.follow_ups")),))


def _follow_up(e: Evidence, seq: int, x: ev.FollowUpAdded) -> tuple[Inline, ...]:
    one = (seq,)
    closed = next(((s, c) for s, c in e.of(ev.FollowUpClosed) if c.id == x.id), None)
    state: Inline = t("open", "warn")
    if closed:
        s, c = closed
        state = t("closed", "good", by=Who(c.by, (s,)), at=Moment(c.at, (s,), day=True))
    return (Text(x.id, one), Text(x.text, one), Who(x.owner, one), Text(x.due, one), Text(x.priority, one), state)


def sign_off(e: Evidence) -> Section:
    """Who has signed the edition under which signatures count now."""
    rule = e.plan.runbook.report
    if rule is None or not rule.sign_off:
        return Section("sign_off", (Para(t("none.sign_off")),), live=True)
    ordered = e.last(ev.ReportOrdered)
    edition = ordered[1].edition if ordered else 0
    signed: dict[str, tuple[int, Signature]] = {}
    for seq, x in e.of(ev.SignaturesChanged):
        if x.edition == edition:
            signed = {s.role: (seq, s) for s in x.signatures}
    rows = tuple(_signature(r, signed.get(r.title)) for r in rule.sign_off)
    blocks: list[Block] = [Table(("col.role", "col.state", "col.by", "col.at"), rows)]
    done = next(((s, x) for s, x in e.of(ev.SignedOff) if x.edition == edition), None)
    if done:
        blocks.append(Para(t("signed.all", "good", at=Moment(done[1].at, (done[0],))), "lead"))
    if ordered and edition:
        blocks.insert(0, Para(t("edition", n=Quantity(edition, "count", (ordered[0],))), "note"))
    return Section("sign_off", tuple(blocks), live=True)


def _signature(role: SignRole, signed: tuple[int, Signature] | None) -> tuple[Inline, ...]:
    name = t("role", zh=Text(role.title, PLAN), en=Text(role.title_en or role.title, PLAN))
    if signed is None:
        return (name, t("unsigned", "warn"), NONE, NONE)
    seq, s = signed
    return (name, t("signed", "good"), Who(s.user, (seq,)), Moment(s.at, (seq,)))


def review(e: Evidence) -> Section:
    """When it is looked at again: the plan says how long after the end."""
    rule, at = e.plan.runbook.report, e.rollout.finished_at
    if rule is None or at is None or e.rollout.active:
        return Section("review", (Para(t("none.review")),))
    kinds = (ev.RolloutCompleted, ev.RolledBack, ev.RolloutCancelled)
    seq = next(s for s, x in reversed(e.rows) if isinstance(x, kinds))
    then = Moment(at + rule.next_review, (seq, "plan"), day=True)
    return Section("review", (Para(t("review", at=then, after=Length(rule.next_review, PLAN))),))
