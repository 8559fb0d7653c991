"""The way back: what was planned for it, and what happened if it was taken. Pure."""

from __future__ import annotations

from bot.release.report import work
from bot.release.report.evidence import Evidence, metric_of, threshold, titled, valued
from bot.release.report.model import (
    NONE,
    PLAN,
    Block,
    Heading,
    Inline,
    Items,
    Moment,
    Para,
    Quantity,
    Section,
    Span,
    Table,
    Text,
)
from bot.release.report.model import term as t
from bot.release.report.overview import cause
from bot.rollout import events as ev
from bot.rollout.plan import Condition
from bot.rollout.runbook import Phase

BACK = (Phase.ON_ROLLBACK, Phase.AFTER_ROLLBACK)


def section(e: Evidence) -> Section:
    blocks: list[Block] = [Heading(t("head.back.plan")), *_planned(e), Heading(t("head.back.done"))]
    ordered = e.last(ev.RollbackOrdered)
    if ordered is None:
        blocks.append(Para(t("back.never")))
    else:
        blocks.append(Para(t("back.cause", "bad", cause=cause(e)), "lead"))
        blocks += [*_times(e, *ordered), *_hosts(e, ordered[0]), *_step_down(e)]
    # A rollout that was cancelled before any traffic still takes back what its steps began.
    blocks += work.headed("head.steps", work.steps(e, work.of_phases(e, *BACK)), deep=True)
    blocks += work.headed("head.verification", work.verification(e, e.done(Phase.VERIFY)), deep=True)
    return Section("rollback", (*blocks, *_left(e)))


def _planned(e: Evidence) -> list[Block]:
    head = ("col.trigger", "col.threshold", "col.hold_for", "col.window")
    rows = tuple(_trigger(e, c) for c in e.plan.triggers)
    blocks: list[Block] = [Para(t("back.how")), Table(head, rows)] if rows else [Para(t("back.by_hand"))]
    names = [(s.title or s.name) for p in BACK for s in e.plan.runbook.steps if s.phase is p]
    if names:
        blocks.append(Para(t("back.steps", steps=Items(tuple(Text(n, PLAN) for n in names)))))
    if e.plan.runbook.irreversible:
        blocks.append(Para(t("irreversible", what=Text(e.plan.runbook.irreversible, PLAN)), "warning"))
    return blocks


def _trigger(e: Evidence, c: Condition) -> tuple[Inline, ...]:
    hold: Inline = Span(c.hold_for, PLAN) if c.hold_for else t("at_once")
    return (titled(e.plan, c.metric), threshold(e.plan, c, c.text, "plan"), hold, Span(c.window, PLAN))


def _times(e: Evidence, seq: int, order: ev.RollbackOrdered) -> list[Block]:
    """From the first bad sample to the last host read back; each with the time since the row above."""
    points: list[tuple[str, float, int]] = []
    trip = order.trigger
    if trip and trip.holding_since is not None:
        points.append(("time.bad", trip.holding_since, seq))
    points.append(("time.ordered", order.at, seq))
    restored = [(s, x) for s, x in e.of(ev.HostsRestored) if s > seq]
    if restored:
        points.append(("time.restored", restored[0][1].at, restored[0][0]))
    whole = [(s, x) for s, x in e.of(ev.RolledBack) if s > seq]
    if whole:
        points.append(("time.whole", whole[0][1].at, whole[0][0]))
    rows = []
    for i, (key, at, source) in enumerate(points):
        since: Inline = NONE
        if i:
            since = Span(at - points[i - 1][1], (points[i - 1][2], source), "difference")
        rows.append((t(key), Moment(at, (source,), clock=True), since))
    blocks: list[Block] = [Heading(t("head.times"), True), Table(("col.what", "col.at", "col.since"), tuple(rows))]
    if len(points) > 1:
        (_, first, a), (_, last, b) = points[0], points[-1]
        blocks.append(Para(t("time.all", took=Span(last - first, (a, b), "difference")), "note"))
    return [*_evidence(e, seq, order), *blocks]


def _evidence(e: Evidence, seq: int, order: ev.RollbackOrdered) -> list[Block]:
    trip = order.trigger
    if trip is None:
        return []
    condition = next((c for c in e.plan.triggers if c.text == trip.text), None)
    against = condition.threshold if condition else None
    value = valued(e.plan, trip.metric, trip.value, seq, against=against)
    samples = Quantity(trip.samples, "count", (seq,)) if trip.samples is not None else NONE
    name = titled(e.plan, trip.metric) if metric_of(e.plan, trip.metric) else Text(trip.metric, (seq,))
    head = ("col.trigger", "col.threshold", "col.measured", "col.samples", "col.stage")
    row = (name, threshold(e.plan, condition, trip.text, seq), value, samples, Text(order.stage, (seq,)))
    return [Table(head, (row,))]


def _hosts(e: Evidence, since: int) -> list[Block]:
    rows: dict[str, tuple[Inline, ...]] = {}
    for seq, x in e.of(ev.HostsRestored):
        if seq < since:
            continue
        at, took = Moment(x.at, (seq,), clock=True), Span(x.duration, (seq,))
        for host in x.restored:
            rows.setdefault(host, (Text(host, (seq,)), t("host.back", "good"), at, took))
        for host, why in x.pending:
            said = t("host.pending", "bad", why=Text(why, (seq,), error=True))
            rows[f"{host} {seq}"] = (Text(host, (seq,)), said, at, took)
    head = ("col.host", "col.state", "col.at", "col.took")
    return [Heading(t("head.hosts"), True), Table(head, tuple(rows.values()))] if rows else []


def _step_down(e: Evidence) -> list[Block]:
    rows = []
    for seq, x in e.of(ev.StepDownDone):
        weight = Quantity(x.weight, "percent", (seq,), trim=True)
        rows.append((Quantity(x.step, "count", (seq,)), weight, Moment(x.at, (seq,)), Span(x.duration, (seq,))))
    head = ("col.number", "col.traffic", "col.at", "col.took")
    return [Heading(t("head.step_down"), True), Table(head, tuple(rows))] if rows else []


def _left(e: Evidence) -> list[Block]:
    """What the bot could not do: for a person."""
    blocks: list[Block] = []
    for seq, x in e.of(ev.WorkFinished):
        if x.left and x.phase in (*BACK, Phase.VERIFY):
            names = [f"{r.name} @ {r.machine}" if r.machine else r.name for r in x.left]
            left = Items(tuple(Text(n, (seq,)) for n in names))
            blocks.append(Para(t("back.left", "bad", phase=t(f"phase.{x.phase}"), what=left), "warning"))
    return blocks
