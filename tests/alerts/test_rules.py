"""From answers of Prometheus to alerts that begin and end: for, keep_firing_for, no value, no series, no sight."""

from __future__ import annotations

import math
from typing import Any

import pytest

from bot.alerts.intents import Signal
from bot.alerts.labels import labels_of, value_of
from bot.alerts.model import Alert
from bot.alerts.plan import Rule
from bot.alerts.rules import Answer, Reading, Watch, judge
from bot.alerts.templates import expand, faults
from bot.rollout.plan import Condition


class Asking:
    """One rule asked again and again; what it raised stays open, as the log would have it."""

    def __init__(self, **changes: Any) -> None:
        values: dict[str, Any] = {
            "name": "Cpu", "query": "cpu", "severity": "warning", "every": 60.0, "unit": "percent",
            "condition": Condition("value > 80%", "value", ">", 80.0), "hold_for": 120.0, "keep_firing_for": 120.0,
            "summary": "{{ $labels.instance }} at {{ $value }}%",
        }  # fmt: skip
        self.rule = Rule(**(values | changes))
        self.watch = Watch()
        self.now = 0.0
        self.open: dict[str, Alert] = {}

    def ask(self, *values: float | str, error: str = "", seconds: float = 60.0) -> list[str]:
        """One answer: a series a value. What began and ended, in words."""
        self.now += seconds
        readings = tuple(
            Reading(labels_of({"instance": f"web-{n}"}), float(value)) for n, value in enumerate(values) if value != ""
        )
        self.watch, found = judge(self.rule, self.watch, Answer(readings, error), self.open, self.now, 600.0)
        return [self._take(signal) for signal in found]

    def _take(self, s: Signal) -> str:
        who = value_of(s.labels, "instance") or s.name
        if s.over:
            del self.open[s.fingerprint]
            return f"{who} {s.over}"
        source: Any = "bot" if s.name == "RuleBlind" else "rules"
        self.open[s.fingerprint] = Alert(
            s.fingerprint, source, s.name, s.severity, s.labels, s.annotations, s.started_at, s.value
        )
        return f"{who} fires"


def test_it_fires_once_it_has_held_and_ends_once_it_is_over() -> None:
    rule = Asking()
    assert [rule.ask(90), rule.ask(90), rule.ask(90)] == [[], [], ["web-0 fires"]]
    (alert,) = rule.open.values()
    assert (alert.started_at, alert.annotation("summary")) == (60.0, "web-0 at 90%")
    assert [rule.ask(90), rule.ask(50), rule.ask(50), rule.ask(50)] == [[], [], [], ["web-0 over"]]


def test_a_dip_neither_fires_nor_ends() -> None:
    rule = Asking()
    assert not any(rule.ask(v) for v in (90, 90, 50, 90, 90))
    assert rule.ask(90) == ["web-0 fires"]
    assert not any(rule.ask(v) for v in (50, 50, 90, 50, 50))


def test_each_series_is_an_alert_of_its_own() -> None:
    rule = Asking(hold_for=0.0, keep_firing_for=0.0)
    assert rule.ask(90, 50, 95) == ["web-0 fires", "web-2 fires"]
    assert rule.ask(90, 99, 50) == ["web-1 fires", "web-2 over"]


@pytest.mark.parametrize("nothing", [math.nan, ""])
def test_no_value_neither_begins_nor_ends_an_alert(nothing: float | str) -> None:
    rule = Asking(hold_for=0.0, keep_firing_for=0.0)
    rule.ask(90, 10)
    assert not any(rule.ask(nothing, 10) for _ in range(5))
    assert rule.ask(50, 10) == ["web-0 over"]


def test_what_is_no_longer_measured_is_gone_and_not_over() -> None:
    rule = Asking(hold_for=0.0)
    rule.ask(90, 10)
    found = [said for _ in range(12) for said in rule.ask("", 10)]
    assert found == ["web-0 gone"]


def test_a_rule_that_cannot_be_asked_keeps_what_fires_and_is_told() -> None:
    rule = Asking(hold_for=0.0, keep_firing_for=0.0)
    rule.ask(90)
    found = [said for _ in range(12) for said in rule.ask(error="Prometheus cannot be reached")]
    assert found == ["RuleBlind fires"]
    assert rule.ask(90) == ["RuleBlind over"]
    assert rule.ask(10) == ["web-0 over"]


def test_an_empty_answer_to_a_condition_is_blindness() -> None:
    rule = Asking()
    found = [said for _ in range(12) for said in rule.ask()]
    assert found == ["RuleBlind fires"]


def test_a_query_that_selects_by_itself_is_over_when_it_returns_nothing() -> None:
    rule = Asking(condition=None, hold_for=0.0, keep_firing_for=60.0)
    assert rule.ask(1) == ["web-0 fires"]
    assert [rule.ask(), rule.ask()] == [[], ["web-0 over"]]
    assert not any(rule.ask() for _ in range(20))  # nothing is what it should return


def test_a_gap_before_it_fired_begins_anew() -> None:
    rule = Asking()
    rule.ask(90)
    rule.ask(90)
    rule.ask("", 1)
    rule.ask("", 1)
    rule.ask("", 1)
    assert [rule.ask(90), rule.ask(90)] == [[], []]
    assert rule.ask(90) == ["web-0 fires"]


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ $labels.instance }} at {{ $value }}", "db-1 at 0.1234"),
        ("{{$value|humanizePercentage}}", "12.34%"),
        ('{{ printf "%.1f" $value }}%', "0.1%"),
        ("{{ .Labels.instance }} {{ .Value }}", "db-1 0.1234"),
        ("{{ $labels.missing }}!", "!"),
        ("{{ query `up` | first }}", "{{ query `up` | first }}"),
        ("{{ $value | noSuch }}", "{{ $value | noSuch }}"),
        ("no field { here }", "no field { here }"),
    ],
)
def test_templates(template: str, said: str) -> None:
    assert expand(template, (("instance", "db-1"),), 0.1234) == said
    assert bool(faults(template)) == (said == template and "{{" in template)


def test_human_numbers() -> None:
    assert expand("{{ $value | humanize }}", (), 1_234_567.0) == "1.235M"
    assert expand("{{ $value | humanize1024 }}", (), 2048.0) == "2Ki"
    assert expand("{{ $value | humanizeDuration }}", (), 3725.0) == "1h 2m 5s"
    assert expand("{{ $value }}", (), 123456.789) == "123456.8"
    assert expand("{{ $value }}", (), math.nan) == "nan"
    assert expand("{{ $value }}", (), None) == "?"
