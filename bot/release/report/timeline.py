"""The appendix: one line for each thing that happened, with its number in the log. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from bot.release.report.evidence import Evidence
from bot.release.report.model import Inline, Items, Moment, Para, Quantity, Section, Span, Table, Text, Who
from bot.release.report.model import term as t
from bot.release.report.overview import reason
from bot.release.report.stages import incident
from bot.rollout import events as ev
from bot.rollout.model import Hold
from bot.rollout.work import AFTER, BEFORE, Outcome, WorkRef

Line = Callable[[int, Any], Inline]

# Said by another line, or of no interest to a reader of the report.
QUIET = (ev.GenerationSeen, ev.ReactionRefused, ev.ApproversChanged, ev.WaveOrdered, ev.BakeProlonged, ev.DriftGone)
# What comes of signing and of doing what was left: the content does not change by it.
AFTERWARDS = (
    ev.ReportOrdered,
    ev.ReportPosted,
    ev.SignaturesChanged,
    ev.SignOffReminded,
    ev.SignedOff,
    ev.FollowUpClosed,
    ev.FollowUpDue,
)
HEAD = ("col.seq", "col.at", "col.what")


def section(e: Evidence) -> Section:
    rows = tuple(_row(seq, x) for seq, x in e.rows if not isinstance(x, (*QUIET, *AFTERWARDS)))
    return Section("timeline", (Para(t("timeline.note"), "note"), Table(HEAD, rows)))


def afterwards(e: Evidence) -> Section:
    rows = tuple(_row(seq, x) for seq, x in e.rows if isinstance(x, AFTERWARDS))
    return Section("afterwards", (Table(HEAD, rows),) if rows else (Para(t("none.afterwards")),), live=True)


def _row(seq: int, x: ev.Event) -> tuple[Inline, ...]:
    return (Quantity(seq, "count", (seq,), "seq"), Moment(x.at, (seq,), clock=True), line(seq, x))


def line(seq: int, x: ev.Event) -> Inline:
    known = LINES.get(type(x))
    said = known(seq, x) if known else incident(seq, x)
    return said or t("event.other", name=Text(type(x).__name__, (seq,), code=True))


def _by_stage(key: str) -> Line:
    return lambda seq, x: t(key, stage=Text(x.stage, (seq,)))


def _people(users: Iterable[str], seq: int) -> Items:
    return Items(tuple(Who(u, (seq,)) for u in users))


def _hosts(hosts: Iterable[str], seq: int) -> Items:
    return Items(tuple(Text(h, (seq,)) for h in hosts))


def _refs(refs: Iterable[WorkRef], seq: int) -> Items:
    return Items(tuple(_ref(r, seq) for r in refs))


def _ref(ref: WorkRef, seq: int) -> Inline:
    if ref.kind == "baseline" and ref.name in (BEFORE, AFTER):
        return t(f"col.{ref.name}")
    return Text(f"{ref.name} @ {ref.machine}" if ref.machine else ref.name, (seq,))


def _started(seq: int, x: ev.RolloutStarted) -> Inline:
    change = t("versions", old=Text(x.stable_version, (seq,)), new=Text(x.version, (seq,)))
    return t("event.started", by=Who(x.initiator, (seq,)), change=change, reason=reason(x.reason, seq))


def _closed(seq: int, x: ev.ApprovalClosed) -> Inline:
    return t("event.closed", "warn", stage=Text(x.stage, (seq,)), how=t(f"approval.{x.how}"), by=Who(x.by, (seq,)))


def _ordered(seq: int, x: ev.ShiftOrdered) -> Inline:
    return t("event.ordered", stage=Text(x.stage, (seq,)), weight=Quantity(x.weight, "percent", (seq,), trim=True))


def _shifted(seq: int, x: ev.ShiftDone) -> Inline:
    facts: dict[str, Inline] = {"hosts": _hosts(x.hosts, seq), "took": Span(x.duration, (seq,))}
    stage = Text(x.stage, (seq,))
    if x.left_out:
        away = _hosts([host for host, _ in x.left_out], seq)
        return t("event.shifted_without", "warn", stage=stage, away=away, **facts)
    return t("event.shifted", "", stage=stage, **facts)


def _wave(seq: int, x: ev.WaveDone) -> Inline:
    number, whole = Quantity(x.wave, "count", (seq,)), Quantity(x.waves, "count", (seq,))
    return t("event.wave", stage=Text(x.stage, (seq,)), wave=t("of", n=number, all=whole), hosts=_hosts(x.hosts, seq))


def _verdict(seq: int, x: ev.VerdictChanged) -> Inline:
    before = t(f"verdict.{x.before}") if x.before else t("verdict.none")
    return t("event.verdict", gate=Text(x.gate.text, (seq,)), before=before, after=t(f"verdict.{x.gate.verdict}"))


def _passed(seq: int, x: ev.StagePassed) -> Inline:
    return t("event.passed", "good", stage=Text(x.stage, (seq,)), baked=Span(x.baked, (seq,)))


def _held(seq: int, x: ev.StageHeld) -> Inline:
    if x.hold is not Hold.PREPARATION_FAILED:
        return incident(seq, x) or t("none.detail")
    return t("event.unprepared", "warn", detail=Text(x.detail, (seq,)))


def _settled(seq: int, x: ev.ShareSettled) -> Inline:
    share, target = Quantity(x.share, "percent", (seq,)), Quantity(x.target, "percent", (seq,), trim=True)
    return t("event.settled", share=t("share.of", share=share, weight=target))


def _work(seq: int, x: ev.WorkDone) -> Inline:
    r = x.result
    good = r.outcome is Outcome.PASSED
    outcome = t(f"work.{r.outcome}", "good" if good else "bad")
    facts: dict[str, Inline] = {"kind": t(f"piece.{r.ref.kind}"), "name": _refs((r.ref,), seq), "outcome": outcome}
    return t("event.work", "", **facts, found=Text(r.summary, (seq,)))


def _finished(seq: int, x: ev.WorkFinished) -> Inline:
    phase = t(f"phase.{x.phase}")
    return t("event.left", "bad", phase=phase, what=_refs(x.left, seq)) if x.left else t("event.finished", phase=phase)


def _overridden(seq: int, x: ev.WorkOverridden) -> Inline:
    by: dict[str, Inline] = {"by": Who(x.by, (seq,)), "at": Moment(x.at, (seq,))}
    return t("overridden", "warn", what=_refs(x.refs, seq), **by, reason=reason(x.reason, seq))


def _ticked(seq: int, x: ev.ItemTicked) -> Inline:
    return t("event.ticked" if x.ticked else "event.unticked", item=Text(x.item, (seq,)), by=Who(x.by, (seq,)))


def _watched(seq: int, x: ev.WatchLine) -> Inline:
    return t("event.watched", n=Quantity(x.number, "count", (seq,)), left=Span(x.left, (seq,)))


def _restored(seq: int, x: ev.HostsRestored) -> Inline:
    facts: dict[str, Inline] = {"hosts": _hosts(x.restored, seq), "took": Span(x.duration, (seq,))}
    if not x.pending:
        return t("event.restored", "", **facts)
    return t("event.restored.pending", "bad", **facts, pending=_hosts((h for h, _ in x.pending), seq))


def _back(seq: int, x: ev.RollbackOrdered) -> Inline:
    if x.trigger:
        cause: Inline = Text(x.trigger.text, (seq,))
    else:
        cause = t("by.reason", by=Who(x.by, (seq,)), reason=reason(x.reason, seq))
    return t("event.back", "bad", stage=Text(x.stage, (seq,)), cause=cause)


def _adopted(seq: int, x: ev.DriftAdopted) -> Inline:
    return t("event.adopted", by=Who(x.by, (seq,)), hosts=_hosts((d.host for d in x.drift), seq))


def _step(seq: int, x: ev.StepDownOrdered) -> Inline:
    return t("event.step", weight=Quantity(x.weight, "percent", (seq,), trim=True), by=Who(x.by, (seq,)))


def _noted(seq: int, x: ev.NoteAdded) -> Inline:
    return t(f"event.note.{x.kind or 'other'}", by=Who(x.by, (seq,)), text=Text(x.text, (seq,)))


def _added(seq: int, x: ev.FollowUpAdded) -> Inline:
    return t("event.follow_up", id=Text(x.id, (seq,)), text=Text(x.text, (seq,)), owner=Who(x.owner, (seq,)))


def _edition(key: str) -> Line:
    return lambda seq, x: t(key, n=Quantity(x.edition, "count", (seq,)))


def _signed(seq: int, x: ev.SignaturesChanged) -> Inline:
    return t("event.signed", who=_people((s.user for s in x.signatures), seq))


LINES: dict[type[Any], Line] = {
    ev.RolloutStarted: _started,
    ev.ApprovalAsked: _by_stage("event.asked"),
    ev.StageApproved: lambda seq, x: t(
        "event.approved", "good", stage=Text(x.stage, (seq,)), by=_people(x.approvers, seq)
    ),
    ev.ApprovalClosed: _closed,
    ev.ShiftOrdered: _ordered,
    ev.ShiftDone: _shifted,
    ev.WaveDone: _wave,
    ev.HostsCaughtUp: lambda seq, x: t("event.caught_up", "good", hosts=_hosts(x.hosts, seq)),
    ev.VerdictChanged: _verdict,
    ev.StagePassed: _passed,
    ev.StageHeld: _held,
    ev.ShareSettled: _settled,
    ev.SightRegained: lambda seq, x: t("event.sight", lasted=Span(x.blind_for, (seq,))),
    ev.NoteAdded: _noted,
    ev.DriftAdopted: _adopted,
    ev.StepDownOrdered: _step,
    ev.StepDownDone: lambda seq, x: t("event.stepped", weight=Quantity(x.weight, "percent", (seq,), trim=True)),
    ev.RollbackOrdered: _back,
    ev.HostsRestored: _restored,
    ev.RolledBack: lambda seq, x: t("event.rolled_back", "bad"),
    ev.RolloutCancelled: lambda seq, x: t(
        "event.cancelled", "warn", by=Who(x.by, (seq,)), reason=reason(x.reason, seq)
    ),
    ev.WatchStarted: lambda seq, x: t("event.watch", until=Moment(x.until, (seq,))),
    ev.RolloutCompleted: lambda seq, x: t("event.completed", "good", version=Text(x.version, (seq,))),
    ev.PoolReleased: lambda seq, x: t("event.released", version=Text(x.version, (seq,))),
    ev.WorkOrdered: lambda seq, x: t("event.work.ordered", phase=t(f"phase.{x.phase}"), what=_refs(x.refs, seq)),
    ev.WorkDone: _work,
    ev.WorkFinished: _finished,
    ev.WorkOverridden: _overridden,
    ev.ItemTicked: _ticked,
    ev.WatchLine: _watched,
    ev.FollowUpAdded: _added,
    ev.FollowUpClosed: lambda seq, x: t("event.follow_up.closed", id=Text(x.id, (seq,)), by=Who(x.by, (seq,))),
    ev.FollowUpDue: lambda seq, x: t("event.follow_up.due", id=Text(x.id, (seq,))),
    ev.ReportOrdered: _edition("event.report.ordered"),
    ev.ReportPosted: _edition("event.report.posted"),
    ev.SignaturesChanged: _signed,
    ev.SignOffReminded: lambda seq, x: t("event.sign_off.reminded", roles=_hosts(x.missing, seq)),
    ev.SignedOff: _edition("event.signed.off"),
}
