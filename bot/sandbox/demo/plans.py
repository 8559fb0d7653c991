"""The demo's configuration: the shipped one, with short bakes and this machine's addresses.

What surrounds the traffic is left out: its checks, backups and steps are of production machines and must not run here.
Nothing else is changed.
"""

from __future__ import annotations

import io
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from bot.sandbox.demo.alerting import adapt_channels, adapt_shipped, shorten
from bot.sandbox.production.world import World
from config.bot_file import is_zone

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
AROUND = (
    *("machines", "checks", "checklist", "backups", "irreversible", "steps", "rollback_verification", "baseline"),
    *("override", "watch_every", "report"),
)
_SUBQUERY = re.compile(r"\[\$window:\w+\]")
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

    def at_speed(self, speed: float) -> Pace:
        """The same with every bake that many times as short."""
        return replace(self, bakes={name: seconds / speed for name, seconds in self.bakes.items()})


def write_config(
    shipped: Path,
    into: Path,
    world: World,
    pace: Pace | None,
    *,
    language: str | None,
    sms_url: str,
    service: str = SERVICE,
    book: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Copies a configuration into a new folder and adapts it. Raises OSError.

    pace: None leaves the durations. language: of the bot and of what is shipped; None for a configuration of somebody's
    own, whose words, time zone and rules stay. sms_url: of the inbox. book: what surrounds the traffic instead.
    """
    shutil.copytree(shipped, into, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    plan = into / "services" / f"{service}.yaml"
    _edit(plan, lambda data: _adapt_plan(data, world, pace, language, book))
    if language:
        _edit(into / "bot.yaml", lambda data: data.update(language=language, timezone=local_zone()))
    if (into / "channels.yaml").exists():
        _edit(into / "channels.yaml", lambda data: adapt_channels(data, sms_url))
    if (into / "alerts.yaml").exists():
        _edit(into / "alerts.yaml", lambda data: _adapt_alerts(data, pace, language))
    for other in (into / "services").glob("*.yaml"):
        if other != plan:
            other.unlink()


def _edit(file: Path, adapt: Callable[[Any], None]) -> None:
    yaml = YAML()
    yaml.width = 1000
    yaml.preserve_quotes = True
    data = yaml.load(file.read_text("utf-8"))
    adapt(data)
    text = io.StringIO()
    yaml.dump(data, text)
    file.write_text(text.getvalue(), "utf-8")


def _adapt_plan(plan: Any, world: World, pace: Pace | None, language: str | None, book: Mapping[str, Any]) -> None:
    if language == "en":
        # A plan's titles are in its team's language; the demo speaks one language throughout.
        plan["title"] = "Brand diagnosis"
        for name, metric in plan["metrics"].items():
            metric["title"] = TITLES.get(name, name)
    for key in AROUND:
        plan.pop(key, None)
    plan.update(_titled_by_name(book) if language == "en" else book)
    _adapt_addresses(plan, world)
    if pace is not None:
        _adapt_durations(plan, pace)


def _titled_by_name(value: Any) -> Any:
    """Of what has a name and a title, the name in words."""
    if isinstance(value, Mapping):
        inner = {key: _titled_by_name(part) for key, part in value.items()}
        return inner | {"title": value["name"].replace("-", " ")} if {"name", "title"} <= value.keys() else inner
    return [_titled_by_name(part) for part in value] if isinstance(value, list) else value


def _adapt_alerts(alerts: Any, pace: Pace | None, language: str | None) -> None:
    if language:
        adapt_shipped(alerts, language)
    if pace is not None:
        shorten(alerts)


def local_zone() -> str:
    """The name of this machine's time zone, so that the bot's times are those of the page; UTC where it has no name."""
    named = os.environ.get("TZ", "").removeprefix(":")
    linked = str(Path("/etc/localtime").resolve()).partition("/zoneinfo/")[2]
    return next((zone for zone in (named, linked) if is_zone(zone)), "UTC")


def _adapt_addresses(plan: Any, world: World) -> None:
    traffic = plan["traffic"]
    traffic["stable"] = [world.pools["stable"].address]
    traffic["canary"] = [world.pools["canary"].address]
    traffic["stable_version"] = DoubleQuotedScalarString(world.pools["stable"].version)
    # The load comes from 127.0.0.1; colleagues among its users send the header.
    traffic["internal"] = {"cidrs": ["127.9.0.0/16"], "header": "X-Internal-User: 1"}
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


def _adapt_durations(plan: Any, pace: Pace) -> None:
    for metric in plan["metrics"].values():
        # A subquery's step must fit into a bake of seconds.
        metric["query"] = LiteralScalarString(_SUBQUERY.sub("[$window:1s]", metric["query"]))
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
