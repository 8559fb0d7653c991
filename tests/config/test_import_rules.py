"""Rule files of Prometheus become rules that `check` accepts; what is left out is said."""

from __future__ import annotations

import pytest

from config.import_rules import NotRules, convert
from config.settings import check
from tests.config.conftest import Folder

RULES = """
groups:
  - name: node
    interval: 30s
    rules:
      - alert: HostHighCpuLoad
        expr: |
          100 - (avg by(instance) (rate(node_cpu_seconds_total{mode="idle"}[2m])) * 100) > 80
        for: 1h30m
        labels: {severity: page, team: infra}
        annotations:
          summary: "CPU of {{ $labels.instance }} at {{ $value | humanize }}%"
          runbook_url: https://example.com/cpu
      - record: job:requests:rate5m
        expr: sum(rate(http_requests_total[5m]))
      - alert: InstanceDown
        expr: up == 0
        keep_firing_for: 1w
        labels: {severity: none, who: "{{ $labels.job }}"}
        annotations: {message: "{{ query `up` }} is down"}
      - alert: InstanceDown
        expr: up{job="x"} == 0
        labels: {severity: info}
"""


def test_the_rules_can_be_used_as_they_are(folder: Folder) -> None:
    found = convert(RULES)
    text = folder.file("alerts.yaml").read_text("utf-8")
    start, end = text.index("rules:"), text.index("# Who is told")
    folder.file("alerts.yaml").write_text(
        text[:start] + found.text.replace("keep_firing_for: 168h", "keep_firing_for: 24h") + text[end:], "utf-8"
    )
    settings, problems, _ = check(folder.path, {}, require_slack=False)
    assert problems == ()
    assert settings is not None and settings.alerts is not None
    cpu, down = settings.alerts.rules
    assert (cpu.name, cpu.severity, cpu.every, cpu.hold_for) == ("HostHighCpuLoad", "critical", 30.0, 5400.0)
    assert cpu.query.startswith("100 - (avg by(instance)") and cpu.condition is None
    assert cpu.labels == (("team", "infra"),)
    assert cpu.summary == "CPU of {{ $labels.instance }} at {{ $value | humanize }}%"
    assert (down.severity, down.query) == ("info", "up == 0")


def test_what_is_left_out_is_said() -> None:
    notes = "\n".join(convert(RULES).notes)
    for said in (
        "job:requests:rate5m",
        "runbook_url",
        "label who is a template",
        "query `up`",
        "InstanceDown: there twice",
    ):
        assert said in notes


@pytest.mark.parametrize("text", ["", "[]", "a: [", "groups: 5", "groups: [5]"])
def test_what_is_no_rule_file(text: str) -> None:
    with pytest.raises(NotRules):
        convert(text)
