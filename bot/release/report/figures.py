"""The core metrics before and after, and whether what changed is more than noise. Pure."""

from __future__ import annotations

from bot.release.report import noise
from bot.release.report.evidence import Done, Evidence, metric_of, titled, valued
from bot.release.report.model import NONE, Inline, Para, Quantity, Section, Sources, Table, Tone
from bot.release.report.model import term as t
from bot.rollout.plan import Plan, Unit
from bot.rollout.runbook import Phase
from bot.rollout.work import AFTER, BEFORE, Figure

LOWER, HIGHER = ("<", "<="), (">", ">=")


def section(e: Evidence) -> Section:
    before, after = _baseline(e, BEFORE), _baseline(e, AFTER)
    if before is None:
        return Section("figures", (Para(t("none.figures")),))
    later = {f.metric: f for f in after.result.figures} if after else {}
    of: Sources = (before.seq, *((after.seq,) if after else ()))
    rows = tuple(_row(e, f, later.get(f.metric), of) for f in before.result.figures)
    head = ("col.metric", "col.before", "col.after", "col.difference", "col.p", "col.meaning")
    note = t("figures.note", alpha=Quantity(noise.ALPHA, "ratio", ("plan",), "method", trim=True), least=_least())
    missing = () if after else (Para(t("figures.no_after"), "note"),)
    return Section("figures", (Table(head, rows), *missing, Para(note, "note")))


def _least() -> Quantity:
    return Quantity(noise.LEAST, "count", ("plan",), "method")


def _baseline(e: Evidence, name: str) -> Done | None:
    found = [d for d in e.done(*Phase, kind="baseline") if d.result.ref.name == name]
    return found[-1] if found else None


def _row(e: Evidence, before: Figure, after: Figure | None, of: Sources) -> tuple[Inline, ...]:
    after = after or Figure(before.metric, None, None, 0)
    judgement, p = noise.judge(before, after)
    change: Inline = NONE
    if before.mean is not None and after.mean is not None:
        unit = _unit(e.plan, before.metric)
        change = Quantity(after.mean - before.mean, unit, of, "difference", signed=True)
    chance: Inline = Quantity(p, "ratio", of, "welch") if p is not None else NONE
    cells = (_figure(e, before, of[:1]), _figure(e, after, of[1:]), change, chance)
    return (titled(e.plan, before.metric), *cells, _meaning(e.plan, judgement, before, after))


def _figure(e: Evidence, f: Figure, of: Sources) -> Inline:
    if f.mean is None:
        return t("unmeasured")
    mean = valued(e.plan, f.metric, f.mean, *of)
    n = Quantity(f.samples, "count", of)
    if f.spread is None:
        return t("figure.mean", mean=mean, n=n)
    return t("figure", mean=mean, spread=valued(e.plan, f.metric, f.spread, *of), n=n)


def _meaning(plan: Plan, judgement: noise.Judgement, before: Figure, after: Figure) -> Inline:
    if judgement != "real" or before.mean is None or after.mean is None:
        return t(f"noise.{judgement}")
    better = _better(plan, before.metric, after.mean - before.mean)
    tone: Tone = "" if better is None else "good" if better else "bad"
    return t("noise.changed" if better is None else "noise.better" if better else "noise.worse", tone)


def _better(plan: Plan, metric: str, change: float) -> bool | None:
    """By which way the plan's gates and triggers want it; None where they do not say."""
    gates = {c.op for s in plan.stages for c in s.gates if c.metric == metric}
    fears = {c.op for c in plan.triggers if c.metric == metric}
    if gates & set(LOWER) or fears & set(HIGHER):
        return change < 0
    if gates & set(HIGHER) or fears & set(LOWER):
        return change > 0
    return None


def _unit(plan: Plan, metric: str) -> Unit:
    found = metric_of(plan, metric)
    return found.unit if found else "ratio"
