"""Every way to get it wrong that we know of: the line, what is wrong, and the mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.rollout.plan import ShareRule, StepDownRule
from bot.rollout.waves import waves
from config.settings import Problem, check

S, PEOPLE, BOT = "plan", "people.yaml", "bot.yaml"
# (file, what stands there, what is written instead, a marker on the expected line, words of the message)
BROKEN = [
    # YAML itself
    (S, "title: 品牌诊断系统", "\ttitle: x", "\ttitle", "indent with spaces"),
    (S, "[10.0.1.10:5000]", "[10.0.1.10:5000", "canary: [", "close the bracket opened before"),
    (S, 'header: "X-Internal-User: 1"', "header: X-Internal-User: 1", "header:", "in quotes"),
    (S, "interval: 15s", "interval: 15s\ninterval: 30s", "interval: 30s", "keep one of the two"),
    (S, "title: 品牌诊断系统", "title: no", "title: no", 'or "no" in quotes'),
    (S, "weight: 10\n", "weight: 010\n", "weight: 010", "plain digits"),
    (S, "channel: releases", "channel: #releases", "channel: #", "`#` begins a comment"),
    (S, "watch: 24h", "watch: &w 24h", "watch: &w", "write the value out"),
    (S, "watch: 24h", "watch: !!str 24h", "watch: !!str", "remove the tag"),
    (S, "watch: 24h", "<<: {watch: 24h}", "<<:", "unknown key `<<`"),
    (S, "title: 品牌诊断系统", 'title: "x', "internal: {cidrs", "close a quote"),
    # structure
    (S, "rollback_when:", "rolback_when:", "rolback_when:", "did you mean `rollback_when`?"),
    (S, "    max_bake: 48h  ", "    maxbake: 48h  ", "maxbake:", "did you mean `max_bake`?"),
    (S, "veto: x", "vetto: x", "vetto", "did you mean `veto`?"),
    (S, "{when: error_rate > 25%, for", "{when: error_rate > 25%, fro", "fro: 0s", "did you mean `for`?"),
    (S, "hosts: [lb-1.example.com,", "hosts: [{nmae: lb-1.example.com},", "nmae", "did you mean `name`?"),
    (S, "[error_rate < 5%, p95 < 3s, cpu < 80%, memory < 85%]", "error_rate < 5%",
     "gates: error_rate <", "write a list"),
    (S, "executor: ssh", "executor: shh", "executor: shh", "did you mean `ssh`?"),
    (S, "strategy: sticky ", "strategy: stikcy ", "strategy: stikcy", "did you mean `sticky`?"),
    (S, "quorum: 1", 'quorum: "1"', "quorum:", "without quotes"),
    (S, "  executor: ssh\n", "", "fleet:", "add executor: ssh or local"),
    (S, "unit: seconds\n    samples: requests\n    # A", "samples: requests\n    # A", "p95:\n", "add unit"),
    (S, "service: brand-diagnosis ", "service: brand-diag ", "service: brand-diag", "rename the file"),
    (S, "service: brand-diagnosis ", "service: Brand_Diagnosis ", "service: Brand_D", "small letters"),
    # versions, durations, numbers
    (S, 'stable_version: "2.0.0"', "stable_version: 2.0", "stable_version:", 'write "2.0"'),
    (S, 'stable_version: "2.0.0"', "stable_version: 2.0.0", "stable_version:", 'write "2.0.0"'),
    (S, 'stable_version: "2.0.0"', 'stable_version: "2.0 beta"', "stable_version:", "letters, digits"),
    (S, "interval: 15s", "interval: 15", "interval: 15 ", "write 15s for seconds"),
    (S, "expires: 4h", "expires: 1.5h", "expires: 1.5h", "1h30m"),
    (S, "expires: 4h", "expires: 10s", "expires: 10s", "write 1m to 168h"),
    (S, "interval: 15s", "interval: 0s", "interval: 0s", "write 200ms to 5m"),
    # metrics and conditions
    (S, "gates: [error_rate < 5%", "gates: [eror_rate < 5%", "eror_rate", "did you mean `error_rate`?"),
    (S, "[error_rate < 5%", "[error_rate < 3s", "error_rate < 3s", "as in 5%"),
    (S, "[error_rate < 5%", "[error_rate < 5", "[error_rate < 5,", "as in 5%"),
    (S, "[error_rate < 5%, p95 < 3s", "[error_rate < 5%, p95 < 3", "p95 < 3,", "as in 3s"),
    (S, "concurrent_users > 100", "concurrent_users > 100%", "concurrent_users > 100%", "bare number"),
    (S, "open_critical_alerts == 0", "open_critical_alerts = 0", "alerts = 0", "write =="),
    (S, "[error_rate < 5%", "[error_rate below 5%", "error_rate below", "write metric, comparison, threshold"),
    (S, "[error_rate < 5%", "[error_rate < -5%", "-5%", "never below zero"),
    (S, "{when: p95 > 20s, for", "{when: p95 > 20 parsecs, for", "parsecs", "use %, ms, s, m"),
    (S, "  - p95 > 10s", "  - p95 > 10s\n  - p95 > 10000ms", "10000ms", "keep one of the two"),
    (S, "[error_rate < 3%,", "[error_rate < 3%, error_rate<3%,", "error_rate<3%", "keep one of the two"),
    (S, "samples: requests", "samples: request", "samples: request\n", "did you mean `requests`?"),
    (S, "samples: requests", "samples: p99", "samples: p99", "unit: count"),
    (S, "up{instance=~", "up{instanc=~$nope, instance=~", "query: 100", "known here: service"),
    (S, "up{instance=~", 'up{a="$instancess", instance=~', "query: 100", "did you mean `instances`?"),
    (S, '(up{instance=~"$instances"}[$window]))', '(up{instance=~"$instances"}[$window])',
     "query: 100", "a `)` is missing"),
    (S, '(up{instance=~"$instances"}', '(up{instance=~"$instances}', "query: 100", "close it on the same line"),
    (S, '(up{instance=~"$instances"}', "(up{instance=~$instances}", "query: 100", "outside quotes"),
    (S, '(up{instance=~"', '(up{instance="', "query: 100", "instance=~"),
    (S, "max(rollout_alerts_firing{", 'max(rollout_alerts_firing{pool="$pool",',
     "query: max(rollout_alerts", "per_pool: false"),
    # stages
    (S, "weight: 10\n", "weight: 0\n", "weight: 0\n", "more than 0"),
    (S, "weight: 10\n", "weight: -1\n", "weight: -1\n", "more than 0"),
    (S, "weight: 100\n", "weight: 101\n", "weight: 101\n", "100 at most"),
    (S, "weight: 10\n", "weight: 10.125\n", "weight: 10.125", "a hundredth of a percent"),
    (S, "weight: 10\n", "weight: 10%\n", "weight: 10%", "without %"),
    (S, "weight: 50\n", "weight: 5\n", "weight: 5\n", "write more than 10"),
    (S, "weight: 10\n", "weight: 20\n", "weight: 20\n", "write weight: 10 or rename"),
    (S, "  - name: 100%\n    weight: 100", "  - name: last\n    weight: 90", "- name: last",
     "end with a stage of weight: 100"),
    (S, "- name: 10%", "- name: 1%", "- name: 1%", "give each its own name"),
    (S, "- name: 10%", "- name: 10", "- name: 10\n", 'put it in quotes: "10"'),
    (S, "    weight: 10\n", "", "- name: 10%", "add weight: 10"),
    (S, "weight: 50", "audience: internal", "audience: internal", "move it to the front"),
    (S, "audience: internal\n", "audience: internal\n    weight: 1\n",
     "    weight: 1\n    bake: 24h\n    max_bake: 48h  ", "two stages"),
    (S, "audience: internal\n    bake: 24h", "audience: internal\n    bake: 0s", "bake: 0s", "more than 0"),
    (S, "max_bake: 48h\n    gates: [error_rate < 5", "max_bake: 1h\n    gates: [error_rate < 5",
     "max_bake: 1h", "24h or more"),
    (S, "gates: [report_success_rate > 95%, open_critical_alerts == 0]", "gates: []", "gates: []", "add gates"),
    (S, "min_samples: 20 ", "min_samples: 0 ", "min_samples: 0 ", "write 1 or more"),
    # traffic
    (S, "stable: [10.0.1.10:5000]", "stable: []", "stable: []", "at least one backend"),
    (S, "canary: [10.0.1.11:5000]", "canary: [10.0.1.10:5000]", "canary: [", "keep it in one pool"),
    (S, "canary: [10.0.1.11:5000]", "canary: [10.0.1.11:99999]", "canary: [", "an IP address and a port"),
    (S, "canary: [10.0.1.11:5000]", "canary: [10.0.1.311:5000]", "canary: [", "an IP address and a port"),
    (S, "canary: [10.0.1.11:5000]", "canary: [app.example.com:5000]", "canary: [", "an IP address and a port"),
    (S, "canary: [10.0.1.11:5000]", "canary: [10.0.1.11:5000, 10.0.1.11:5000]", "canary: [", "keep one of the two"),
    (S, "sticky_by: [$cookie_uid, $remote_addr]", "sticky_by: []", "sticky_by: []", "add sticky_by"),
    (S, "[$cookie_uid, $remote_addr]", "[$cookie-uid, $remote_addr]", "$cookie-uid", "write it as $cookie_uid"),
    (S, "[$cookie_uid, $remote_addr]", '["$x;}", $remote_addr]', "$x;}", "write it as $cookie_uid"),
    (S, "[$cookie_uid, $remote_addr]", "[$cookie_uid]", "[$cookie_uid]", "add $remote_addr at the end"),
    (S, "strategy: sticky ", "strategy: weighted ", "strategy: weighted", "add upstream"),
    (S, "gray_release=true", '"gray_release=a;b"', "override_cookie", "only letters"),
    (S, "gray_release=true", "gray-release=true", "override_cookie", "gray_release=true"),
    (S, '"X-Internal-User: 1"', "'X-Internal-User: 1\" {'", "header:", "only letters"),
    (S, "10.0.0.0/8", "10.0.0.1/8", "cidrs:", "write 10.0.0.0/8"),
    (S, "10.0.0.0/8", "10.0.0.0/33", "cidrs:", "network/bits"),
    (S, "10.0.0.0/8", "0.0.0.0/0", "cidrs:", "name your own networks"),
    (S, "strategy: sticky ", 'strategy: weighted\n  upstream: "app;"\n #', "upstream:", "nginx's `upstream name {`"),
    (S, "strategy: sticky ", "strategy: blue_green ", "weight: 10\n", "write 0 (the first stage) or 100"),
    (S, "strategy: sticky ", "strategy: blue_gren ", "strategy: blue_gren", "did you mean `blue_green`?"),
    # fleet
    (S, "lb-2.example.com]", "lb-1.example.com]", "hosts: [", "name every host once"),
    (S, "lb-2.example.com]", "{name: lb-2, address: lb-1.example.com}]", "hosts: [", "name every host once"),
    (S, "lb-2.example.com]", '"-oProxyCommand=x"]', "hosts: [", "lb-1.example.com"),
    (S, "lb-2.example.com]", "{name: lb-2, conf_dir: /etc/../x}]", "hosts: [", "absolute path"),
    (S, "lb-2.example.com]", "{name: lb-2, status: 10.0.0.1:80}]", "hosts: [", "loopback"),
    (S, "executor: ssh", "executor: ssh\n  ssh: {known_hosts: none}", "  ssh: {known_hosts: none", "host keys off"),
    # the gradual way back
    (S, "promote: manual ", "rollback: {steps: []}\npromote: manual ", "rollback: {", "add steps: [25, 5]"),
    (S, "promote: manual ", "rollback: {steps: [5, 25]}\npromote: manual ", "rollback: {", "less than 5"),
    (S, "promote: manual ", "rollback: {steps: [100, 25]}\npromote: manual ", "rollback: {", "less than 100"),
    (S, "promote: manual ", "rollback: {steps: [5, 0]}\npromote: manual ", "rollback: {", "more than 0"),
    (S, "promote: manual ", "rollback: {steps: [5.125]}\npromote: manual ", "rollback: {", "a hundredth"),
    (S, "promote: manual ", "rollback: {steps: [5%]}\npromote: manual ", "rollback: {", "without %"),
    (S, "promote: manual ", "rollback: {steps: [5], step_every: 2h}\npromote: manual ", "rollback: {", "1s to 1h"),
    (S, "promote: manual ", "rollback: {step: [5]}\npromote: manual ", "rollback: {", "did you mean `steps`?"),
    # the way to the hosts, and those that are away
    (S, "executor: ssh\n", "executor: ssh\n  ssh: {jump: bastion:0}\n", "ssh: {jump", "ops@bastion.example.com:22"),
    (S, "executor: ssh\n", 'executor: ssh\n  ssh: {jump: "a b"}\n', "ssh: {jump", "ops@bastion.example.com:22"),
    (S, "hosts: [lb-1.example.com,", "hosts: [{name: lb-1, jump: o@b@c},", "hosts: [", "is not a machine"),
    (S, "executor: ssh\n", "executor: ssh\n  max_unavailable: 2\n", "max_unavailable: 2", "fewer than there are"),
    (S, "executor: ssh\n", "executor: ssh\n  worker_shutdown_timeout: 0s\n", "worker_shut", "1s to 24h"),
    # waves
    (S, "hosts: [lb-1.example.com,", "hosts: [{name: lb-1, wave: 0},", "hosts: [", "write 1 for the first"),
    (S, "hosts: [lb-1.example.com,", "hosts: [{name: lb-1, wave: first},", "hosts: [", "not a whole number"),
    (S, "hosts: [lb-1.example.com,", "hosts: [{name: lb-1, waves: 1},", "hosts: [", "did you mean `wave`?"),
    (S, "executor: ssh\n", "executor: ssh\n  wave_bake: 5\n", "wave_bake: 5", "write 5s for seconds"),
    (S, "executor: ssh\n", "executor: ssh\n  wave_bake: 25h\n", "wave_bake: 25h", "write 0s to 24h"),
    # the measured share
    (S, "promote: manual ", "share: {metric: request}\npromote: manual ", "share: {", "did you mean `requests`?"),
    (S, "promote: manual ", "share: {metric: cpu}\npromote: manual ", "share: {", "unit: count"),
    (S, "promote: manual ", "share: {metric: concurrent_users}\npromote: manual ", "share: {", "per_pool: false"),
    (S, "promote: manual ", "share: {tolerance: 1}\npromote: manual ", "share: {", "add metric"),
    (S, "promote: manual ", "share: {metric: requests, tolerance: 60}\npromote: manual ", "share: {", "0 to 50"),
    (S, "promote: manual ", "share: {metric: requests, tolerance: 1%}\npromote: manual ", "share: {", "without %"),
    (S, "promote: manual ", "share: {metric: requests, warn_after: 1s}\npromote: manual ", "share: {", "15s to 24h"),
    (S, "promote: manual ", "share: {metric: requests, warnafter: 1m}\npromote: manual ", "share: {", "`warn_after`?"),
    # approval
    (S, "from: [release-managers], expires", "from: [release-manager], expires", "expires: 4h",
     "did you mean `release-managers`?"),
    (S, "from: [release-managers], expires", "from: [], expires", "expires: 4h", "add from"),
    (S, "emoji: white_check_mark", 'emoji: ":white_check_mark:"', "emoji:", "write white_check_mark"),
    (S, "emoji: white_check_mark", 'emoji: "+1::skin-tone-3"', "emoji:", "a skin tone — write +1"),
    (S, "emoji: white_check_mark", "emoji: ✅", "emoji:", "write its name"),
    (S, "emoji: white_check_mark, veto: x", "emoji: thumbsup, veto: +1", "veto: +1", "choose two"),
    (S, "quorum: 1", "quorum: 0", "quorum: 0", "write 1 to 20"),
    (S, "start: {from: [release-managers]}", "start: {from: [boss]}", "boss", "is not a role"),
    (S, "channel: releases", 'channel: "#releases"', "channel:", "write releases"),
    # people and the bot
    (PEOPLE, "U0LIN00001", "lin@example.com", "lin@example.com", "copy the member ID"),
    (PEOPLE, "U0WANG0001", "U0LIN00001", "wang:", "count as two"),
    (PEOPLE, "[lin, wang, zhao]", "[lin, wnag, zhao]", "wnag", "did you mean `wang`?"),
    (PEOPLE, "[lin, wang, zhao]", "[lin, U0LIN00001]", "U0LIN00001]", "keep one of the two"),
    (PEOPLE, "S0RELMGR01", "release-managers", "groups:", "id of the user group"),
    (BOT, "language: zh", "language: cn", "language: cn", "zh"),
    (BOT, "Asia/Shanghai", "Asia/Shangai", "timezone:", "did you mean `Asia/Shanghai`?"),
    (BOT, "port: 8080", "port: 80800", "port: 80800", "1 to 65535"),
    (BOT, "log_level: INFO", "slack_token: abc", "slack_token", "from the environment"),
    (BOT, "http://127.0.0.1:9090", "http://bot:hunter2@prom:9090", "prometheus_url", "from the environment"),
    (S, "title: 品牌诊断系统", "title: xoxb-1-2-3", "title: xoxb", "from the environment"),
    (S, "channel: releases", "channel: https://hooks.slack.com/services/T0/B0/x", "channel:", "from the environment"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "marker", "words"), BROKEN)
def test_each_fault_names_its_line_and_its_mend(folder, name, old, new, marker, words):
    folder.patch(name, old, new)
    settings, problems, _ = check(folder.path, {}, require_slack=False)
    assert settings is None
    where = (str(folder.file(name)), folder.line(name, marker))
    here = [str(p) for p in problems if (p.file, p.line) == where]
    assert any(words in text for text in here), "\n".join(map(str, problems))
    # One mistake is at most three messages (a stage lost, and what follows from it), never a cascade.
    assert len(problems) <= 3, "\n".join(map(str, problems))
    assert all(p.mend and "\n" not in str(p) for p in problems)


@pytest.mark.parametrize("secret", ["xoxb-1-2-3", "hunter2", "abcdefgh"])
def test_a_refused_secret_is_not_repeated(folder, secret):
    folder.patch(BOT, "log_level: INFO", f"api_token: {secret}\nlog_levle: {secret if 'xox' in secret else 'INFO'}")
    _, problems, _ = check(folder.path, {}, require_slack=False)
    assert problems
    assert secret not in "".join(map(str, problems))


def test_all_errors_of_all_files_at_once(folder):
    folder.patch(S, "title: 品牌诊断系统", "titel: x")
    folder.patch(S, 'stable_version: "2.0.0"', "stable_version: 2.0")
    folder.patch(S, "lb-2.example.com]", "lb-1.example.com]")
    folder.patch(S, "[error_rate < 5%", "[error_rate < 5s")
    folder.patch(S, "weight: 10\n", "weight: 60\n")
    folder.patch(S, "emoji: white_check_mark", 'emoji: ":tada:"')
    folder.patch(S, "interval: 15s", "interval: 15")
    folder.patch(S, "  - p95 > 10s", "  - p59 > 10s")
    folder.patch(S, "  - name: 100%", "  - name: 50%")
    folder.patch(S, "    bake: 24h\n", "    bake: 24\n")
    folder.patch(PEOPLE, "U0LIN00001", "lin")
    folder.patch(BOT, "language: zh", "language: no")
    folder.file("services/other.yaml").write_text("service: other\n- x\n")
    _, problems, _ = check(folder.path, {"HTTP_PORT": "x"})
    text = "\n".join(map(str, problems))
    for words in (
        "`titel`", "not in quotes", "same host", "error_rate is in percent", "weight 50 is not more", "colons",
        "`15` has no unit", "`p59` is not a metric", "two stages are named", "`24` has no unit", "Slack user id",
        "`no` is text", "other.yaml:2: not valid YAML", "HTTP_PORT", "SLACK_BOT_TOKEN is missing", "neither SLACK_APP",
    ):  # fmt: skip
        assert words in text, f"{words}\n\n{text}"
    assert [p for p in problems if p.line == 0 and p.file != "environment"] == []
    assert list(problems) == sorted(problems)


def test_files_that_are_missing_empty_or_no_text(folder):
    folder.file("bot.yaml").unlink()
    folder.file("people.yaml").write_text("# nothing\n")
    folder.file("services/a.yaml").write_bytes(b"service: a\ntitle: \xff\n")
    folder.file("services/b.yml").write_text("service: b\n")
    folder.file("services/c.yaml").write_text("- a\n")
    folder.file("services/d.yaml").write_text("service: d\n---\nservice: e\n")
    folder.file("services/f.yaml").write_text("[" * 40 + "]" * 40)
    folder.file("services/g.yaml").write_text("a: \x01\n")
    _, problems, _ = check(folder.path, {}, require_slack=False)
    found = {(Path(p.file).name, p.line): str(p) for p in reversed(problems)}
    assert "does not exist" in found["bot.yaml", 1]
    assert "empty" in found["people.yaml", 1]
    assert "not UTF-8" in found["a.yaml", 2]
    assert "rename it to b.yaml" in found["b.yml", 1]
    assert "not a mapping" in found["c.yaml", 1]
    assert "one document" in found["d.yaml", 3]
    assert "deeper" in found["f.yaml", 1]
    assert "invisible" in found["g.yaml", 1]


def test_two_services_on_one_backend_and_one_status_port(folder):
    text = folder.file(S).read_text("utf-8").replace("service: brand-diagnosis ", "service: other ")
    folder.file("services/other.yaml").write_text(text.replace("10.0.1.11:5000", "10.0.1.12:5000"))
    _, problems, _ = check(folder.path, {}, require_slack=False)
    assert {Path(p.file).name for p in problems} == {"other.yaml"}
    assert [p.what.split("`")[0] for p in problems] == ["the backend ", "status ", "status "]


def test_two_services_on_one_upstream(folder):
    for name, old, new in (("a", "10", "20"), ("b", "11", "21")):
        text = folder.file(S).read_text("utf-8").replace("service: brand-diagnosis ", f"service: {name} ")
        text = text.replace("strategy: sticky ", "strategy: weighted\n  upstream: app\n #")
        text = text.replace("10.0.1.10:", f"10.1.{old}.1:").replace("10.0.1.11:", f"10.1.{new}.2:")
        folder.file(f"services/{name}.yaml").write_text(text.replace("lb-", f"{name}-"))
    _, problems, _ = check(folder.path, {}, require_slack=False)
    assert any("the upstream `app` belongs to a already" in p.what for p in problems)


def test_quorum_beyond_the_role_only_where_slack_has_no_group(folder):
    folder.patch(S, "quorum: 1", "quorum: 4")
    assert check(folder.path, {}, require_slack=False)[0] is not None
    folder.patch(PEOPLE, "    groups: [S0RELMGR01]", "    #")
    _, problems, _ = check(folder.path, {}, require_slack=False)
    assert [p.line for p in problems] == [folder.line(S, "quorum: 4")]
    assert "lower it to 3" in problems[0].mend


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("  - error_rate > 10%", "  - error_rate > 3%", "the trigger `error_rate > 3%` rolls back what the gate"),
        ("window: 30s", "window: 20s", "shorter than two intervals"),
        ("[$window]))\n  cpu", "[5m]))\n  cpu", "the range [5m] is fixed"),
        ("error_rate > 25%", "error_rate > 250%", "a share is at most 100%"),
        ("strategy: sticky ", "strategy: sticky\n  upstream: app\n #", "`upstream` has no effect"),
        ("executor: ssh\n", "executor: ssh\n  wave_bake: 5m\n", "no host has a wave"),
        ("[lb-1.example.com, lb-2.example.com]", "[{name: lb-1, wave: 1}, {name: lb-2, wave: 1}]", "in the same wave"),
        ("blind_warning: 2m", "blind_warning: 10s", "shorter than one interval"),
    ],
)
def test_what_is_allowed_but_odd_is_a_warning(folder, old, new, words):
    text = folder.patch(S, old, new).file(S).read_text("utf-8")
    assert new in text
    settings, problems, warnings = check(folder.path, {}, require_slack=False)
    assert settings is not None, problems
    assert any(words in w.what for w in warnings), warnings


BLUE_GREEN = """stages:
  - {name: green, weight: 0, bake: 1h, gates: [error_rate < 5%]}
  - {name: flip, weight: 100, bake: 1h, gates: [error_rate < 5%]}

# Any of these"""


def blue_green(folder, keep_warm=""):
    folder.patch(S, "stages: [50%]", "stages: [flip]")
    text = folder.patch(S, "strategy: sticky ", f"strategy: blue_green\n{keep_warm} #").file(S).read_text("utf-8")
    start, end = text.index("stages:\n"), text.index("# Any of these")
    folder.file(S).write_text(text[:start] + BLUE_GREEN + text[end + len("# Any of these") :], "utf-8")
    return check(folder.path, {}, require_slack=False)


def test_blue_green_begins_at_nobody_or_the_audience_and_flips(folder):
    settings, problems, warnings = blue_green(folder)
    assert not problems, problems
    plan = settings.plans["brand-diagnosis"]
    assert [s.weight for s in plan.stages] == [0.0, 100.0]
    assert plan.traffic.keep_warm == plan.watch
    ours = [w.what for w in warnings if w.file == str(folder.file(S))]
    assert ["`sticky_by` has no effect" in what for what in ours] == [True]


def test_blue_green_keeps_the_old_pool_for_longer_than_the_watch_never_shorter(folder):
    settings, _, _ = blue_green(folder, "  keep_warm: 48h\n")
    assert settings.plans["brand-diagnosis"].traffic.keep_warm == 48 * 3600
    folder.patch(S, "keep_warm: 48h", "keep_warm: 1h")
    _, problems, _ = check(folder.path, {}, require_slack=False)
    assert [(p.line, "24h or more" in p.mend) for p in problems] == [(folder.line(S, "keep_warm: 1h"), True)]


def test_nobody_reaches_a_stage_of_0_without_a_way_in(folder):
    folder.patch(S, "  override_cookie: gray_release=true", "  #")
    folder.patch(S, "  internal: {cidrs", "  # {cidrs")
    _, problems, warnings = blue_green(folder)
    assert not problems
    assert any("nobody reaches the new version" in w.what for w in warnings)


def test_one_load_balancer_first(folder):
    folder.patch(S, "[lb-1.example.com,", "[{name: lb-1, wave: 1},").patch(
        S, "executor: ssh\n", "executor: ssh\n  wave_bake: 90s\n"
    )
    settings, _, warnings = check(folder.path, {}, require_slack=False)
    plan = settings.plans["brand-diagnosis"]
    assert waves(plan) == (("lb-1",), ("lb-2.example.com",)) and plan.fleet.wave_bake == 90
    assert not [w for w in warnings if w.file == str(folder.file(S))]
    folder.patch(S, "wave_bake: 90s", "wave_bake: 91s")
    assert check(folder.path, {}, require_slack=False)[0].plans["brand-diagnosis"].hash != plan.hash


def test_steps_of_the_way_back(folder):
    folder.patch(S, "promote: manual ", "rollback: {steps: [25, 5, 0.5], step_every: 30s}\npromote: manual ")
    plan = check(folder.path, {}, require_slack=False)[0].plans["brand-diagnosis"]
    assert plan.step_down == StepDownRule((25.0, 5.0, 0.5), 30.0)


def test_blue_green_has_no_steps_back(folder):
    folder.patch(S, "promote: manual ", "rollback: {steps: [25]}\npromote: manual ")
    _, problems, _ = blue_green(folder)
    assert [p.mend for p in problems] == ["remove rollback"]


def test_a_share_to_wait_for(folder):
    before = check(folder.path, {}, require_slack=False)[0].plans["brand-diagnosis"]
    assert before.share is None
    folder.patch(S, "promote: manual ", "share: {metric: requests, tolerance: 0.5, warn_after: 5m}\npromote: manual ")
    plan = check(folder.path, {}, require_slack=False)[0].plans["brand-diagnosis"]
    assert plan.share == ShareRule("requests", 0.5, 300.0)
    assert plan.hash != before.hash


def test_keep_warm_elsewhere_is_odd(folder):
    folder.patch(S, "strategy: sticky ", "strategy: sticky\n  keep_warm: 48h #")
    settings, _, warnings = check(folder.path, {}, require_slack=False)
    assert settings.plans["brand-diagnosis"].traffic.keep_warm == 0
    assert any("`keep_warm` has an effect with strategy blue_green only" in w.what for w in warnings)


def test_a_problem_reads_as_one_line():
    assert str(Problem("a.yaml", 3, "what", "mend")) == "a.yaml:3: what — mend"
    assert str(Problem("environment", 0, "what", "mend")) == "environment: what — mend"
