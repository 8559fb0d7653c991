"""What a report is made of: one rollout's part of the log, folded, beside what was measured. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bot.alerts.model import Alert
from bot.engine.ports.records import Measurement
from bot.release.report.model import Inline, Quantity, Span, Text
from bot.rollout import events as ev
from bot.rollout.evolve import evolve
from bot.rollout.model import Rollout, ServiceState
from bot.rollout.plan import Condition, Metric, Plan
from bot.rollout.runbook import Phase
from bot.rollout.work import WorkRef, WorkResult

E = TypeVar("E")
Rows = Sequence[tuple[int, ev.Event]]
Diffs = Mapping[str, Mapping[str, str]]  # stage -> host -> unified diff of the nginx file


class NotStarted(ValueError):
    """There is no such rollout in these events."""


@dataclass(frozen=True, slots=True)
class Done:
    """A piece of work that reported: the newest result, in which event, and how often it was tried."""

    seq: int
    result: WorkResult
    tries: tuple[int, ...]  # seqs of all its results


@dataclass(frozen=True, slots=True)
class Evidence:
    """rows: (seq, event), of this rollout alone."""

    rows: Rows
    rollout: Rollout
    started: ev.RolloutStarted
    first: int  # seq of `started`
    plan: Plan
    measurements: Sequence[Measurement]
    diffs: Diffs
    alerts: Sequence[Alert]
    now: float

    def of(self, kind: type[E]) -> Iterator[tuple[int, E]]:
        """(seq, event) of a kind, oldest first."""
        return ((seq, e) for seq, e in self.rows if isinstance(e, kind))

    def at_stage(self, kind: type[E], stage: str) -> Iterator[tuple[int, E]]:
        return ((seq, e) for seq, e in self.of(kind) if getattr(e, "stage", None) == stage)

    def last(self, kind: type[E]) -> tuple[int, E] | None:
        found = list(self.of(kind))
        return found[-1] if found else None

    def done(self, *phases: Phase, stage: str | None = None, kind: str = "") -> tuple[Done, ...]:
        """Work of these phases in the order in which it was first done."""
        found: dict[WorkRef, Done] = {}
        for seq, e in self.of(ev.WorkDone):
            ref = e.result.ref
            if ref.phase in phases and stage in (None, ref.stage) and kind in ("", ref.kind):
                before = found[ref].tries if ref in found else ()
                found[ref] = Done(seq, e.result, (*before, seq))
        return tuple(found.values())


def gather(
    events: Rows,
    rollout: str,
    measurements: Sequence[Measurement],
    plan: Plan,
    diffs: Diffs,
    alerts: Sequence[Alert],
    now: float,
) -> Evidence:
    """rollout: its id; "" = the last that was started. Raises NotStarted."""
    rows = of_rollout(events, rollout)
    state = ServiceState(plan.service)
    for _, event in rows:
        state = evolve(state, event)
    first, started = rows[0]
    assert isinstance(started, ev.RolloutStarted) and state.rollout is not None
    mine = [m for m in measurements if m.rollout == started.rollout]
    return Evidence(rows, state.rollout, started, first, plan, mine, diffs, alerts, now)


def of_rollout(events: Rows, rollout: str) -> Rows:
    """Its part of a service's stream: from its start to the next one's, and what names it afterwards."""
    starts = [(i, e.rollout) for i, (_, e) in enumerate(events) if isinstance(e, ev.RolloutStarted)]
    wanted = rollout or (starts[-1][1] if starts else "")
    begins = next((i for i, name in starts if name == wanted), None)
    if begins is None:
        raise NotStarted(f"{wanted or 'no rollout'}: not in this log")
    ends = next((i for i, _ in starts if i > begins), len(events))
    within = [(seq, e) for seq, e in events[begins:ends] if getattr(e, "rollout", wanted) == wanted]
    return [*within, *((seq, e) for seq, e in events[ends:] if getattr(e, "rollout", None) == wanted)]


def metric_of(plan: Plan, name: str) -> Metric | None:
    return next((m for m in plan.metrics if m.name == name), None)


def titled(plan: Plan, name: str) -> Text:
    """A metric by its title in the plan."""
    metric = metric_of(plan, name)
    return Text((metric.title or metric.name) if metric else name, ("plan",))


def valued(plan: Plan, name: str, value: float | None, *of: int | str, against: float | None = None) -> Quantity:
    metric = metric_of(plan, name)
    return Quantity(value, metric.unit if metric else "ratio", of, against=against)  # type: ignore[arg-type]


def threshold(plan: Plan, condition: Condition | None, text: str, seq: int | str) -> Inline:
    """`< 3 %`; the event's own words where the plan no longer has the condition."""
    metric = metric_of(plan, condition.metric) if condition else None
    if condition is None or metric is None:
        return Text(text, (seq,))  # type: ignore[arg-type]
    return Quantity(condition.threshold, metric.unit, ("plan",), op=condition.op, trim=True)


def took(done: Done) -> Span:
    return Span(max(0.0, done.result.finished_at - done.result.started_at), (done.seq,), "difference")
