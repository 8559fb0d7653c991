"""Plans of many shapes, all small: what varies is what decides differently."""

from __future__ import annotations

from dataclasses import replace

from bot.rollout.plan import (
    ApprovalRule,
    Condition,
    FleetPlan,
    Host,
    Metric,
    OnVerdict,
    Plan,
    ShareRule,
    Stage,
    StepDownRule,
    Traffic,
)
from tests.simulation.choices import Stream
from tests.simulation.slack import NO, YES

SERVICE = "shop"
INTERVAL = 15.0
METRICS = (
    Metric("error_rate", "percent", "E{$pool}[$window]", samples="requests"),
    Metric("users", "count", "U[$window]", per_pool=False),
    Metric("requests", "count", "R{$pool}[$window]"),
)
ERRORS = Condition("error_rate < 5%", "error_rate", "<", 5.0)
USERS = Condition("users > 1", "users", ">", 1.0)
SHAPES: tuple[tuple[tuple[str, float], ...], ...] = (
    (("10%", 10.0), ("100%", 100.0)),
    (("100%", 100.0),),
    (("internal", 0.0), ("10%", 10.0), ("100%", 100.0)),
    (("1%", 1.0), ("10%", 10.0), ("50%", 50.0), ("100%", 100.0)),
)
WAVE_BAKE = 30.0
VERDICTS = (OnVerdict.HOLD, OnVerdict.HOLD, OnVerdict.ROLLBACK)


def draw(stream: Stream) -> Plan:
    expires = stream.among((4 * 3600.0, 4 * 3600.0, 90.0))
    rule = ApprovalRule(YES, NO, stream.among((1, 2)), ("rm",), expires)
    bake = stream.among((2, 3, 4)) * INTERVAL
    base = Stage(
        "",
        bake=bake,
        max_bake=bake * stream.among((2, 3)) + INTERVAL,
        gates=stream.among(((ERRORS, USERS), (ERRORS,), (USERS,), ())),
        approval=rule,
        min_samples=100,
        min_readings=stream.among((2, 1)),
        on_fail=stream.among(VERDICTS),
        on_not_enough_data=stream.among(VERDICTS),
        on_blind=stream.among(VERDICTS),
    )
    stages = tuple(_stage(base, name, weight) for name, weight in stream.among(SHAPES))
    hold_for = stream.among((0.0, 20.0))
    hosts = tuple(Host(f"lb-{i + 1}") for i in range(stream.among((2, 1, 3))))
    plan = Plan(
        service=SERVICE,
        title="Shop",
        channel="releases",
        traffic=Traffic("sticky", ("10.0.0.1:80",), ("10.0.0.2:80",), "1.0.0"),
        fleet=FleetPlan("local", hosts, host_deadline=20.0, wave_bake=WAVE_BAKE),
        metrics=METRICS,
        stages=stages,
        triggers=(Condition("error_rate > 10%", "error_rate", ">", 10.0, hold_for=hold_for, window=60.0),),
        interval=INTERVAL,
        drift_interval=30.0,
        watch=40.0,
        blind_warning=40.0,
        promote=stream.among(("manual", "auto")),
        source="plan 1",
    )
    return _with_a_strategy(plan, stream)


def _with_a_strategy(plan: Plan, stream: Stream) -> Plan:
    """What a plan may have besides: waves, a share that is waited for, steps on the way back, a pool kept warm."""
    if stream.pick(4) == 3:
        first, *others = plan.fleet.hosts
        plan = replace(plan, fleet=replace(plan.fleet, hosts=(replace(first, wave=1), *others)))
    if stream.pick(4) == 3:
        plan = replace(plan, share=ShareRule("requests", warn_after=30.0))
    if stream.pick(3) == 2:
        plan = replace(plan, step_down=StepDownRule((50.0, 5.0, 1.0), every=20.0))
    if len(plan.stages) == 1 and stream.pick(2):
        plan = replace(plan, traffic=replace(plan.traffic, strategy="blue_green", keep_warm=90.0))
    return plan


def with_absence(plan: Plan, stream: Stream) -> Plan:
    """A shift may go without a host that is away, where there is another."""
    most = 1 if len(plan.fleet.hosts) > 1 and stream.pick(3) == 2 else 0
    return replace(plan, fleet=replace(plan.fleet, max_unavailable=most))


def _stage(base: Stage, name: str, weight: float) -> Stage:
    return replace(base, name=name, weight=weight, audience="internal" if not weight else None)


def change(plan: Plan, stream: Stream, number: int) -> Plan:
    """Another plan of the same service, as an operator might edit it."""
    plan = replace(plan, source=f"plan {number}")
    kind = stream.pick(6)
    first, *others = plan.stages
    if kind == 1:
        first = replace(first, weight=min(100.0, first.weight + 5.0), audience=None)
    elif kind == 2 and others:
        return replace(plan, stages=tuple(others))
    elif kind == 3:
        return replace(plan, stages=(_stage(first, "2%", 2.0), first, *others))
    elif kind == 4:
        swapped = replace(plan.traffic, stable=("10.0.0.3:80",), canary=("10.0.0.4:80",))
        return replace(plan, traffic=swapped)
    elif kind == 5:
        quorum = 3 - first.approval.quorum
        first = replace(first, approval=replace(first.approval, quorum=quorum), gates=(ERRORS,))
    return replace(plan, stages=(first, *others))
