"""A sample made into a report, once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from bot.release.report.build import build
from bot.release.report.diffs import nginx_diffs
from bot.release.report.model import Report
from tests.release.report import sample as samples
from tests.release.report.proof import Log
from tests.release.report.sample_log import Sample
from tests.release.report.sample_plan import NAMES, PLAN, ZONE

SAMPLES: dict[str, Callable[[], Sample]] = {
    "steady": samples.steady,
    "rolled_back": lambda: samples.rolled_back(every=300.0),
    "cancelled": samples.cancelled,
    "running": samples.running,
    "begun": samples.begin,
}


@cache
def sample(name: str) -> Sample:
    return SAMPLES[name]()


def report_of(s: Sample) -> Report:
    assert s.state.rollout is not None
    diffs = nginx_diffs(s.rows, s.state.rollout, PLAN)
    return build(s.rows, s.measurements, PLAN, NAMES, s.at + 100, ZONE, diffs=diffs, alerts=s.alerts)


@cache
def report(name: str) -> Report:
    return report_of(sample(name))


def log_of(s: Sample) -> Log:
    assert s.state.rollout is not None
    diffs = nginx_diffs(s.rows, s.state.rollout, PLAN)
    return Log(s.rows, s.measurements, PLAN, ZONE, s.alerts, diffs, NAMES)
