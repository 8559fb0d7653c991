"""`rules:` of alerts.yaml."""

from __future__ import annotations

import re
from typing import Final

from bot.alerts.labels import labels_of
from bot.alerts.plan import Rule
from bot.alerts.templates import faults as template_faults
from bot.rollout.plan import Condition
from config import promql
from config.alerts_schema import RuleModel
from config.conditions import ConditionError, parse_condition
from config.durations import format_duration
from config.problems import show
from config.report import Report
from config.yaml_source import Path_

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,80}")
_LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED: Final = frozenset({"alertname", "severity"})
EVERY: Final = 60.0


def build_rules(models: list[RuleModel], report: Report) -> tuple[Rule, ...]:
    found: list[Rule] = []
    for index, model in enumerate(models):
        rule = _rule(("rules", index), model, report)
        if any(other.key == rule.key for other in found):
            what = f"the rule {show(rule.name)} is there twice with severity {rule.severity}"
            report.problem(("rules", index), what, "give one of them another name or severity")
        found.append(rule)
    return tuple(found)


def _rule(at: Path_, model: RuleModel, report: Report) -> Rule:
    mends = {
        "alert": "add alert: its name, as in ErrorRateHigh",
        "query": "add query: the PromQL",
        "severity": "add severity: critical, warning or info",
    }
    report.need(at, {"alert": model.alert, "query": model.query, "severity": model.severity}, mends)
    if model.alert is not None and not _NAME.fullmatch(model.alert):
        what = f"{show(model.alert)} is not an alert's name"
        report.problem((*at, "alert"), what, "use letters, digits and _, as in ErrorRateHigh")
    if model.query is not None:
        for fault in promql.faults(model.query, ()):
            report.problem((*at, "query"), fault.what, fault.mend)
    every = _time(at, "every", model.every, EVERY, 1.0, 86400.0, report)
    for name in model.labels or {}:
        if not _LABEL.fullmatch(name) or name in _RESERVED:
            why = "the bot sets it itself" if name in _RESERVED else "it is not a label's name"
            report.problem((*at, "labels", name), f"label {show(name)}: {why}", "name it otherwise, as in team")
    for key, text in (("summary", model.summary), ("description", model.description)):
        for field in template_faults(text or ""):
            what = f"{key}: {show(field)} is not understood and stays as it is"
            report.warn((*at, key), what, "use {{ $value }} or {{ $labels.NAME }}")
    return Rule(
        name=model.alert or "",
        query=promql.normalise(model.query or ""),
        severity=model.severity or "warning",
        every=every,
        condition=_condition(at, model, report),
        unit=model.unit or "count",
        title=model.title or model.alert or "",
        hold_for=_time(at, "for", model.hold, 0.0, 0.0, 86400.0, report),
        keep_firing_for=_time(at, "keep_firing_for", model.keep_firing_for, 0.0, 0.0, 86400.0, report),
        labels=labels_of(model.labels or {}),
        summary=model.summary or "",
        description=model.description or "",
    )


def _condition(at: Path_, model: RuleModel, report: Report) -> Condition | None:
    """None: the query selects what fires by itself."""
    if model.when is None:
        return None
    try:
        return parse_condition(model.when, {"value": model.unit or "count"})
    except ConditionError as error:
        report.problem((*at, "when"), error.what, error.mend)
        return None


def _time(at: Path_, key: str, given: float | None, default: float, least: float, most: float, report: Report) -> float:
    if given is None:
        return default
    if not least <= given <= most:
        span = f"{format_duration(least)} to {format_duration(most)}"
        report.problem((*at, key), f"{key}: {format_duration(given)} is out of range", f"write {span}")
    return given
