"""`metrics:` of a plan, and the conditions (gates and triggers) that are written over them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from bot.rollout.plan import Condition, Metric, Unit
from config import promql
from config.conditions import ConditionError, parse_condition
from config.durations import format_duration
from config.plan_schema import MetricModel, TriggerModel
from config.problems import show, suggest
from config.report import Report
from config.yaml_source import Path_

Units = Mapping[str, Unit | None]
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,40}")
_UNITS: Final = "percent, seconds, count or ratio"
DEFAULT_WINDOW: Final = 60.0


def build_metrics(models: Mapping[str, MetricModel] | None, report: Report) -> tuple[Metric, ...]:
    """The frozen metrics in the file's order. Defaults: title = the name, per_pool true, no samples."""
    if models == {}:
        report.problem(("metrics",), "no metrics are defined", "define at least the ones the gates name")
    return tuple(_metric(name, model, models or {}, report) for name, model in (models or {}).items())


def units_of(models: Mapping[str, MetricModel] | None, report: Report) -> Units:
    """Unit by metric; None for a metric that is there but whose definition was refused."""
    units: dict[str, Unit | None] = {name: model.unit for name, model in (models or {}).items()}
    for path in report.doc.removed:
        if len(path) == 2 and path[0] == "metrics":
            units.setdefault(str(path[1]), None)
    return units


def _metric(name: str, model: MetricModel, all_: Mapping[str, MetricModel], report: Report) -> Metric:
    at: Path_ = ("metrics", name)
    if not _NAME.fullmatch(name):
        report.problem(at, f"{show(name)} is not a metric's name", "use small letters, digits and _, as in error_rate")
    mends = {"unit": f"add unit: {_UNITS}", "query": "add query: the PromQL"}
    report.need(at, {"unit": model.unit, "query": model.query}, mends)
    per_pool = True if model.per_pool is None else model.per_pool
    if model.query is not None:
        _query((*at, "query"), model.query, per_pool, report)
    _samples(at, model, all_, report)
    return Metric(
        name=name,
        unit=model.unit or "count",
        query=promql.normalise(model.query or ""),
        title=model.title or name,
        per_pool=per_pool,
        samples=model.samples,
        min_samples=model.min_samples,
    )


def _query(at: Path_, query: str, per_pool: bool, report: Report) -> None:
    for fault in promql.faults(query):
        report.problem(at, fault.what, fault.mend)
    used = promql.placeholders(query)
    split = used & {"instances", "pool"}
    if not per_pool and split:
        mend = f"remove ${min(split)} from the query, or per_pool: false"
        report.problem(at, f"per_pool is false, but the query selects a pool by ${min(split)}", mend)
    if per_pool and not used & {"instances", "pool", "version"}:
        mend = 'select one with instance=~"$instances", or say per_pool: false'
        report.warn(at, "the query gives both pools the same value", mend)
    for window in promql.fixed_windows(query):
        what = f"the range {window} is fixed: a gate over it does not look at its whole bake"
        report.warn(at, what, "write [$window]")


def _samples(at: Path_, model: MetricModel, all_: Mapping[str, MetricModel], report: Report) -> None:
    if model.min_samples is not None and model.min_samples < 0:
        report.problem((*at, "min_samples"), "min_samples is below zero", "write 0 or more")
    if model.samples is None:
        return
    if model.samples not in all_:
        if not report.damaged(("metrics", model.samples)):
            what = f"samples: {show(model.samples)} is not a metric of this plan"
            report.problem((*at, "samples"), what, suggest(model.samples, all_))
    elif all_[model.samples].unit not in (None, "count"):
        what = f"samples: {show(model.samples)} is in {all_[model.samples].unit}, not a count"
        report.problem((*at, "samples"), what, "name a metric with unit: count")


def build_condition(
    path: Path_, text: str, units: Units, report: Report, *, hold_for: float = 0.0, window: float = 0.0
) -> Condition | None:
    """The condition, or None with the fault in the report."""
    try:
        condition = parse_condition(text, units, hold_for=hold_for, window=window)
    except ConditionError as error:
        report.problem(path, error.what, error.mend)
        return None
    if units[condition.metric] == "percent" and condition.threshold > 100:
        report.warn(
            path, f"{show(condition.text)}: a share is at most 100%", "only a sum, such as CPU of many cores, is more"
        )
    return condition


def build_triggers(
    models: list[TriggerModel] | None, units: Units, interval: float, report: Report
) -> tuple[Condition, ...]:
    """`rollback_when:`. Defaults: for = 2 x interval (one bad reading never trips), window = 1m."""
    at: Path_ = ("rollback_when",)
    if not models and not report.damaged(at):
        report.warn(at, "no triggers: nothing rolls back by itself", "add rollback_when: [error_rate > 10%]")
    result: list[Condition] = []
    seen: set[tuple[str, str, float]] = set()
    for index, model in enumerate(models or []):
        path = (*at, index)
        report.need(path, {"when": model.when}, {"when": "add when: error_rate > 10%"})
        hold_for = 2 * interval if model.hold is None else model.hold
        window = DEFAULT_WINDOW if model.window is None else model.window
        if hold_for > 3600:
            report.problem((*path, "for"), f"for {format_duration(hold_for)} is too long to wait", "write 1h at most")
        if not 1 <= window <= 24 * 3600:
            report.problem((*path, "window"), f"window {format_duration(window)} is out of range", "write 1s to 24h")
        elif window < 2 * interval:
            what = f"window {format_duration(window)} is shorter than two intervals ({format_duration(2 * interval)})"
            report.warn((*path, "window"), what, "a rate needs two scrapes in its window, or it has no data")
        if model.when is None:
            continue
        found = build_condition(path, model.when, units, report, hold_for=hold_for, window=window)
        if found is None:
            continue
        # The same condition with another threshold or `for` is meant: fast on a catastrophe, slower on a doubt.
        key = (found.metric, found.op, found.threshold)
        if key in seen:
            report.problem(path, f"the trigger {show(found.text)} is there twice", "keep one of the two")
        seen.add(key)
        result.append(found)
    return tuple(result)
