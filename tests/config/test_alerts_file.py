"""alerts.yaml: the shipped one is the runbook's, and each fault is named at its line with its mend."""

from __future__ import annotations

import pytest

from bot.alerts.labels import labels_of
from bot.alerts.route import routes_for
from config.settings import check
from tests.config.conftest import SHIPPED, Folder


def test_the_runbooks_eight_rules() -> None:
    settings, problems, _ = check(SHIPPED, {}, require_slack=False)
    assert settings is not None and settings.alerts is not None, problems
    found = {
        (
            r.labels[0][1],
            r.severity,
            r.every,
            r.condition.op if r.condition else "",
            r.condition.threshold if r.condition else 0,
        )
        for r in settings.alerts.rules
    }
    assert found == {
        ("error_rate", "warning", 60.0, ">", 5.0), ("error_rate", "critical", 60.0, ">", 10.0),
        ("p95", "warning", 300.0, ">", 5.0), ("p99", "warning", 300.0, ">", 10.0),
        ("report_success", "warning", 300.0, "<", 95.0), ("cpu", "warning", 60.0, ">", 80.0),
        ("memory", "warning", 60.0, ">", 85.0), ("disk", "warning", 300.0, ">", 85.0),
    }  # fmt: skip


def test_the_runbooks_two_routes() -> None:
    settings, _, _ = check(SHIPPED, {}, require_slack=False)
    assert settings is not None and settings.alerts is not None
    plan = settings.alerts
    kinds = {}
    for severity in ("warning", "critical"):
        (route,) = routes_for(plan.route, labels_of({"severity": severity}))
        receivers = [plan.receiver(name) for name in route.receivers]
        kinds[severity] = [plan.kind(r.channel) for r in receivers if r]
    assert kinds == {"warning": ["mail"], "critical": ["mail", "phone", "slack"]}


def test_without_the_file_there_are_no_alerts(folder: Folder) -> None:
    folder.file("alerts.yaml").unlink()
    settings, problems, _ = check(folder.path, {}, require_slack=False)
    assert problems == () and settings is not None and settings.alerts is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("when: value > 5%", "when: value > 5", "has no unit"),
        ("when: value > 5%", "when: error > 5%", "not a metric"),
        ("severity: warning\n    every: 1m", "severity: bad\n    every: 1m", "did you mean|known here"),
        ("  - alert: P95Slow\n", "  - alerts: P95Slow\n", "unknown key `alerts`"),
        ("every: 5m", "every: 5", "no unit"),
        ("alert: ErrorRateCritical", "alert: Error Rate", "not an alert's name"),
        ("labels: {signal: p95}", "labels: {severity: high}", "the bot sets it itself"),
        ("channel: mail,", "channel: mial,", "did you mean `mail`"),
        ("to: [dev-team@example.com]", "to: [dev-team]", "not an e-mail address"),
        ("oncall: primary", "oncall: primry", "did you mean `primary`"),
        ("mention: [primary]", "mention: [primry]", "did you mean `primary`"),
        ("oncall: primary,", "mention: [lin],", "in Slack alone"),
        ("notify: [dev-mail]", "notify: [dev-mial]", "did you mean `dev-mail`"),
        ("  notify: [dev-mail]\n", "", "notifies nobody"),
        ("match: [severity = critical]", "match: [severity]", "not a matcher"),
        ("match: [severity = critical]", "match: ['severity =~ (']", "not a regular expression"),
        ("{after: 15m, notify: [lead-sms]}", "{notify: [lead-sms]}", "`after` is missing"),
        ("equal: [service, signal]", "equals: [service]", "unknown key `equals`"),
        ("timezone: Asia/Shanghai, starts", "timezone: Asia/Shangai, starts", "is not known"),
        ('handover: "09:00"', 'handover: "9"', "not a time of day"),
        ('starts: "2026-03-02"', 'starts: "2. March"', "not a day"),
        ("turn: 7d", "turn: 7h", "whole days"),
        ("people: [lin, wang, zhao], timezone", "people: [lin, wong, zhao], timezone", "did you mean `wang`"),
        ("silences: {most: 7d}", "silences: {most: 7s}", "out of range"),
        ("failures: 3 ", "failures: 0 ", "out of range"),
        (
            "query: avg_over_time(app_cpu_percent[2m])",
            "query: avg_over_time(app_cpu_percent[2m]",
            "closed|bracket|open",
        ),
    ],
)
def test_each_fault_names_its_line_and_its_mend(folder: Folder, old: str, new: str, said: str) -> None:
    import re

    folder.patch("alerts.yaml", old, new)
    settings, problems, _ = check(folder.path, {}, require_slack=False)
    assert settings is None
    found = [str(p) for p in problems if p.file.endswith("alerts.yaml")]
    assert any(re.search(said, text) for text in found), found
    assert all(p.line > 0 and p.mend for p in problems)


def test_everybody_on_call_must_be_reachable(folder: Folder) -> None:
    folder.patch("people.yaml", ', phone: "+15555550112"', "")
    _, problems, _ = check(folder.path, {}, require_slack=False)
    (problem,) = problems
    assert "`wang` of primary has no phone" in problem.what and "alerts.yaml" in problem.file


def test_all_faults_are_named_at_once(folder: Folder) -> None:
    folder.patch("alerts.yaml", "every: 5m", "every: soon").patch("alerts.yaml", "channel: sms", "channel: fax")
    folder.patch("alerts.yaml", "failures: 3 ", "failures: 999 ").patch("alerts.yaml", "blind_after: 10m", "blind: 10m")
    _, problems, _ = check(folder.path, {}, require_slack=False)
    assert len(problems) == 4


def test_a_short_token_is_refused() -> None:
    _, problems, _ = check(SHIPPED, {"ALERTS_TOKEN": "short"}, require_slack=False)
    assert any("ALERTS_TOKEN" in p.what for p in problems)


def test_no_service_takes_the_name_of_the_alerts(folder: Folder) -> None:
    plan = folder.file("plan").read_text("utf-8").replace("service: brand-diagnosis ", "service: alerts ", 1)
    (folder.path / "services" / "alerts.yaml").write_text(plan, "utf-8")
    folder.file("plan").unlink()
    _, problems, _ = check(folder.path, {}, require_slack=False)
    assert any("cannot be called `alerts`" in p.what for p in problems), problems


def test_whom_slack_calls(folder: Folder) -> None:
    folder.patch("alerts.yaml", "mention: [primary]", "mention: [primary, lin, S0ONCALL01]")
    settings, problems, _ = check(folder.path, {}, require_slack=False)
    assert settings is not None and settings.alerts is not None, problems
    receiver = settings.alerts.receiver("dev-slack")
    assert receiver is not None and receiver.mention == ("primary", "U0LIN00001", "S0ONCALL01")
