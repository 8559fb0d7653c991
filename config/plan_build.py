"""A service's YAML -> the frozen Plan, with everything that is wrong with it."""

from __future__ import annotations

import dataclasses
import json
import re
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Final

from bot.rollout.plan import ApprovalRule, Plan
from bot.rollout.runbook import Runbook
from config.durations import format_duration
from config.people import People
from config.plan_checks import check_whole
from config.plan_fleet import build_fleet
from config.plan_metrics import build_metrics, build_triggers, units_of
from config.plan_rollback import build_step_down
from config.plan_runbook import build_runbook
from config.plan_schema import PlanModel, RolesModel
from config.plan_share import build_share
from config.plan_stages import build_approval, build_roles, build_stages
from config.plan_traffic import build_traffic
from config.problems import show
from config.report import Report
from config.structure import validate

_SERVICE: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_CHANNEL: Final = re.compile(r"[CG][A-Z0-9]{8,}|[^\sA-Z#@:.,/\\\"'<>&]{1,80}")
# Key -> lowest, highest, default; seconds. The defaults are the Plan's own, which a test compares.
_TIMES: Final = {
    "interval": (0.2, 300.0, 15.0),
    "drift_interval": (1.0, 3600.0, 60.0),
    "watch": (0.0, 30 * 86400.0, 86400.0),
    "blind_warning": (1.0, 86400.0, 120.0),
}


def build_plan(report: Report, people: People | None) -> Plan:
    """The plan of the report's document. Usable only when `report.problems` is empty; else a draft with gaps.

    people: the roles approvals may name; None when people.yaml is itself broken, and roles are then not asked after.
    `Plan.source` is canonical JSON of the meaning: comments, order of keys, blanks and ways to write the same
    duration or threshold do not change it, everything else does.
    """
    model = validate(PlanModel, report)
    mends = {
        "service": "add service: the file's name without .yaml",
        "channel": "add channel: releases",
        "traffic": "add traffic: {strategy, stable, canary, stable_version, …}",
        "fleet": "add fleet: {executor, hosts}",
        "metrics": "add metrics: {error_rate: {unit: percent, query: …}}",
        "stages": "add stages: a list that ends at weight: 100",
        "approval": "add approval: {from: [release-managers]}",
    }
    report.need((), {name: getattr(model, name) for name in mends}, mends)
    service = _service(model, report)
    times = {name: _time(name, model, report) for name in _TIMES}
    units = units_of(model.metrics, report)
    flips = model.traffic is not None and model.traffic.strategy == "blue_green"
    approval = build_approval(("approval",), model.approval, ApprovalRule(), people, report)
    if model.approval is None:
        # Stages may still name their own approvers; the missing key is reported above.
        approval = dataclasses.replace(approval, roles=("?",))
    fleet = build_fleet(model.fleet, report, machines=bool(model.machines))
    stages = build_stages(model.stages, units, approval, people, report, flips=flips)
    plan = Plan(
        service=service,
        title=model.title or service,
        channel=_channel(model, report),
        traffic=build_traffic(model.traffic, report, times["watch"]),
        fleet=fleet,
        metrics=build_metrics(model.metrics, report),
        stages=stages,
        triggers=build_triggers(model.rollback_when, units, times["interval"], report),
        interval=times["interval"],
        drift_interval=times["drift_interval"],
        watch=times["watch"],
        blind_warning=times["blind_warning"],
        trigger_min_samples=_trigger_min_samples(model, report),
        promote=model.promote or "manual",
        start_roles=build_roles(("start", "from"), (model.start or RolesModel()).roles, people, report),
        share=build_share(model.share, model.metrics, times["interval"], report),
        step_down=build_step_down(model.rollback, flips, report),
        operate_roles=build_roles(("operate", "from"), (model.operate or RolesModel()).roles, people, report),
        runbook=build_runbook(model, fleet, stages, times["interval"], people, report),
    )
    check_whole(plan, report)
    return dataclasses.replace(plan, source=canonical(plan))


def canonical(plan: Plan) -> str:
    """The JSON the plan's hash is made of: every field but `source`, keys sorted, numbers as floats or ints."""
    fields = dataclasses.asdict(plan)
    del fields["source"]
    # What came later is left out where it is not used: an upgrade of the bot voids no approval.
    if not plan.traffic.keep_warm:
        del fields["traffic"]["keep_warm"]
    for later in ("share", "step_down"):
        if fields[later] is None:
            del fields[later]
    if plan.runbook == Runbook():
        del fields["runbook"]
    if all(not host.wave for host in plan.fleet.hosts):
        del fields["fleet"]["wave_bake"]
    for later in ("max_unavailable", "worker_shutdown_timeout"):
        if not fields["fleet"][later]:
            del fields["fleet"][later]
    for host in fields["fleet"]["hosts"]:
        for later in ("wave", "jump"):
            if not host[later]:
                del host[later]
    return json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} has no place in a plan")


def _service(model: PlanModel, report: Report) -> str:
    stem = PurePath(report.doc.file).stem
    if model.service is None:
        return stem
    if not _SERVICE.fullmatch(model.service) or len(model.service) > 32:
        mend = "use small letters, digits and single dashes, a letter first, 32 at most"
        report.problem(("service",), f"service: {show(model.service)} is not a service's name", mend)
    elif model.service.endswith("-pool"):
        what = f"service: {show(model.service)} would share an nginx variable with another"
        report.problem(("service",), what, "choose a name that does not end in -pool")
    elif model.service != stem:
        what = f"service {show(model.service)} stands in the file {show(stem + '.yaml')}"
        report.problem(("service",), what, f"rename the file to {model.service}.yaml or the service to {stem}")
    return model.service


def _channel(model: PlanModel, report: Report) -> str:
    channel = model.channel or ""
    if channel and not _CHANNEL.fullmatch(channel):
        mend = f"write {channel.lstrip('#').lower()}" if channel[0] == "#" else "write the name without #, or the id C…"
        report.problem(("channel",), f"channel: {show(channel)} is not a channel's name", mend)
    return channel


def _time(name: str, model: PlanModel, report: Report) -> float:
    value: float | None = getattr(model, name)
    low, high, default = _TIMES[name]
    if value is None:
        return default
    if not low <= value <= high:
        mend = f"write {format_duration(low)} to {format_duration(high)}"
        report.problem((name,), f"{name} {format_duration(value)} is out of range", mend)
    return value


def _trigger_min_samples(model: PlanModel, report: Report) -> int:
    value = 20 if model.trigger_min_samples is None else model.trigger_min_samples
    if value < 0:
        report.problem(("trigger_min_samples",), f"trigger_min_samples {value} is below zero", "write 0 or more")
    return value
