"""`share:` of a plan: the measured share that a stage must come to before anything counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.rollout.plan import ShareRule
from config.durations import format_duration
from config.plan_schema import MetricModel, ShareModel
from config.problems import show, suggest
from config.report import Report
from config.yaml_source import Path_

_DEFAULT: Final = ShareRule("")


def build_share(
    model: ShareModel | None, metrics: Mapping[str, MetricModel] | None, interval: float, report: Report
) -> ShareRule | None:
    """None where the plan has no `share`. Defaults: tolerance 1 (percentage point), warn_after 10m."""
    if model is None:
        return None
    at: Path_ = ("share",)
    report.need(at, {"metric": model.metric}, {"metric": "add metric: the count of requests per pool"})
    if model.metric is not None:
        _metric((*at, "metric"), model.metric, metrics or {}, report)
    tolerance = _DEFAULT.tolerance if model.tolerance is None else float(model.tolerance)
    if not 0 <= tolerance <= 50:
        mend = "write percentage points, 0 to 50; 0 leaves it to statistics alone"
        report.problem((*at, "tolerance"), f"tolerance {tolerance:g} is out of range", mend)
    warn_after = _DEFAULT.warn_after if model.warn_after is None else model.warn_after
    if not interval <= warn_after <= 86400:
        mend = f"write {format_duration(interval)} to 24h"
        report.problem((*at, "warn_after"), f"warn_after {format_duration(warn_after)} is out of range", mend)
    return ShareRule(model.metric or "", tolerance, warn_after)


def _metric(at: Path_, name: str, metrics: Mapping[str, MetricModel], report: Report) -> None:
    found = metrics.get(name)
    if found is None:
        if not report.damaged(("metrics", name)):
            report.problem(at, f"metric: {show(name)} is not a metric of this plan", suggest(name, metrics))
    elif found.unit not in (None, "count"):
        what = f"metric: {show(name)} is in {found.unit}, and a share is made of counts"
        report.problem(at, what, "name a metric with unit: count, of the requests per pool")
    elif found.per_pool is False:
        what = f"metric: {show(name)} is one value for both pools"
        report.problem(at, what, 'select the pool in its query, with pool="$pool", and remove per_pool: false')
