"""The gate table of a stage: as it passed, or as it was last known. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.release.report.evidence import Evidence, threshold, titled, valued
from bot.release.report.model import NONE, PLAN, Block, Heading, Inline, Quantity, Sources, Table, Text, Tone
from bot.release.report.model import term as t
from bot.release.report.saying import told
from bot.rollout import events as ev
from bot.rollout.deciding.work import STEP_GATE
from bot.rollout.model import GateResult, Verdict
from bot.rollout.plan import Condition
from bot.rollout.runbook import Phase

TONES: dict[Verdict, Tone] = {
    Verdict.PASS: "good",
    Verdict.FAIL: "bad",
    Verdict.NOT_ENOUGH_DATA: "warn",
    Verdict.BLIND: "warn",
}
HEAD = ("col.gate", "col.threshold", "col.canary", "col.stable", "col.samples", "col.verdict")


def judged(e: Evidence, stage: str) -> list[Block]:
    """The table that the stage was passed, forced or held on; else what was measured last."""
    seq, gates = _latest(e, stage)
    if gates:
        return [Heading(t("head.gates"), True), table(e, stage, seq, gates)]
    rows = tuple(_measured(e, stage, c) for c in _conditions(e, stage))
    if not any(row[2] != NONE for row in rows):
        return []
    return [Heading(t("head.gates.last"), True), Table(HEAD, rows)]


def _latest(e: Evidence, stage: str) -> tuple[int, tuple[GateResult, ...]]:
    kinds = (ev.StagePassed, ev.StageForced, ev.StageHeld)
    found = [(seq, x.gates) for seq, x in e.rows if isinstance(x, kinds) and x.stage == stage and x.gates]
    return found[-1] if found else (0, ())


def _conditions(e: Evidence, stage: str) -> tuple[Condition, ...]:
    return next((s.gates for s in e.plan.stages if s.name == stage), ())


def table(e: Evidence, stage: str, seq: int, gates: Sequence[GateResult]) -> Table:
    """The last stage's gates are also the watch's."""
    known = _conditions(e, stage)
    return Table(HEAD, tuple(_row(e, next((c for c in known if c.text == g.text), None), seq, g) for g in gates))


def _row(e: Evidence, condition: Condition | None, seq: int, g: GateResult) -> tuple[Inline, ...]:
    if g.metric.startswith(STEP_GATE):
        return _step(e, seq, g)
    against = condition.threshold if condition else None
    canary = valued(e.plan, g.metric, g.canary, seq, against=against)
    stable = valued(e.plan, g.metric, g.stable, seq, against=against)
    samples = Quantity(g.samples, "count", (seq,)) if g.samples is not None else NONE
    must = threshold(e.plan, condition, g.text, seq)
    return (titled(e.plan, g.metric), must, canary, stable, samples, _verdict(seq, g))


def _step(e: Evidence, seq: int, g: GateResult) -> tuple[Inline, ...]:
    """A step of the bake (a load test) is a gate too: what it came to, if to a number."""
    step = e.plan.runbook.step(Phase.DURING_STAGE, g.metric.removeprefix(STEP_GATE))
    must = step.must if step else None
    name = Text((step.title or step.name) if step else g.text, ("plan", seq))
    limit: Inline = Quantity(must.threshold, "count", PLAN, op=must.op, trim=True) if must else NONE
    value: Inline = NONE
    if g.canary is not None:
        value = Quantity(g.canary, "count", (seq,), against=must.threshold if must else None)
    return (name, limit, value, NONE, NONE, _verdict(seq, g))


def _verdict(seq: int, g: GateResult) -> Inline:
    said = t(f"verdict.{g.verdict}", TONES[g.verdict])
    if not g.error:
        return said
    return t("verdict.why", TONES[g.verdict], verdict=t(f"verdict.{g.verdict}"), why=told(g.said, g.error, (seq,)))


def _measured(e: Evidence, stage: str, c: Condition) -> tuple[Inline, ...]:
    """Of a stage that is under way or was cut short: the last reading of each pool, the last verdict that was said."""
    turned = [(seq, x.gate) for seq, x in e.at_stage(ev.VerdictChanged, stage) if x.gate.text == c.text]
    verdict: Inline = t("verdict.none", "warn")
    if turned:
        verdict = t(f"verdict.{turned[-1][1].verdict}", TONES[turned[-1][1].verdict])
    pools = (_last(e, stage, c, "canary"), _last(e, stage, c, "stable"))
    must = threshold(e.plan, c, c.text, "plan")
    metric = next((m for m in e.plan.metrics if m.name == c.metric), None)
    counted = _last(e, stage, c, "canary", metric.samples) if metric and metric.samples else NONE
    return (titled(e.plan, c.metric), must, *pools, counted, verdict)


def _last(e: Evidence, stage: str, c: Condition, pool: str, metric: str = "") -> Inline:
    wanted = (stage, metric or c.metric, pool)
    found = [m for m in e.measurements if (m.stage, m.metric, m.pool) == wanted and m.value is not None]
    if not found:
        return NONE
    of: Sources = ("measurements",)
    newest = max(found, key=lambda m: m.at)
    if metric:
        return Quantity(newest.value, "count", of)
    return valued(e.plan, c.metric, newest.value, *of, against=c.threshold)


def passed(found: Sequence[GateResult], seq: int) -> Inline:
    """How many of the gates that an event holds are a pass."""
    if not found:
        return t("none.gates")
    good = Quantity(sum(g.verdict is Verdict.PASS for g in found), "count", (seq,), "passed")
    return t("of", n=good, all=Quantity(len(found), "count", (seq,), "length"))
