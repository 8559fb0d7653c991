"""The demo's configuration: the shipped one, with short bakes and this machine's addresses. Nothing else is changed."""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from bot.sandbox.production.world import World

SERVICE = "brand-diagnosis"
TITLES = {
    "error_rate": "error rate",
    "p95": "P95",
    "p99": "P99",
    "report_success_rate": "report success",
    "availability": "availability",
    "cpu": "CPU",
    "memory": "memory",
    "concurrent_users": "concurrent users",
    "open_critical_alerts": "open criticals",
    "requests": "requests",
    "reports": "reports",
}
BAKES = {"internal": 6.0, "1%": 10.0, "10%": 8.0, "50%": 8.0, "100%": 8.0}


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds of the demo's plan. A day of the runbook is a few seconds here; every threshold stays.

    window and hold are the triggers'; a catastrophe's `for: 0s` stays 0.
    """

    bakes: dict[str, float] = field(default_factory=lambda: dict(BAKES))
    max_bake: float = 90.0
    interval: float = 0.5
    window: float = 4.0
    hold: float = 2.0
    watch: float = 6.0
    drift: float = 3.0
    blind_warning: float = 3.0


def write_config(shipped: Path, into: Path, world: World, pace: Pace, language: str) -> None:
    """Copies the shipped configuration into a new folder and adapts it. Raises OSError."""
    shutil.copytree(shipped, into, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    yaml = YAML()
    yaml.width = 1000
    for file, adapt in (
        (into / "bot.yaml", lambda data: data.update(language=language)),
        (into / "services" / f"{SERVICE}.yaml", lambda data: _adapt_plan(data, world, pace, language)),
    ):
        data = yaml.load(file.read_text("utf-8"))
        adapt(data)
        text = io.StringIO()
        yaml.dump(data, text)
        file.write_text(text.getvalue(), "utf-8")
    for other in (into / "services").glob("*.yaml"):
        if other.stem != SERVICE:
            other.unlink()


def _adapt_plan(plan: Any, world: World, pace: Pace, language: str) -> None:
    if language == "en":
        # A plan's titles are in its team's language; the demo speaks one language throughout.
        plan["title"] = "Brand diagnosis"
        for name, metric in plan["metrics"].items():
            metric["title"] = TITLES.get(name, name)
    traffic = plan["traffic"]
    traffic["stable"] = [world.pools["stable"].address]
    traffic["canary"] = [world.pools["canary"].address]
    traffic["stable_version"] = DoubleQuotedScalarString(world.pools["stable"].version)
    traffic["internal"]["cidrs"] = ["127.9.0.0/16"]  # the load comes from 127.0.0.1; colleagues send the header
    plan["fleet"] = {
        "executor": "local",
        "hosts": [
            {
                "name": host.name,
                "nginx": host.nginx,
                "nginx_conf": host.nginx_conf,
                "conf_dir": host.conf_dir,
                "pid_file": host.pid_file,
                "status": host.status,
            }
            for host in world.hosts
        ],
    }
    for metric in plan["metrics"].values():
        # A subquery's step must fit into a bake of seconds.
        metric["query"] = LiteralScalarString(metric["query"].replace("[$window:15s]", "[$window:1s]"))
    for stage in plan["stages"]:
        stage["bake"] = _seconds(pace.bakes[stage["name"]])
        stage["max_bake"] = _seconds(pace.max_bake)
    plan["rollback_when"] = [_trigger(t, pace) for t in plan["rollback_when"]]
    plan.update(
        interval=_seconds(pace.interval),
        watch=_seconds(pace.watch),
        drift_interval=_seconds(pace.drift),
        blind_warning=_seconds(pace.blind_warning),
    )


def _trigger(trigger: Any, pace: Pace) -> dict[str, str]:
    given = {"when": trigger} if isinstance(trigger, str) else dict(trigger)
    waits = given.get("for") != "0s"
    return {"when": given["when"], "for": _seconds(pace.hold) if waits else "0s", "window": _seconds(pace.window)}


def _seconds(value: float) -> str:
    return f"{round(value * 1000)}ms"
