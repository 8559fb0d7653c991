"""What can only be seen with a whole plan, or with all plans, in view."""

from __future__ import annotations

from collections.abc import Sequence

from bot.alerts.model import STREAM
from bot.rollout.plan import Condition, Plan, Stage
from config.durations import format_duration
from config.problems import show
from config.report import Report
from config.yaml_source import Path_


def check_whole(plan: Plan, report: Report) -> None:
    """Stages against traffic, gates against triggers, times against each other."""
    _audience(plan, report)
    _contradictions(plan, report)
    _readings(plan, report)


def _audience(plan: Plan, report: Report) -> None:
    for index, stage in enumerate(plan.stages):
        at = ("stages", index, "audience")
        if stage.audience is None:
            _unreachable(plan, stage, index, report)
            continue
        if plan.traffic.strategy == "weighted":
            mend = "use strategy: sticky, or begin with a small weight"
            report.problem(at, "strategy weighted cannot send an audience to the canary", mend)
        elif not (plan.traffic.internal.cidrs or plan.traffic.internal.header or plan.traffic.override_cookie):
            if report.damaged(("traffic", "internal")) or report.damaged(("traffic",)):
                continue
            mend = 'add traffic.internal: {cidrs: [10.0.0.0/8], header: "X-Internal-User: 1"}'
            report.problem(at, "the plan says not who is internal", mend)


def _unreachable(plan: Plan, stage: Stage, index: int, report: Report) -> None:
    """blue_green may begin at 0, which is for whoever has the cookie or is internal."""
    ways = plan.traffic.internal.cidrs or plan.traffic.internal.header or plan.traffic.override_cookie
    if plan.traffic.strategy == "blue_green" and not stage.weight and not ways and not report.damaged(("traffic",)):
        if report.damaged(("stages", index, "weight")) or report.damaged(("traffic", "internal")):
            return
        mend = "add override_cookie or internal to traffic, or begin with weight: 100"
        report.warn(("stages", index), "at weight 0 nobody reaches the new version: nothing can be measured", mend)


def _contradictions(plan: Plan, report: Report) -> None:
    """A value that passes a gate and yet rolls back: the gate can then never matter."""
    for stage_index, stage in enumerate(plan.stages):
        for gate_index, gate in enumerate(stage.gates):
            for trigger in plan.triggers:
                if _overrules(trigger, gate):
                    what = f"the trigger {show(trigger.text)} rolls back what the gate {show(gate.text)} lets pass"
                    mend = "make the trigger the looser of the two"
                    report.warn(("stages", stage_index, "gates", gate_index), what, mend)


def _overrules(trigger: Condition, gate: Condition) -> bool:
    if trigger.metric != gate.metric:
        return False
    if gate.op in ("<", "<=") and trigger.op in (">", ">="):
        return trigger.threshold < gate.threshold
    if gate.op in (">", ">=") and trigger.op in ("<", "<="):
        return trigger.threshold > gate.threshold
    same_side = gate.op[0] == trigger.op[0] and gate.op[0] in "<>"
    # `error_rate < 5%` as gate and `error_rate < 10%` as trigger: the comparison was written the wrong way round.
    return same_side or (gate.op == "==" and trigger.holds(gate.threshold))


def _readings(plan: Plan, report: Report) -> None:
    for index, stage in enumerate(plan.stages):
        needed = stage.min_readings * plan.interval
        if 0 < stage.max_bake < needed:
            what = f"{stage.min_readings} readings at {format_duration(plan.interval)} do not fit into max_bake"
            report.problem(("stages", index), what, f"bake {format_duration(needed)} or longer, or lower interval")
    if plan.blind_warning < plan.interval:
        what = f"blind_warning {format_duration(plan.blind_warning)} is shorter than one interval"
        report.warn(("blind_warning",), what, f"write {format_duration(2 * plan.interval)} or more")


def check_together(plans: Sequence[tuple[Plan, Report]]) -> None:
    """What two services may not share. Each clash is reported once, at the later file."""
    owners: dict[tuple[str, str], str] = {}
    for plan, report in plans:
        if plan.service == STREAM:
            mend = "name it otherwise: the bot keeps its alerts under this name"
            report.problem(("service",), f"a service cannot be called {show(STREAM)}", mend)
        claims: list[tuple[Path_, tuple[str, str]]] = [
            (("traffic", pool, i), ("backend", backend)) for pool, i, backend in _backends(plan)
        ]
        if plan.traffic.upstream:
            claims.append((("traffic", "upstream"), ("upstream", plan.traffic.upstream)))
        for path, claim in claims:
            owner = owners.setdefault(claim, plan.service)
            if owner != plan.service:
                mend = "one service owns it: two rollouts would shift the same traffic"
                report.problem(path, f"the {claim[0]} {show(claim[1])} belongs to {owner} already", mend)
        _status_ports(plan, report, owners)


def _backends(plan: Plan) -> list[tuple[str, int, str]]:
    pools = (("stable", plan.traffic.stable), ("canary", plan.traffic.canary))
    return [(name, index, backend) for name, pool in pools for index, backend in enumerate(pool)]


def _status_ports(plan: Plan, report: Report, owners: dict[tuple[str, str], str]) -> None:
    """Two generated files of one nginx that listen on the same address would answer for each other."""
    for index, host in enumerate(plan.fleet.hosts):
        machine = "local" if plan.fleet.executor == "local" else (host.address or host.name).lower()
        owner = owners.setdefault(("status", f"{machine} {host.status}"), f"{plan.service}/{host.name}")
        if owner != f"{plan.service}/{host.name}":
            what = f"status {show(host.status)} on {show(host.name)} is used by {owner} already"
            report.problem(
                ("fleet", "hosts", index), what, f"give it its own: {{name: {host.name}, status: 127.0.0.1:8912}}"
            )
