"""Checks, backups, steps and the checklist, as tables. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.release.report.evidence import Done, Evidence, took
from bot.release.report.model import (
    NONE,
    PLAN,
    Block,
    Code,
    Heading,
    Inline,
    Items,
    Moment,
    Para,
    Quantity,
    Span,
    Table,
    Text,
    Who,
)
from bot.release.report.model import term as t
from bot.release.report.overview import reason
from bot.release.report.saying import told
from bot.rollout import events as ev
from bot.rollout.plan import Unit
from bot.rollout.runbook import Check, Must, Phase
from bot.rollout.work import Outcome, WorkRef

IN_WORDS = ("size", "plain_size", "taken_at", "proof")  # of a backup's facts: its summary says them
LINES = 12  # of a failed piece's output; the end says most


def outcome(done: Done) -> Inline:
    good = done.result.outcome is Outcome.PASSED
    return t(f"work.{done.result.outcome}", "good" if good else "bad")


def finding(done: Done) -> Inline:
    return told(done.result.said, done.result.summary, (done.seq,))


def checks(e: Evidence, found: Sequence[Done]) -> list[Block]:
    """One row a check; the output of one that failed below."""
    head = ("col.check", "col.kind", "col.outcome", "col.value", "col.found", "col.tries", "col.took")
    return _table(e, found, head, lambda d: _check(e, d))


def _check(e: Evidence, d: Done) -> tuple[Inline, ...]:
    rule = e.plan.runbook.check(d.result.ref.name)
    name = Text((rule.title if rule else "") or d.result.ref.name, ("plan", d.seq))
    kind = t(f"kind.{rule.kind}") if rule else NONE
    return (name, kind, outcome(d), _checked(rule, d), finding(d), tries(d), took(d))


def _checked(rule: Check | None, d: Done) -> Inline:
    """What a check came to: percent free, an age, a number. An HTTP status is in its own words."""
    value = d.result.value
    if rule is None or value is None or rule.kind in ("http", "command"):
        return NONE
    if rule.kind in ("file_age", "backup"):
        return t("value.must", value=Span(value, (d.seq,)), must=t("at_most", most=Span(rule.max_age, PLAN)))
    if rule.kind in ("disk", "memory"):
        return _value(d, "percent", Must(">=", rule.free, ""))
    return _value(d, "count", rule.must)


def verification(e: Evidence, found: Sequence[Done]) -> list[Block]:
    head = ("col.aspect", "col.check", "col.outcome", "col.found", "col.took")
    return _table(e, found, head, lambda d: _verified(e, d))


def _verified(e: Evidence, d: Done) -> tuple[Inline, ...]:
    rule = next((c for c in e.plan.runbook.verification if c.name == d.result.ref.name), None)
    aspect = (rule.aspect if rule else "traffic") or "other"
    name: Inline = Text((rule.title or rule.name) if rule else d.result.ref.name, ("plan", d.seq))
    if rule is None:
        name = t("verify.traffic")
    return (t(f"aspect.{aspect}"), name, outcome(d), finding(d), took(d))


def steps(e: Evidence, found: Sequence[Done]) -> list[Block]:
    head = ("col.step", "col.machine", "col.outcome", "col.value", "col.found", "col.tries", "col.took", "col.at")
    return _table(e, found, head, lambda d: _step(e, d))


def _step(e: Evidence, d: Done) -> tuple[Inline, ...]:
    ref = d.result.ref
    rule = e.plan.runbook.step(ref.phase, ref.name)
    name = Text((rule.title if rule else "") or ref.name, ("plan", d.seq))
    value = _value(d, "count", rule.must if rule else None)
    at = Moment(d.result.finished_at, (d.seq,))
    return (name, Text(ref.machine, (d.seq,)), outcome(d), value, finding(d), tries(d), took(d), at)


def _value(d: Done, unit: Unit, must: Must | None) -> Inline:
    if d.result.value is None:
        return NONE
    against = must.threshold if must else None
    value = Quantity(d.result.value, unit, (d.seq,), against=against)
    if must is None:
        return value
    limit = Quantity(must.threshold, unit, PLAN, op=must.op, trim=True)
    return t("value.must", value=value, must=limit)


def tries(d: Done) -> Quantity:
    return Quantity(len(d.tries), "count", d.tries, "count")


def backups(e: Evidence, found: Sequence[Done]) -> list[Block]:
    head = ("col.backup", "col.outcome", "col.found", "col.facts", "col.took", "col.at")
    return _table(e, found, head, lambda d: _backup(e, d))


def _backup(e: Evidence, d: Done) -> tuple[Inline, ...]:
    shown = [(k, Text(v, (d.seq,), code=True)) for k, v in d.result.facts if k not in IN_WORDS]
    facts = tuple(t("pair", name=t("fact.file") if k == "file" else Text(k, (d.seq,)), value=v) for k, v in shown)
    at = Moment(d.result.finished_at, (d.seq,))
    return (Text(d.result.ref.name, (d.seq,)), outcome(d), finding(d), Items(facts), took(d), at)


def _table(
    e: Evidence, found: Sequence[Done], head: tuple[str, ...], row: Callable[[Done], tuple[Inline, ...]]
) -> list[Block]:
    if not found:
        return []
    rows, kept = [row(d) for d in found], list(range(len(head)))
    kept = [i for i in kept if any(r[i] != NONE for r in rows)]  # a column that nobody has anything for says nothing
    if "col.tries" in head and all(len(d.tries) == 1 for d in found):
        kept.remove(head.index("col.tries"))
    table = Table(tuple(head[i] for i in kept), tuple(tuple(r[i] for i in kept) for r in rows))
    return [table, *(block for d in found for block in failure(d)), *overrides(e, {d.result.ref for d in found})]


def failure(d: Done) -> list[Block]:
    """The end of what a failed piece printed."""
    lines = d.result.output.strip("\n").splitlines()
    if d.result.passed or not any(line.strip() for line in lines):
        return []
    text = "\n".join(lines[-LINES:])
    return [Para(t("output.of", name=Text(d.result.ref.name, (d.seq,))), "note"), Code(text, (d.seq,))]


def overrides(e: Evidence, refs: set[WorkRef]) -> list[Block]:
    """Loud: who passed over what, and why."""
    found: list[Block] = []
    for seq, over in e.of(ev.WorkOverridden):
        mine = tuple(Text(_place(r), (seq,)) for r in over.refs if r in refs)
        if mine:
            facts: dict[str, Inline] = {"what": Items(mine), "by": Who(over.by, (seq,)), "at": Moment(over.at, (seq,))}
            found.append(Para(t("overridden", "warn", **facts, reason=reason(over.reason, seq)), "warning"))
    return found


def _place(ref: WorkRef) -> str:
    return f"{ref.name} @ {ref.machine}" if ref.machine else ref.name


def checklist(e: Evidence) -> list[Block]:
    """An item as it stands now: who ticked it, when."""
    rows = []
    for item in e.plan.runbook.checklist:
        newest = [(seq, x) for seq, x in e.of(ev.ItemTicked) if x.item == item.name]
        seq, tick = newest[-1] if newest else (0, None)
        done: tuple[Inline, ...] = (t("unticked", "warn"), NONE, NONE)
        if tick is not None and tick.ticked:
            done = (t("ticked", "good"), Who(tick.by, (seq,)), Moment(tick.at, (seq,)))
        rows.append((Text(item.title, PLAN), owner_of(item.owner), *done))
    head = ("col.item", "col.owner", "col.state", "col.by", "col.at")
    return [Heading(t("head.checklist")), Table(head, tuple(rows))] if rows else []


def owner_of(owner: str) -> Inline:
    """A user id by its name, or a role."""
    return Who(owner, PLAN) if owner.isupper() and owner[:1] in "UW" else Text(owner, PLAN)


def headed(key: str, blocks: list[Block], deep: bool = False) -> list[Block]:
    return [Heading(t(key), deep), *blocks] if blocks else []


def of_phases(e: Evidence, *phases: Phase, stage: str | None = None) -> tuple[Done, ...]:
    return e.done(*phases, stage=stage, kind="step")
