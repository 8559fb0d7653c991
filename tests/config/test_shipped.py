"""The shipped plan is the runbook's, number by number."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess

import pytest
from ruamel.yaml import YAML

from bot.rollout.plan import ApprovalRule, Plan, Stage
from bot.rollout.runbook import Baseline, Must, Phase
from config.plan_build import _TIMES
from config.settings import check

DAY = 86400.0


@pytest.fixture(scope="module")
def settings():
    from pathlib import Path

    environ = {"SMTP_URL": "smtp://mail.example.com", "SMS_TOKEN": "hush"}
    found, problems, warnings = check(Path(__file__).parents[2] / "config", environ, require_slack=False)
    assert (problems, warnings) == ((), ())
    return found


@pytest.fixture(scope="module")
def plan(settings) -> Plan:
    return settings.plans["brand-diagnosis"]


def _conditions(conditions):
    return {(c.metric, c.op, c.threshold) for c in conditions}


def test_every_gate_of_the_runbook(plan):
    gates = {stage.name: _conditions(stage.gates) for stage in plan.stages}
    latency = {("p95", "<", 3.0), ("p99", "<", 5.0)}
    assert gates == {
        "internal": {("report_success_rate", ">", 95.0), ("open_critical_alerts", "==", 0.0)},
        "1%": {("error_rate", "<", 5.0), ("p95", "<", 3.0), ("cpu", "<", 80.0), ("memory", "<", 85.0)},
        "10%": {("error_rate", "<", 3.0), *latency, ("report_success_rate", ">", 98.0)},
        "50%": {
            ("error_rate", "<", 2.0), *latency, ("report_success_rate", ">", 99.0), ("concurrent_users", ">", 100.0)
        },
        "100%": {
            ("error_rate", "<", 1.0), *latency, ("report_success_rate", ">", 99.0), ("availability", ">", 99.9)
        },
    }  # fmt: skip


def test_every_trigger_of_the_runbook(plan):
    waiting = [c for c in plan.triggers if c.hold_for]
    assert _conditions(waiting) == {
        ("error_rate", ">", 10.0), ("p95", ">", 10.0), ("report_success_rate", "<", 90.0), ("availability", "<", 99.0)
    }  # fmt: skip
    assert all(c.hold_for >= 2 * plan.interval for c in waiting)
    assert {(c.hold_for, c.window) for c in waiting if c.metric != "availability"} == {(30.0, 60.0)}
    at_once = _conditions(c for c in plan.triggers if not c.hold_for)
    assert at_once == {("error_rate", ">", 25.0), ("p95", ">", 20.0), ("report_success_rate", "<", 60.0)}


def test_stages_traffic_and_fleet(plan):
    assert [(s.name, s.audience, s.weight) for s in plan.stages] == [
        ("internal", "internal", 0.0), ("1%", None, 1.0), ("10%", None, 10.0), ("50%", None, 50.0),
        ("100%", None, 100.0),
    ]  # fmt: skip
    assert {(s.bake, s.max_bake) for s in plan.stages} == {(DAY, 2 * DAY)}
    assert plan.watch == DAY
    traffic = plan.traffic
    assert (traffic.stable, traffic.canary) == (("10.0.1.10:5000",), ("10.0.1.11:5000",))
    assert (traffic.strategy, traffic.sticky_by) == ("sticky", ("$cookie_uid", "$remote_addr"))
    assert (traffic.override_cookie, traffic.stable_version) == (("gray_release", "true"), "2.0.0")
    assert (traffic.internal.cidrs, traffic.internal.header) == (("10.0.0.0/8",), ("X-Internal-User", "1"))
    assert plan.fleet.executor == "ssh"
    assert [host.name for host in plan.fleet.hosts] == ["lb-1.example.com", "lb-2.example.com"]
    assert all(s.approval == ApprovalRule(roles=("release-managers",)) for s in plan.stages)
    assert all(metric.title and metric.title != metric.name for metric in plan.metrics)


def test_people(settings):
    role = settings.people.roles["release-managers"]
    assert role.users == {"U0LIN00001", "U0WANG0001", "U0ZHAO0001"}
    assert role.groups == {"S0RELMGR01"}
    assert settings.people.names["U0LIN00001"] == "林"


def test_what_surrounds_the_traffic(plan, settings):
    book = plan.runbook
    assert [(c.name, c.kind) for c in book.checks] == [
        ("code-version", "command"), ("test-results", "command"), ("database", "command"), ("adapters", "command"),
        ("prometheus", "http"), ("grafana", "http"), ("disk-1", "disk"), ("disk-2", "disk"), ("memory-1", "memory"),
        ("memory-2", "memory"), ("backup", "backup"),
    ]  # fmt: skip
    assert {c.free for c in book.checks} == {20.0} and book.checks[-1].max_age == 3600
    assert [i.name for i in book.checklist] == [
        "production-config", "database-backup", "alert-config", "rollback-tried", "log-collection"
    ]  # fmt: skip
    assert [(b.name, b.sqlite[-3:], b.keep) for b in book.backups] == [("app-db", ".db", 7 * DAY)]
    assert [(s.phase, s.name) for s in book.steps] == [
        ("before_start", "start-new"), ("before_start", "new-answers"), ("during_stage", "load-test"),
        ("on_rollback", "stop-new"), ("on_rollback", "start-old"), ("after_completion", "take-old-off"),
    ]  # fmt: skip
    load = book.step(Phase.DURING_STAGE, "load-test")
    assert load and (load.stages, load.must) == (("50%",), Must(">", 100.0, "> 100"))
    assert {c.aspect for c in book.verification} == {"service", "function", "monitoring"}
    assert (book.baseline, book.watch_every, book.irreversible) == (Baseline(), 3600.0, "")
    assert book.override_roles == ("release-managers",)
    signs = [(s.title_en, [settings.people.roles[role].users for role in s.roles]) for s in book.report.sign_off]
    assert [title for title, _ in signs] == [
        "DevOps", "Chief architect", "Back end", "Front end", "Test", "Project lead"
    ]  # fmt: skip
    assert len({users for _, (users,) in signs}) == 6, "each by its own person"


@pytest.mark.parametrize(
    ("name", "printed", "passes"),
    [
        ("test-results", "x\n===== 120 passed, 2 skipped in 3.1s =====", True),
        ("test-results", "120 passed in 3.1s", True),
        ("test-results", "===== 1 failed, 119 passed in 3.1s =====", False),
        ("test-results", "===== 119 passed, 1 error in 3.1s =====", False),
        ("test-results", "no tests ran in 0.1s", False),
        ("database", "ok\n", True),
        ("database", "*** in database main ***\nPage 3 is never used", False),
        ("grafana", '{\n  "database": "ok",\n  "version": "11.0"\n}', True),
        ("grafana", '{"database": "failing"}', False),
    ],
)
def test_what_a_check_looks_for(plan, name, printed, passes):
    assert bool(re.search(plan.runbook.check(name).contains, printed)) is passes


def test_the_load_test_is_read(plan):
    load = plan.runbook.step(Phase.DURING_STAGE, "load-test")
    found = re.search(load.result, "Latency Distribution\n  50%  2ms\nRequests/sec:   1834.51\nTransfer/sec: 2MB")
    assert found and load.must.holds(float(found[1]))


def test_every_command_is_a_line_of_shell(plan):
    book = plan.runbook
    for part in (*book.steps, *book.checks, *book.verification):
        line = getattr(part, "command", "") or (part.target if getattr(part, "kind", "") == "command" else "true")
        run = subprocess.run(["sh", "-n", "-c", line], capture_output=True, text=True)
        assert run.returncode == 0 and "\n" not in line, (part.name, run.stderr)


def test_defaults_are_the_plans_own():
    defaults = {f.name: f.default for f in dataclasses.fields(Plan)}
    assert {name: bounds[2] for name, bounds in _TIMES.items()} == {name: defaults[name] for name in _TIMES}
    stage = {f.name: f.default for f in dataclasses.fields(Stage)}
    assert (stage["min_samples"], stage["min_readings"]) == (100, 3)
    assert defaults["trigger_min_samples"] == 20


def _hash(folder):
    found, problems, _ = check(folder.path, {}, require_slack=False)
    assert not problems, problems
    return found.plans["brand-diagnosis"].hash


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# The rollout plan", "# A comment"),
        ("watch: 24h ", "watch: 23h60m "),
        ("[error_rate < 5%", "[error_rate<5.0%"),
        ("p95 < 3s", "p95 < 3000ms"),
        ("        or 0 * sum(", "        or  # zero, not nothing\n        0 * sum("),
        ("promote: manual ", "drop_me"),
        ("[lb-1.example.com,", "[{name: lb-1.example.com},"),
    ],
)
def test_the_hash_does_not_see_how_it_is_written(folder, plan, old, new):
    folder.patch("plan", old, "#" if new == "drop_me" else new)
    assert _hash(folder) == plan.hash


def test_an_upgrade_of_the_bot_voids_no_approval(plan):
    """The hash is of what the plan says: keys that came later and are not used do not change it."""
    fields = json.loads(plan.source)
    assert set(fields["traffic"]) & {"keep_warm"} == set(fields) & {"share", "step_down"} == set()
    assert set(fields["fleet"]) & {"wave_bake", "max_unavailable", "worker_shutdown_timeout"} == set()
    assert set(fields["fleet"]["hosts"][0]) & {"wave", "jump"} == set()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[error_rate < 5%", "[error_rate < 5.1%"),
        ("weight: 1\n", "weight: 1\n    on_fail: rollback\n"),
        ("quorum: 1", "quorum: 2"),
        ("10.0.0.0/8", "10.0.0.0/9"),
        ('code=~"5.."', 'code=~"[45].."'),
        ("channel: releases", "channel: release"),
        ("for: 45s", "for: 46s"),
    ],
)
def test_the_hash_sees_every_meaning(folder, plan, old, new):
    folder.patch("plan", old, new)
    assert _hash(folder) != plan.hash


def test_all_keys_of_the_plan_can_be_written(folder):
    folder.patch("plan", "  - name: 1%\n", FULL_STAGE)
    folder.patch("plan", "  executor: ssh\n", "  executor: ssh\n  host_deadline: 30s\n  concurrency: 4\n")
    ssh = "{user: bot, port: 2222, known_hosts: /etc/kh, key_file: ~/.ssh/id}"
    host = "{name: lb-2, address: 10.0.0.9, port: 23, user: x, nginx: /usr/sbin/nginx, nginx_conf: /n.conf, "
    host += "conf_dir: /c, pid_file: /p, status: 127.0.0.1:9000}"
    folder.patch("plan", "lb-2.example.com]", f"{host}]\n  ssh: {ssh}")
    folder.patch("plan", 'stable_version: "2.0.0"', 'stable_version: "2"\n  log_path: /var/log/x.log\n  keepalive: 0')
    found, problems, _ = check(folder.path, {}, require_slack=False)
    assert not problems, problems
    plan = found.plans["brand-diagnosis"]
    stage = plan.stages[1]
    assert (stage.approval.quorum, stage.approval.emoji, stage.approval.veto) == (2, "+1", "x")
    assert stage.approval.roles == ("release-managers",)
    assert (stage.on_fail, stage.on_blind, stage.min_readings) == ("rollback", "hold", 5)
    assert [(h.port, h.user) for h in plan.fleet.hosts] == [(2222, "bot"), (23, "x")]
    assert (plan.fleet.host_deadline, plan.fleet.concurrency, plan.traffic.keepalive) == (30, 4, 0)


FULL_STAGE = """  - name: 1%
    approval: {emoji: thumbsup, quorum: 2}
    min_samples: 7
    min_readings: 5
    on_fail: rollback
    on_not_enough_data: hold
    on_blind: hold
"""


def test_the_slack_manifest_has_what_the_bot_needs(shipped):
    manifest = YAML(typ="safe").load(shipped() / "slack-manifest.yaml")
    assert manifest["features"]["slash_commands"][0]["command"] == "/rollout"
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert manifest["settings"]["interactivity"]["is_enabled"] is True
    scopes = (
        "chat:write chat:write.public commands reactions:read reactions:write users:read usergroups:read "
        "channels:history channels:join groups:history channels:read groups:read files:write im:write app_mentions:read"
    )
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == set(scopes.split())
    events = {"reaction_added", "reaction_removed", "app_home_opened", "app_mention"}
    assert set(manifest["settings"]["event_subscriptions"]["bot_events"]) == events


LABELS = 'service="brand-diagnosis",instance="10.0.1.11:5000"'
MEASURED = [
    # ({series: values every 15 s}, {metric: value over 5 m, None = no data})
    ({'http_requests_total{L,code="200"}': "0+95x60", 'http_requests_total{L,code="500"}': "0+5x60"},
     {"error_rate": 5, "requests": 2000}),
    ({'http_requests_total{L,code="200"}': "0+95x60"}, {"error_rate": 0}),
    ({'http_requests_total{L,code="500"}': "0+95x60"}, {"error_rate": 100}),
    ({'http_requests_total{L,code="200"}': "7x60", 'http_requests_total{L,code="500"}': "0x60"},
     {"error_rate": None, "requests": 0}),
    ({'http_request_duration_seconds_bucket{L,le="1"}': "0+80x60",
      'http_request_duration_seconds_bucket{L,le="2"}': "0+80x60",
      'http_request_duration_seconds_bucket{L,le="4"}': "0+160x60",
      'http_request_duration_seconds_bucket{L,le="+Inf"}': "0+160x60"}, {"p95": 3.8}),
    ({'http_request_duration_seconds_bucket{L,le="1"}': "0x60",
      'http_request_duration_seconds_bucket{L,le="+Inf"}': "0x60"}, {"p95": None, "p99": None}),
    ({'reports_total{L,result="failure"}': "0+5x60"}, {"report_success_rate": 0, "reports": 100}),
    ({'reports_total{L,result="success"}': "0+5x60"}, {"report_success_rate": 100}),
    ({'reports_total{L,result="success"}': "0x60", 'reports_total{L,result="failure"}': "0x60"},
     {"report_success_rate": None}),
    ({'up{job="app",instance="10.0.1.11:5000"}': "0x60", 'up{job="app",instance="10.0.1.10:5000"}': "1x60"},
     {"availability": 0}),
    ({"app_cpu_percent{L}": "40x60", "app_memory_percent{L}": "41x60"}, {"cpu": 40, "memory": 41}),
    ({'app_concurrent_users{service="brand-diagnosis",instance="a"}': "50x30 10x30",
      'app_concurrent_users{service="brand-diagnosis",instance="b"}': "10x30 70x30"}, {"concurrent_users": 80}),
    ({'rollout_alerts_firing{service="brand-diagnosis",severity="critical"}': "0x60"}, {"open_critical_alerts": 0}),
    ({}, dict.fromkeys(("error_rate", "p95", "p99", "report_success_rate", "availability", "cpu", "memory",
                        "concurrent_users", "open_critical_alerts", "requests", "reports"))),
]  # fmt: skip


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool")
def test_the_queries_measure_what_they_say(plan, tmp_path):
    assert set().union(*(set(expected) for _, expected in MEASURED)) == {m.name for m in plan.metrics}

    def fill(query: str) -> str:
        for name, value in {"instances": r"10\\.0\\.1\\.11:5000", "service": plan.service, "window": "5m"}.items():
            query = query.replace(f"${name}", value)
        return query

    tests = [
        {
            "interval": "15s",
            "input_series": [{"series": s.replace("L", LABELS, 1), "values": v} for s, v in series.items()],
            "promql_expr_test": [
                {
                    "expr": f"round({fill(plan.metric(name).query)}, 0.001)",
                    "eval_time": "10m",
                    "exp_samples": [] if value is None else [{"labels": "{}", "value": value}],
                }
                for name, value in expected.items()
            ],
        }
        for series, expected in MEASURED
    ]
    (tmp_path / "tests.yml").write_text(json.dumps({"tests": tests}))
    run = subprocess.run(["promtool", "test", "rules", tmp_path / "tests.yml"], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
