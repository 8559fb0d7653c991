"""What was rolled out, why, by whom, how, and how it ended. Pure."""

from __future__ import annotations

from bot.release.report.evidence import Evidence, titled
from bot.release.report.model import (
    NONE,
    PLAN,
    Block,
    Facts,
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
from bot.rollout import events as ev
from bot.rollout.model import Status
from bot.rollout.plan import Condition, Stage


def title(e: Evidence) -> Inline:
    name = Text(e.plan.title or e.plan.service, PLAN)
    return t("title", service=name, old=_old(e), new=_new(e))


def outcome(e: Evidence) -> Inline:
    """One sentence."""
    facts: dict[str, Inline] = {"new": _new(e), "old": _old(e), "stage": Text(e.rollout.stage, (e.first, "plan"))}
    ended = _ended(e)
    if ended:
        facts |= {"at": Moment(ended[1].at, (ended[0],)), "took": _lasted(e, *ended)}
    match e.rollout.status:
        case Status.COMPLETED:
            passed = [seq for seq, _ in e.of(ev.StagePassed)]
            forced = [seq for seq, _ in e.of(ev.StageForced)]
            counts: dict[str, Inline] = {"n": Quantity(len(passed), "count", tuple(passed), "count")}
            counts["all"] = Quantity(len(e.started.stages), "count", (e.first,), "length")
            if forced:
                counts["forced"] = Quantity(len(forced), "count", tuple(forced), "count")
            return t("outcome.completed.forced" if forced else "outcome.completed", "good", **facts, **counts)
        case Status.ROLLED_BACK:
            return t("outcome.rolled_back", "bad", **facts, cause=cause(e))
        case Status.CANCELLED:
            return t("outcome.cancelled", "warn", **facts)
    return t("outcome.running", "warn", **facts, status=t(f"status.{e.rollout.status}"))


def cause(e: Evidence) -> Inline:
    """Why it was rolled back: a trigger, the plan's own policy, or a person."""
    found = e.last(ev.RollbackOrdered)
    if found is None:
        return NONE
    seq, order = found
    if order.trigger:
        trip = order.trigger
        condition = next((c for c in e.plan.triggers if c.text == trip.text), None)
        said = gate(e, condition) if condition else Text(trip.text, (seq,))
        return t("cause.trigger", trigger=said, value=_tripped(e, seq, trip.value, condition))
    if order.by == "policy":
        blind = order.reason == "blind"
        return t("cause.policy", reason=t("cause.blind") if blind else Text(order.reason, (seq,), error=True))
    return t("cause.person", by=Who(order.by, (seq,)), reason=reason(order.reason, seq))


def _tripped(e: Evidence, seq: int, value: float | None, condition: Condition | None) -> Quantity:
    unit = e.plan.metric(condition.metric).unit if condition else "ratio"
    return Quantity(value, unit, (seq,), against=condition.threshold if condition else None)


def reason(text: str, seq: int) -> Inline:
    return Text(text, (seq,)) if text.strip() else t("none.reason")


def section(e: Evidence) -> Section:
    blocks: list[Block] = [Para(outcome(e), "lead"), Facts(tuple(_facts(e))), _stages(e)]
    if e.plan.runbook.irreversible:
        blocks.insert(1, Para(t("irreversible", what=Text(e.plan.runbook.irreversible, PLAN)), "warning"))
    return Section("overview", tuple(blocks))


def _facts(e: Evidence) -> list[tuple[str, Inline]]:
    s, first = e.started, (e.first,)
    ended = _ended(e)
    finished: Inline = Moment(ended[1].at, (ended[0],)) if ended else t("still")
    return [
        ("fact.service", t("fact.named", title=Text(e.plan.title, PLAN), name=Text(e.plan.service, PLAN))),
        ("fact.versions", t("versions", old=_old(e), new=_new(e))),
        ("fact.rollout", Text(s.rollout, first)),
        ("fact.reason", reason(s.reason, e.first)),
        ("fact.initiator", Who(s.initiator, first)),
        ("fact.started", Moment(s.at, first)),
        ("fact.finished", finished),
        ("fact.lasted", _lasted(e, *ended) if ended else t("still")),
        ("fact.strategy", _strategy(e)),
        ("fact.hosts", Items(tuple(Text(h, first) for h in s.hosts))),
        ("fact.pools", t("pools", stable=_backends(s.stable, e), canary=_backends(s.canary, e))),
        ("fact.watch", Span(e.plan.watch, PLAN)),
        ("fact.plan", t("plan.hash", hash=Text(s.plan_hash, first, code=True))),
    ]


def _backends(pool: tuple[str, ...], e: Evidence) -> Inline:
    return Items(tuple(Text(b, (e.first,)) for b in pool))


def _strategy(e: Evidence) -> Inline:
    by = Items(tuple(Text(k, PLAN, code=True) for k in e.plan.traffic.sticky_by))
    return t(f"strategy.{e.plan.traffic.strategy}", by=by)


def _stages(e: Evidence) -> Table:
    head = ("col.stage", "col.traffic", "col.bake", "col.gates", "col.approval")
    return Table(head, tuple(_stage(e, s) for s in e.plan.stages))


def _stage(e: Evidence, s: Stage) -> tuple[Inline, ...]:
    gates = Items(tuple(gate(e, c) for c in s.gates)) if s.gates else t("none.gates")
    quorum = Quantity(s.approval.quorum, "count", PLAN)
    roles = Items(tuple(Text(r, PLAN) for r in s.approval.roles))
    return (Text(s.name, PLAN), traffic(s), Span(s.bake, PLAN), gates, t("quorum", n=quorum, roles=roles))


def traffic(s: Stage) -> Inline:
    if s.audience and not s.weight:
        return t("traffic.internal")
    return t("traffic.weight", weight=Quantity(s.weight, "percent", PLAN, trim=True))


def gate(e: Evidence, c: Condition) -> Inline:
    unit = e.plan.metric(c.metric).unit
    return t("gate", metric=titled(e.plan, c.metric), must=Quantity(c.threshold, unit, PLAN, op=c.op, trim=True))


def _old(e: Evidence) -> Text:
    return Text(e.started.stable_version, (e.first,))


def _new(e: Evidence) -> Text:
    return Text(e.started.version, (e.first,))


def _ended(e: Evidence) -> tuple[int, ev.RolledBack | ev.RolloutCancelled | ev.RolloutCompleted] | None:
    """What ended it last: a completed one may have been taken back."""
    ends = (ev.RolledBack, ev.RolloutCancelled, ev.RolloutCompleted)
    found = [(seq, x) for seq, x in e.rows if isinstance(x, ends)]
    return found[-1] if found and not e.rollout.active else None


def _lasted(e: Evidence, seq: int, end: ev.RolledBack | ev.RolloutCancelled | ev.RolloutCompleted) -> Span:
    return Span(end.at - e.started.at, (e.first, seq), "difference")
