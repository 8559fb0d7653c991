"""What surrounds the traffic, written wrong: the line, what is wrong, and the mend."""

from __future__ import annotations

import pytest

from bot.rollout.runbook import BOT, BackupRule, Baseline, Check, Machine, Must, Phase, Runbook
from config.secret import Secret
from config.settings import check

S = "plan"
STEP = "      title: 压力测试\n"  # within the load test
# (what stands there, what is written instead, a marker on the expected line, words of the message)
ON = "      on: [app-1, app-2]\n      deadline: 2m"  # of the first step
APP_1, APP_2 = "app-1: {address: 10.0.1.10, user: deploy}", "app-2: {address: 10.0.1.11, user: deploy}"
DISK, MUST, DB = "disk: /, on: app-1", '      must: "> 100"', "{name: app-db, sqlite: /var"
BROKEN = [
    # machines
    (APP_1, "app-1: {adress: 10.0.1.10}", "app-1: {adr", "did you mean `address`?"),
    (APP_1, "app-1: {user: deploy}", "app-1: {user", "add address"),
    ("app-1: {address: 10.0.1.10,", "app-1: {address: -oX,", "app-1: {address", "not a host name or address"),
    (APP_2, "bot: 10.0.1.12\n  app-2: 10.0.1.11", "  bot: 10", "remove it"),
    (APP_2, "lb-1.example.com: x\n  app-2: 10.0.1.11", "  lb-1.", "without being"),
    ("app-2: {address: 10.0.1.11,", "app-2: {port: 0, address: 10.0.1.11,", "app-2: {", "write 1 to 65535"),
    # checks
    (DISK, "disk: /, on: app-l", "on: app-l", "did you mean `app-"),
    (DISK, "disk: root, on: app-1", "disk: root", "begin with /"),
    ("disk: /, on: app-1, free: 20}", "disk: /, on: app-1, free: 120}", "free: 120", "percentage that is to be free"),
    ("disk: /, on: app-1, free: 20}", "disk: /, on: app-1, free: 20%}", "free: 20%", "without %"),
    ("disk: /, on: app-1, free: 20}", "disk: /, on: app-1, must: x}", "must: x}", "disk takes free, on"),
    ("disk: /, on: app-1, free", "disc: /, on: app-1, free", "disc: /", "did you mean `disk`?"),
    ("memory: available, on: app-1", "memory: true, on: app-1", "memory: true", "known here: available"),
    ("memory: available, on: app-1", "memory: available, file: /x, on: app-1", "file: /x", "make a check of each"),
    ("memory: available, on: app-1, free: 20}", "deadline: 10s}", "deadline: 10s}", "add one of command, http"),
    ('http: "http://127.0.0.1:9090/-/healthy"', "http: localhost", "http: localhost", "write it as http://"),
    ("backup: app-db, max_age: 1h", "backup: app-bd, max_age: 1h", "backup: app-bd", "did you mean `app-db`?"),
    ("{name: prometheus, title", "{name: my prometheus, title", "name: my prom", "letters, digits, _ and -"),
    ("{name: prometheus, title", "{name: before, title", "name: before", "choose another"),
    ("{name: prometheus, title", "{name: Grafana, title", "{name: grafana", "a check has this name already"),
    ("{name: prometheus, title", "{title", "{title: Prometheus", "add name"),
    ("contains: '^ok\\b'", "contains: '^ok('", "contains: '^ok(", "not a regular expression"),
    ("contains: '\"database\"", "status: 1000, contains: '\"database\"", "status: 1000", "write 100 to 599"),
    ("max_age: 1h}", "max_age: 1h, deadline: 2h}", "deadline: 2h", "write 1s to 1h"),
    # checklist and backups
    ("owner: backend}", "owner: bakend}", "owner: bakend", "did you mean `backend`?"),
    ("owner: backend}", "ownr: backend}", "ownr:", "did you mean `owner`?"),
    ("title: 日志采集正常, owner", "owner", "log-collection", "add title"),
    ("name: log-collection", "name: alert-config", "title: 日志采集正常", "has this name already"),
    (DB, "{name: app-db, sqlite: ../var", "sqlite: ..", "begin with /"),
    (DB, "{name: app-db, command: pg_dump, sqlite: /var", "command: pg_dump,", "keep one"),
    (DB, "{name: app-db, on: app-1, sqlite: /var", "on: app-1, sqlite", "bot's own machine"),
    ("sqlite: /var/lib/brand-diagnosis/brand-diagnosis.db, ", "", "{name: app-db", "add sqlite"),
    (", folder: /var/backups/rollout-bot", "", "{name: app-db", "add folder"),
    ("keep: 7d}", "keep: 7}", "keep: 7}", "write 7s for seconds"),
    ("{name: app-db, sqlite", "{name: grafana, sqlite", "{name: grafana, sqlite", "a check has this name already"),
    # steps
    ("  before_start:", "  before_starts:", "before_starts:", "did you mean `before_start`?"),
    ("    - name: new-answers", "    - name: start-new", "- name: start-new\n      title: 新", "has this name already"),
    ("    - name: new-answers", "    - name: disk-1", "- name: disk-1", "a check has this name already"),
    ("      safe: true\n      retries: 1", "      retries: 1", "retries: 1", "add safe: true"),
    ("      retries: 1", "      retries: 11", "retries: 11", "write 0 to 10"),
    ("      retries: 1", '      retries: 1\n      stages: [50%]', "stages: [50%]\n    - name: new", "happens once"),
    ("stages: [50%]", "stages: [5%]", "stages: [5%]", "did you mean `50%`?"),
    ("stages: [50%]", "stages: []", "stages: []", "every stage"),
    (ON, "      on: app-3\n      deadline: 2m", "on: app-3", "did you mean `app-"),
    (ON, "      on: []\n      deadline: 2m", "on: []", "runs nowhere"),
    (ON, "      on: [app-1, app-1]\n      deadline: 2m", "on: [app-1, app-1]",
     "name each once"),
    ("      deadline: 10m", "      deadline: 25h", "deadline: 25h", "write 1s to 24h"),
    (MUST, "      must: > 100", "must: > 100", "begins with > or |"),
    (MUST, "      must: != 100", "must: != 100", "quote text"),
    (MUST, '      must: "=> 100"', 'must: "=> 100"', "write >="),
    (MUST, '      must: "much"', 'must: "much"', "comparison and number"),
    ("      result: 'Requests", "      rsult: 'Requests", "rsult:", "did you mean `result`?"),
    ("\\s+([0-9.]+)'", "\\s+[0-9.]+'", "result:", "put (…) around the number"),
    ("      result: 'Requests/sec:\\s+([0-9.]+)'\n", "", "must: \"> 100\"", "add result"),
    (STEP, STEP + "      secrets: [lower]\n", "secrets: [lower]", "write the name of one"),
    (STEP, STEP + "      secrets: [SLACK_BOT_TOKEN]\n", "secrets: [SLACK", "a secret of its own"),
    (STEP, STEP + "      secrets: [xoxb-1-2]\n", "secrets: [xoxb", "from the environment"),
    (STEP, STEP + "      password: hush\n", "password:", "from the environment"),
    ("      command: wrk", "      comand: wrk", "comand: wrk", "did you mean `command`?"),
    # verification, baseline, sign-off
    ("    aspect: service", "    aspect: servce", "aspect: servce", "did you mean `service`?"),
    ("    aspect: service\n", "", "  - name: service", "add aspect"),
    ('    must: ">= 1"\n', "", "- name: scraped", 'add must: "< 5"'),
    ('up{job="brand-diagnosis"})', 'up{job="$servce"})', "promql:", "did you mean `service`?"),
    (DISK, "aspect: service, disk: /, on: app-1", "aspect: service, disk", "unknown key `aspect`"),
    ("baseline: {window: 1h", "baseline: {window: 8d", "baseline: {", "write 1s to 168h"),
    ("samples: 12}", "samples: 1}", "baseline: {", "write 2 to 200"),
    ("override: {from: [release-managers]}", "override: {from: [release-manager]}", "override:", "`release-managers`?"),
    ("watch_every: 1h", "watch_every: 0s", "watch_every:", "write 200ms to 24h"),
    ("from: [architects]}", "from: [architect]}", "[architect]", "did you mean `architects`?"),
    (", from: [architects]}", "}", "Chief architect}", "add from: [devops]"),
    ("title: 后端", "title: 前端", "title: 前端", "give each its own title"),
    ("remind_every: 24h", "emoji: ✅", "emoji: ✅", "write its name"),
    ("next_review: 7d", "nextreview: 7d", "nextreview", "did you mean `next_review`?"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "marker", "words"), BROKEN)
def test_each_fault_names_its_line_and_its_mend(folder, old, new, marker, words):
    folder.patch(S, old, new)
    settings, problems, _ = check(folder.path, {}, require_slack=False)
    assert settings is None
    here = [str(p) for p in problems if (p.file, p.line) == (str(folder.file(S)), folder.line(S, marker))]
    assert any(words in text for text in here), "\n".join(map(str, problems))
    assert len(problems) <= 3, "\n".join(map(str, problems))
    assert "hush" not in "".join(map(str, problems))


def test_all_at_once(folder):
    for old, new in (
        (DISK, "disk: /, on: nowhere"),
        ("owner: backend}", "owner: nobody-here}"),
        ("keep: 7d}", "keep: 7}"),
        ("      safe: true\n      retries: 1", "      retries: 1"),
        ("    aspect: service\n", ""),
        ("baseline: {window: 1h", "baseline: {window: 8d"),
        ("from: [architects]}", "from: [architect]}"),
    ):
        folder.patch(S, old, new)
    _, problems, _ = check(folder.path, {}, require_slack=False)
    assert len(problems) == 7 and len({p.line for p in problems}) == 7, "\n".join(map(str, problems))


def test_without_the_keys_nothing_surrounds_the_traffic_and_the_hash_is_as_before(folder):
    text = folder.file(S).read_text("utf-8")
    folder.file(S).write_text(text[: text.index("# What surrounds the traffic.")], "utf-8")
    settings, problems, _ = check(folder.path, {}, require_slack=False)
    assert not problems, problems
    plan = settings.plans["brand-diagnosis"]
    assert plan.runbook == Runbook()
    assert '"runbook"' not in plan.source
    folder.patch(S, "watch: 24h", "irreversible: a column is gone\nwatch: 24h")
    changed = check(folder.path, {}, require_slack=False)[0].plans["brand-diagnosis"]
    assert changed.runbook == Runbook(irreversible="a column is gone") and changed.hash != plan.hash


EVERY_KEY = """
machines:
  one: 10.0.1.12
  two: {address: two.example.com, port: 2222, user: x}
checks:
  - {name: fresh, title: t, file: /var/log/*.gz, on: two, max_age: 2h, min_size: 0, deadline: 5s}
  - {name: lag, promql: "lag{service='$service'}", must: <= 5.50}
checklist:
  - {name: a, title: b, owner: lin}
  - {name: c, title: d, owner: U0OTHER001}
backups:
  - {name: pg, folder: /b, command: pg_dump x, verify: ./verify, on: one, keep: 30m, deadline: 1h}
steps:
  on_promote:
    - {name: warm, command: "true", on: one, stages: 10%, secrets: [WARM_TOKEN, OTHER_TOKEN]}
baseline: {}
report: {emoji: thumbsup, note_emoji: pencil}
"""


def test_every_key_and_every_default(folder):
    text = folder.file(S).read_text("utf-8")
    folder.file(S).write_text(text[: text.index("# What surrounds the traffic.")] + EVERY_KEY, "utf-8")
    environ = {"WARM_TOKEN": "hush"}
    settings, problems, warnings = check(folder.path, environ, require_slack=False)
    assert not problems, problems
    book = settings.plans["brand-diagnosis"].runbook
    assert book.machines == (Machine("one", "10.0.1.12"), Machine("two", "two.example.com", 2222, "x"))
    assert book.checks == (
        Check("fresh", "file_age", "t", "/var/log/*.gz", "two", 5.0, max_age=7200.0, min_size=0),
        Check("lag", "promql", target="lag{service='$service'}", must=Must("<=", 5.5, "<= 5.5")),
    )
    assert [item.owner for item in book.checklist] == ["U0LIN00001", "U0OTHER001"]
    assert book.backups == (BackupRule("pg", "/b", "", "pg_dump x", "./verify", "one", 1800.0, 3600.0),)
    (step,) = book.steps
    assert (step.phase, step.machines, step.stages) == (Phase.ON_PROMOTE, ("one",), ("10%",))
    assert (step.deadline, step.safe, step.retries, step.must) == (300.0, False, 0, None)
    assert book.baseline == Baseline() and book.report.sign_off == ()
    assert (book.report.emoji, book.emoji_note) == ("+1", "pencil")
    assert settings.step_secrets == {"WARM_TOKEN": Secret("hush")} and "hush" not in repr(settings)
    ours = [w for w in warnings if w.file == str(folder.file(S))]
    assert [(w.line, w.what) for w in ours] == [
        (folder.line(S, "secrets: ["), "the environment variable OTHER_TOKEN is not set: step warm cannot run")
    ]


def test_a_secret_of_a_step_may_lie_in_a_file(folder, tmp_path):
    (tmp_path / "secret").write_text("hush\n")
    folder.patch(S, STEP, STEP + "      secrets: [LOAD_KEY]\n")
    environ = {"LOAD_KEY_FILE": str(tmp_path / "secret")}
    settings, _, _ = check(folder.path, environ, require_slack=False)
    assert settings.step_secrets["LOAD_KEY"].reveal() == "hush"
    _, problems, _ = check(folder.path, {"LOAD_KEY_FILE": str(tmp_path / "none")}, require_slack=False)
    assert ["LOAD_KEY_FILE" in p.what for p in problems] == [True]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("      deadline: 10m", "      deadline: 24h", None),
        ("    max_bake: 48h\n    gates: [error_rate < 2%", "    max_bake: 24h\n    gates: [error_rate < 2%", None),
        ("    bake: 24h\n    max_bake: 48h\n    gates: [error_rate < 2%", "    bake: 5m\n    gates: [error_rate < 2%",
         None),
        ("    bake: 24h\n    max_bake: 48h\n    gates: [error_rate < 2%", "    bake: 1m\n    gates: [error_rate < 2%",
         "may take 10m, and stage `50%` ends before that"),
        ("samples: 12}", "samples: 200}", "shorter than two intervals"),
    ],
)  # fmt: skip
def test_what_is_allowed_but_odd_is_a_warning(folder, old, new, words):
    folder.patch(S, old, new)
    settings, problems, warnings = check(folder.path, {}, require_slack=False)
    assert settings is not None, problems
    found = [w.what for w in warnings if w.file == str(folder.file(S))]
    assert any(words in what for what in found) if words else not found


def test_machines_are_reached_by_ssh_also_beside_a_local_nginx(folder):
    folder.patch(S, "  executor: ssh\n", "  executor: local\n  ssh: {user: bot, port: 2222}\n")
    folder.patch(S, "hosts: [lb-1.example.com, lb-2.example.com]", "hosts: [lb-1.example.com]")
    settings, problems, warnings = check(folder.path, {}, require_slack=False)
    assert not problems and not [w for w in warnings if w.file == str(folder.file(S))]
    machines = settings.plans["brand-diagnosis"].runbook.machines
    assert {(m.user, m.port) for m in machines} == {("deploy", 2222)}
    assert {check.machine for check in settings.plans["brand-diagnosis"].runbook.checks} == {BOT, "app-1", "app-2"}
