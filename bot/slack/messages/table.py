"""The gate table, narrow enough for a phone, and what each row that did not pass lacks. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.rollout.deciding.work import STEP_GATE
from bot.rollout.model import GateResult, Verdict
from bot.rollout.plan import Condition, Metric, Plan, Stage
from bot.rollout.runbook import Phase, Step
from bot.slack.messages.blocks import Block, section
from bot.slack.messages.limits import SECTION
from bot.slack.messages.markup import Mrkdwn, clean, fence, outside, pad, width, wrap
from bot.slack.messages.numbers import number, samples
from bot.slack.messages.saying import told
from bot.slack.messages.words import Words

COLUMNS = 46
GLYPH = {Verdict.PASS: "✅", Verdict.FAIL: "❌", Verdict.NOT_ENOUGH_DATA: "⏳", Verdict.BLIND: "🙈"}
MOST_ROWS = 40  # more would not fit the message; what is left out is said

Row = tuple[str, list[str], str]  # label, values, glyph


def metric_of(plan: Plan, name: str) -> Metric | None:
    return next((m for m in plan.metrics if m.name == name), None)


def condition_of(conditions: Sequence[Condition], text: str) -> Condition | None:
    return next((c for c in conditions if c.text == text), None)


def label(plan: Plan, metric_name: str, condition: Condition | None, text: str) -> str:
    """Plain text: `错误率 < 3 %`; the plan's own words where the plan in force no longer has the condition."""
    metric = metric_of(plan, metric_name)
    if metric is None or condition is None:
        return clean(text, 80)
    title = clean(metric.title or metric.name, 60)
    return f"{title} {condition.op} {number(condition.threshold, metric.unit, trim=True)}"


def step_of(plan: Plan, gate: GateResult) -> Step | None:
    """The step of the bake that this row is of; None = a metric's, or a step that the plan no longer has."""
    return plan.runbook.step(Phase.DURING_STAGE, gate.metric.removeprefix(STEP_GATE)) if _is_step(gate) else None


def _is_step(gate: GateResult) -> bool:
    return gate.metric.startswith(STEP_GATE)


def _step_label(plan: Plan, gate: GateResult) -> str:
    step = step_of(plan, gate)
    if step is None:
        return clean(gate.text, 80)
    title = clean(step.title or step.name, 60)
    return f"{title} {clean(step.must.text, 30)}" if step.must else title


def _threshold(plan: Plan, stage: Stage | None, gate: GateResult) -> float | None:
    step, condition = step_of(plan, gate), condition_of(stage.gates, gate.text) if stage else None
    must = step.must if step else None
    return condition.threshold if condition else must.threshold if must else None


def gate_value(w: Words, plan: Plan, stage: Stage | None, gate: GateResult) -> str:
    """The canary's value in its unit; a step that failed without one says why."""
    if _is_step(gate) and gate.canary is None and gate.error:
        return told(w, gate.said, clean(gate.error, 80))
    return value_of(plan, gate.metric, gate.canary, _threshold(plan, stage, gate))


def gate_label(plan: Plan, stage: Stage | None, gate: GateResult) -> str:
    if _is_step(gate):
        return _step_label(plan, gate)
    return label(plan, gate.metric, condition_of(stage.gates, gate.text) if stage else None, gate.text)


def trigger_label(plan: Plan, text: str, metric: str) -> str:
    return label(plan, metric, condition_of(plan.triggers, text), text)


def value_of(plan: Plan, metric_name: str, value: float | None, against: float | None = None) -> str:
    metric = metric_of(plan, metric_name)
    return number(value, metric.unit if metric else "ratio", against)


def gate_table(w: Words, plan: Plan, stage: Stage | None, gates: Sequence[GateResult]) -> list[Block]:
    """A code block of at most 46 columns (sections of it, if long), then a line for each row that did not pass."""
    if not gates:
        return []
    shown = gates[:MOST_ROWS]
    rows = [_row(plan, stage, g) for g in shown]
    head = [w.say("table.canary"), w.say("table.stable"), w.say("table.samples")]
    blocks = [section(fence(part)) for part in parts(render(w.say("table.gate"), head, rows))]
    if len(gates) > len(shown):
        blocks.append(section(w.say("cut.gates", n=len(gates) - len(shown))))
    reasons = [_reason(w, plan, stage, g) for g in shown]
    told = [r for r in reasons if r]
    return [*blocks, *([section(Mrkdwn("\n".join(told)))] if told else [])]


def _row(plan: Plan, stage: Stage | None, gate: GateResult) -> Row:
    against = _threshold(plan, stage, gate)
    if _is_step(gate):
        return gate_label(plan, stage, gate), [value_of(plan, gate.metric, gate.canary, against), "", ""], _glyph(gate)
    metric = metric_of(plan, gate.metric)
    stable = value_of(plan, gate.metric, gate.stable, against) if metric is None or metric.per_pool else ""
    count = samples(gate.samples) if metric is None or metric.samples else ""
    values = [value_of(plan, gate.metric, gate.canary, against), stable, count]
    return gate_label(plan, stage, gate), values, _glyph(gate)


def _glyph(gate: GateResult) -> str:
    unsure = _is_step(gate) and gate.verdict is Verdict.BLIND  # nobody knows how it ended; nothing was unreadable
    return "❔" if unsure else GLYPH[gate.verdict]


def render(title: str, head: Sequence[str], rows: Sequence[Row]) -> list[list[str]]:
    """One entry a row, of one or more lines: a label too long for its column stands above its values."""
    kept = [i for i in range(len(head)) if any(values[i] not in ("", "–") for _, values, _ in rows)] or [0]
    wide = [max(width(head[i]), *(width(values[i]) for _, values, _ in rows)) for i in kept]
    room = max(8, COLUMNS - sum(wide) - len(wide) - 3)  # a space before each value, a space and two for the glyph
    first = min(room, max(width(title), *(width(name) for name, _, _ in rows)))

    def line(name: str, values: Sequence[str], glyph: str) -> str:
        cells = [pad(values[i], c, right=True) for i, c in zip(kept, wide, strict=True)]
        return " ".join([pad(name, first), *cells, glyph]).rstrip()

    rendered = [[line(title, head, "")]]
    for name, values, glyph in rows:
        if width(name) <= first:
            rendered.append([line(name, values, glyph)])
        else:
            rendered.append([*wrap(name, COLUMNS), line("", values, glyph)])
    return rendered


def parts(rows: list[list[str]]) -> list[list[str]]:
    """The lines, in portions that fit a section also when every character has to be escaped."""
    found: list[list[str]] = [[]]
    size = 0
    for row in rows:
        more = sum(len(line) + 1 + 4 * sum(line.count(c) for c in "<>&") for line in row)
        if size + more > SECTION - 100 and found[-1]:
            found.append([])
            size = 0
        found[-1] += row
        size += more
    return found


def _reason(w: Words, plan: Plan, stage: Stage | None, gate: GateResult) -> str:
    """Why a row is no pass, where the table does not show it."""
    name = outside(gate_label(plan, stage, gate))
    if _is_step(gate):
        return _reason_of_step(w, name, gate)
    if gate.verdict is Verdict.BLIND:
        return w.say("gate.blind", gate=name, error=w.translated(gate.error, 160) or w.say("error.unknown"))
    if gate.verdict is not Verdict.NOT_ENOUGH_DATA:
        return ""
    metric = metric_of(plan, gate.metric)
    if gate.canary is None:
        return w.say("gate.no_value", gate=name)
    least = (
        (stage.min_samples if stage else None) if metric is None or metric.min_samples is None else metric.min_samples
    )
    if metric and metric.samples and least is not None and (gate.samples is None or gate.samples < least):
        return w.say("gate.few_samples", gate=name, have=samples(gate.samples or 0), want=samples(least))
    if stage and gate.readings < stage.min_readings:
        return w.say("gate.few_readings", gate=name, have=gate.readings, want=stage.min_readings)
    return w.say("gate.not_enough", gate=name)


def _reason_of_step(w: Words, name: Mrkdwn, gate: GateResult) -> str:
    if gate.verdict is Verdict.NOT_ENOUGH_DATA:
        return w.say("gate.step.waiting", gate=name)
    error = told(w, gate.said, gate.error) or w.say("error.unknown")
    return "" if gate.verdict is Verdict.PASS else w.say("gate.step.failed", gate=name, error=error)


def table_text(w: Words, plan: Plan, stage: Stage | None, gates: Sequence[GateResult]) -> Mrkdwn:
    """One line for a notification: `3 of 4 gates pass; ❌ 错误率 < 3 % (4.20 %)`."""
    passed = sum(g.verdict is Verdict.PASS for g in gates)
    failed = [g for g in gates if g.verdict is not Verdict.PASS]
    said = [w.say("gates.passing", n=passed, total=len(gates))] if gates else []
    for gate in failed[:4]:
        value = gate_value(w, plan, stage, gate)
        said.append(Mrkdwn(f"{_glyph(gate)} {outside(gate_label(plan, stage, gate))} ({outside(value)})"))
    return w.join(said)
