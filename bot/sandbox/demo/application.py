"""What the demo's checks, backups and steps are done to, in place of production machines.

A repository, a database under constant writes, and a list of what runs. The words and the order are the shipped plan's.
"""

from __future__ import annotations

import shlex
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

from bot.sandbox.production.world import World


class Application:
    """A folder with what a service leaves on a machine. Enter for constant writes to its database, leave for an end."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.source, self.results = root / "source", root / "results.txt"
        self.database, self.backups, self.running = root / "app.db", root / "backups", root / "running.txt"
        self._stop = threading.Event()
        self._writer: threading.Thread | None = None

    def make(self) -> None:
        """Raises OSError or subprocess.CalledProcessError where there is no git."""
        self.source.mkdir(parents=True)
        (self.source / "app.py").write_text("VERSION = '2.1.0'\n")
        git = ["git", "-C", str(self.source), "-c", "user.name=demo", "-c", "user.email=demo@example.com"]
        for args in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "2.1.0"], ["tag", "v2.1.0"]):
            subprocess.run([*git, *args], check=True, capture_output=True)
        self.results.write_text("126 passed, 2 failed\n")
        self.running.write_text("2.0.0\n")
        with closing(sqlite3.connect(self.database)) as db:
            db.execute("pragma journal_mode=wal")
            db.execute("create table reports (id integer primary key, brand text, made_at real)")
            db.commit()

    def __enter__(self) -> Application:
        self._writer = threading.Thread(target=self._write, name="application")
        self._writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._writer:
            self._writer.join()

    def _write(self) -> None:
        with closing(sqlite3.connect(self.database, timeout=30)) as db:
            while not self._stop.wait(0.005):
                db.execute("insert into reports (brand, made_at) values ('brand', unixepoch('subsec'))")
                db.commit()


def around(app: Application, world: World) -> dict[str, Any]:
    """What a plan says besides the traffic: the shipped plan's, for this application."""
    source, running = shlex.quote(str(app.source)), shlex.quote(str(app.running))
    python = shlex.quote(sys.executable)
    fetch = f"{python} -m bot.sandbox.demo.load_test"
    step: dict[str, Any] = {"deadline": "30s", "safe": True}
    return {
        "checks": [
            {
                "name": "code-version",
                "title": "代码版本",
                "command": f'cd {source} && test -z "$(git status --porcelain)" && git rev-parse HEAD && '
                'test "$(git rev-parse HEAD)" = "$(git rev-parse "v$ROLLOUT_VERSION^{commit}")"',
            },
            {
                "name": "test-results",
                "title": "测试结果",
                "command": f"cat {shlex.quote(str(app.results))}",
                "contains": "[0-9]+ passed(?!.*failed)",
            },
            {
                "name": "database",
                "title": "数据库连接",
                "command": f"{python} -c 'import sqlite3, sys; print(*sqlite3.connect(sys.argv[1])"
                f'.execute("pragma quick_check").fetchone())\' {shlex.quote(str(app.database))}',
                "contains": "^ok",
            },
            {"name": "adapters", "title": "应用适配器", "http": f"{world.pools['stable'].url}/healthz"},
            {"name": "prometheus", "title": "Prometheus 健康", "http": f"{world.prometheus.url}/-/healthy"},
            {"name": "disk", "title": "磁盘空间", "disk": "/", "free": 1},
            {"name": "memory", "title": "可用内存", "memory": "available", "free": 1},
            {"name": "backup", "title": "备份", "backup": "app-db", "max_age": "1h"},
        ],
        "checklist": [
            {"name": "production-config", "title": "生产环境配置已核对", "owner": "devops"},
            {"name": "database-backup", "title": "数据库备份已确认", "owner": "backend"},
            {"name": "alert-config", "title": "告警配置已核对", "owner": "devops"},
            {"name": "rollback-tried", "title": "回滚方案已演练", "owner": "testers"},
            {"name": "log-collection", "title": "日志采集正常", "owner": "devops"},
        ],
        "backups": [{"name": "app-db", "sqlite": str(app.database), "folder": str(app.backups), "keep": "7d"}],
        "steps": {
            "before_start": [
                {
                    "name": "start-new",
                    "title": "启动新版本",
                    "command": f'echo "$ROLLOUT_VERSION" >> {running} && cat {running}',
                    **step,
                }
            ],
            "during_stage": [
                {
                    "name": "load-test",
                    "title": "压力测试",
                    "stages": ["50%"],
                    "command": f'{fetch} "http://${{ROLLOUT_CANARY%% *}}/report" 3',
                    "result": r"Requests/sec: ([0-9.]+)",
                    "must": "> 20",
                    **step,
                }
            ],
            "on_rollback": [
                {"name": "stop-new", "title": "停止新版本", "command": _without(running, "VERSION"), **step},
                {"name": "start-old", "title": "启动旧版本", "command": f"grep . {running}", **step},
            ],
            "after_completion": [
                {"name": "take-old-off", "title": "下线旧版本", "command": _without(running, "STABLE_VERSION"), **step}
            ],
        },
        "rollback_verification": [
            {"name": "service", "title": "服务", "aspect": "service", "http": f"{world.pools['stable'].url}/healthz"},
            {"name": "report", "title": "功能", "aspect": "function", "http": f"{world.pools['stable'].url}/report"},
            {
                "name": "scraped",
                "title": "监控",
                "aspect": "monitoring",
                "promql": "sum(up)",
                "must": ">= 1",
            },
        ],
        "baseline": {"window": "12s", "samples": 6},
        "override": {"from": ["release-managers"]},
        "watch_every": "2s",
        "report": {
            "sign_off": [
                {"title": "运维", "title_en": "DevOps", "from": ["devops"]},
                {"title": "首席架构师", "title_en": "Chief architect", "from": ["architects"]},
                {"title": "后端", "title_en": "Back end", "from": ["backend"]},
                {"title": "前端", "title_en": "Front end", "from": ["frontend"]},
                {"title": "测试", "title_en": "Test", "from": ["testers"]},
                {"title": "项目负责人", "title_en": "Project lead", "from": ["project-leads"]},
            ]
        },
    }


def _without(running: str, which: str) -> str:
    """Takes a version off the list of what runs."""
    return f'grep -vx "$ROLLOUT_{which}" {running} > {running}.new; mv {running}.new {running}; cat {running}'
