"""Each stage: what was planned, approved, changed, measured, and how it went. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bot.release.report import gates, work
from bot.release.report.evidence import Evidence, Rows
from bot.release.report.model import (
    NONE,
    PLAN,
    Block,
    Code,
    Facts,
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
    Who,
)
from bot.release.report.model import term as t
from bot.release.report.overview import gate, reason, traffic
from bot.rollout import events as ev
from bot.rollout.model import Hold
from bot.rollout.plan import Stage
from bot.rollout.runbook import PER_STAGE

ASKING = (ev.ApprovalAsked, ev.StageApproved, ev.ApprovalClosed)


def reached(e: Evidence) -> list[str]:
    """Stages that an approval was asked for, in their order."""
    asked = {x.stage for _, x in e.of(ev.ApprovalAsked)} | {x.stage for _, x in e.of(ev.ShiftOrdered)}
    return [r.name for r in e.rollout.stages if r.name in asked]


def section(e: Evidence) -> Section:
    blocks: list[Block] = []
    for stage in reached(e):
        blocks += _stage(e, stage)
    return Section("stages", tuple(blocks) or (Para(t("none.stages")),))


def _stage(e: Evidence, stage: str) -> list[Block]:
    plan = next((s for s in e.plan.stages if s.name == stage), None)
    blocks: list[Block] = [
        Heading(t("head.stage", stage=Text(stage, ("plan", e.first)))),
        Facts(_facts(e, stage, plan)),
    ]
    blocks += _approvals(e, stage)
    blocks += _change(e.diffs.get(stage, {}))
    blocks += gates.judged(e, stage)
    blocks += _incidents(e, stage)
    blocks += work.headed("head.steps", work.steps(e, work.of_phases(e, *PER_STAGE, stage=stage)), deep=True)
    return blocks


def _facts(e: Evidence, stage: str, plan: Stage | None) -> tuple[tuple[str, Inline], ...]:
    rows: list[tuple[str, Inline]] = []
    if plan:
        rows.append(("fact.planned", _planned(e, plan)))
    ordered = [(seq, x) for seq, x in e.at_stage(ev.ShiftOrdered, stage)]
    for seq, done in e.at_stage(ev.ShiftDone, stage):
        hosts = Items(tuple(Text(h, (seq,)) for h in done.hosts))
        facts: dict[str, Inline] = {"at": Moment(done.at, (seq,)), "hosts": hosts, "took": Span(done.duration, (seq,))}
        rows.append(("fact.shifted", t("shifted", "", **facts)))
    rows += [("fact.result", result(e, stage))]
    ended = passed(e, stage)
    if ended:
        seq, end = ended
        rows.append(("fact.baked", Span(end.baked, (seq,))))
        rows.append(("fact.share", share(end.share, seq, ordered[-1] if ordered else None)))
    return tuple(rows)


def _planned(e: Evidence, plan: Stage) -> Inline:
    listed = Items(tuple(gate(e, c) for c in plan.gates)) if plan.gates else t("none.gates")
    return t("planned", traffic=traffic(plan), bake=Span(plan.bake, PLAN), gates=listed)


def share(value: float | None, seq: int, ordered: tuple[int, ev.ShiftOrdered] | None) -> Inline:
    """What the canary got, beside what was ordered."""
    if value is None:
        return t("unmeasured")
    measured = Quantity(value, "percent", (seq,))
    if ordered is None or not ordered[1].weight:
        return measured
    return t("share.of", share=measured, weight=Quantity(ordered[1].weight, "percent", (ordered[0],), trim=True))


def passed(e: Evidence, stage: str) -> tuple[int, ev.StagePassed | ev.StageForced] | None:
    kinds = (ev.StagePassed, ev.StageForced)
    found = [(seq, x) for seq, x in e.rows if isinstance(x, kinds) and x.stage == stage]
    return found[-1] if found else None


def result(e: Evidence, stage: str) -> Inline:
    ended = passed(e, stage)
    back = [x for _, x in e.of(ev.RollbackOrdered) if x.stage == stage]
    if back and not ended:
        return t("result.rolled_back", "bad")
    if isinstance(ended, tuple) and isinstance(ended[1], ev.StageForced):
        return t("result.forced", "warn")
    if ended:
        return t("result.passed", "good")
    return t("result.open", "warn")


def _approvals(e: Evidence, stage: str) -> list[Block]:
    found: dict[int, dict[type, tuple[int, ev.ApprovalAsked | ev.StageApproved | ev.ApprovalClosed]]] = {}
    for seq, x in e.rows:
        if isinstance(x, ASKING) and x.stage == stage:
            found.setdefault(x.attempt, {})[type(x)] = (seq, x)
    rows = tuple(_approval(attempt, by_kind) for attempt, by_kind in sorted(found.items()))
    head = ("col.attempt", "col.asked", "col.state", "col.by", "col.at")
    return [Heading(t("head.approvals"), True), Table(head, rows)] if rows else []


def _approval(
    attempt: int, found: Mapping[type, tuple[int, ev.ApprovalAsked | ev.StageApproved | ev.ApprovalClosed]]
) -> tuple[Inline, ...]:
    state: Inline = t("approval.open", "warn")
    by: Inline = NONE
    at: Inline = NONE
    asked: Inline = NONE
    first = 0
    for seq, x in found.values():
        first = first or seq
        if isinstance(x, ev.ApprovalAsked):
            asked = Moment(x.at, (seq,))
        elif isinstance(x, ev.StageApproved):
            by, at = Items(tuple(Who(u, (seq,)) for u in x.approvers)), Moment(x.at, (seq,))
            state = t("approval.approved", "good")
        else:
            by, at = (Who(x.by, (seq,)) if x.by else NONE), Moment(x.at, (seq,))
            state = t(f"approval.{x.how}", "bad" if x.how == "vetoed" else "warn")
    return (Quantity(attempt, "count", (first,)), asked, state, by, at)


def _change(hosts: Mapping[str, str]) -> list[Block]:
    """The nginx change; hosts with the same one share it."""
    same: dict[str, list[str]] = {}
    for host, diff in hosts.items():
        if diff.strip():
            same.setdefault(diff, []).append(host)
    blocks: list[Block] = [Heading(t("head.change"), True)] if same else []
    for diff, names in same.items():
        listed = Items(tuple(Text(n, ("plan",)) for n in names))
        blocks += [Para(t("change.on", hosts=listed), "note"), Code(diff, ("files",), "diff")]
    return blocks


def _incidents(e: Evidence, stage: str) -> list[Block]:
    """What was out of the ordinary: holds, forces, retries, a share astray, no sight, failed shifts, drift, pauses."""
    rows = tuple((Moment(x.at, (seq,)), said) for seq, x in within(e, stage) if (said := incident(seq, x)) is not None)
    return [Heading(t("head.incidents"), True), Table(("col.at", "col.what"), rows)] if rows else []


def within(e: Evidence, stage: str) -> Rows:
    """Events that name the stage, and those without one that fell into it."""
    found, current = [], ""
    for seq, x in e.rows:
        current = getattr(x, "stage", "") or current
        if current == stage:
            found.append((seq, x))
    return found


def incident(seq: int, x: ev.Event) -> Inline | None:
    one = (seq,)
    match x:
        case ev.StageHeld() if x.hold is not Hold.PREPARATION_FAILED:
            detail = Text(x.detail, one, error=True) if x.detail else t("none.detail")
            return t("incident.held", "warn", why=t(f"hold.{x.hold}"), detail=detail)
        case ev.StageForced():
            return t("incident.forced", "warn", by=Who(x.by, one), reason=reason(x.reason, seq))
        case ev.BakeRestarted():
            return t("incident.restarted", by=Who(x.by, one))
        case ev.ShiftFailed():
            hosts = Items(tuple(t("pair", name=Text(h, one), value=Text(why, one, error=True)) for h, why in x.failed))
            return t("incident.shift_failed", "bad", hosts=hosts)
        case ev.SightLost():
            return t("incident.blind", "warn", since=Moment(x.since, one), error=Text(x.error, one, error=True))
        case ev.ShareAstray():
            got = Quantity(x.share, "percent", one)
            return t("incident.astray", "warn", share=got, target=Quantity(x.target, "percent", one, trim=True))
        case ev.DriftFound():
            return t("incident.drift", "warn", hosts=Items(tuple(Text(d.host, one) for d in x.drift)))
        case ev.RolloutPaused():
            return t("incident.paused", "warn", by=Who(x.by, one), reason=reason(x.reason, seq))
        case ev.RolloutResumed():
            return t("incident.resumed", by=Who(x.by, one))
        case ev.PlanChanged():
            old, new = Text(x.before, one, code=True), Text(x.after, one, code=True)
            return t("incident.plan", "warn", old=old, new=new)
    return None


def summary(e: Evidence) -> Section:
    """One line a stage."""
    head = ("col.stage", "col.result", "col.approved", "col.shifted", "col.baked", "col.share", "col.gates.passed")
    rows = tuple(_line(e, s.name) for s in e.rollout.stages)
    return Section("results", (Table(head, rows),))


def _line(e: Evidence, stage: str) -> tuple[Inline, ...]:
    approved = list(e.at_stage(ev.StageApproved, stage))
    shifted = list(e.at_stage(ev.ShiftDone, stage))
    ended = passed(e, stage)
    ordered = list(e.at_stage(ev.ShiftOrdered, stage))
    by = Items(tuple(Who(u, (approved[-1][0],)) for u in approved[-1][1].approvers)) if approved else NONE
    at: Inline = Moment(shifted[-1][1].at, (shifted[-1][0],)) if shifted else NONE
    what = result(e, stage) if stage in reached(e) else t("result.never", "warn")
    if ended is None:
        return (Text(stage, (e.first, "plan")), what, by, at, NONE, NONE, NONE)
    seq, end = ended
    got = share(end.share, seq, ordered[-1] if ordered else None)
    counted = gates.passed(end.gates, seq)
    return (Text(stage, (e.first, "plan")), what, by, at, Span(end.baked, (seq,)), got, counted)
