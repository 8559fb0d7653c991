"""The demo's alerts.yaml and channels.yaml: what the bot makes of them, and that nothing in them leads elsewhere."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import config
from bot.sandbox.demo.alerting import adapt_channels, adapt_shipped, shorten
from config.channels import GatewaySettings, MailSettings
from config.settings import Settings, check

SMS = "http://127.0.0.1:9999/gateway/sms"


def edit(file: Path, change: Callable[[Any], object]) -> None:
    yaml, text = YAML(), io.StringIO()
    yaml.width = 1000
    data = yaml.load(file.read_text("utf-8"))
    change(data)
    yaml.dump(data, text)
    file.write_text(text.getvalue(), "utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    shutil.copytree(Path(config.__file__).parent, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return folder


def read(folder: Path) -> Settings:
    settings, problems, _ = check(folder, {"SMTP_URL": "smtp://127.0.0.1:2525?starttls=never"}, require_slack=False)
    assert settings is not None, problems
    return settings


def brisk(alerts: Any, language: str) -> None:
    adapt_shipped(alerts, language)
    shorten(alerts)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_shipped_alerts_in_seconds_with_a_channel_for_each_severity(folder: Path, language: str) -> None:
    before = read(folder).alerts
    edit(folder / "channels.yaml", lambda data: adapt_channels(data, SMS))
    edit(folder / "alerts.yaml", lambda data: brisk(data, language))
    after = read(folder).alerts
    assert before and after
    assert [rule.key for rule in after.rules] == [rule.key for rule in before.rules if rule.name != "DiskFull"]
    assert [rule.condition for rule in after.rules] == [r.condition for r in before.rules if r.name != "DiskFull"]
    assert all(rule.every <= 10 and rule.hold_for <= 2 and rule.keep_firing_for <= 10 for rule in after.rules)
    assert all("[2m]" not in rule.query and "[5m]" not in rule.query for rule in after.rules)
    critical = next(route for route in after.route.routes if route.name == "critical")
    assert (after.route.group_wait, critical.repeat_interval, critical.escalate[0].after) == (1.0, 120.0, 30.0)
    to = {receiver.name: receiver.to for receiver in after.receivers}
    assert to["dev-slack"] == ("critical",) and to["warnings-slack"] == ("warnings",)
    assert set(critical.receivers) == {"dev-mail", "dev-sms", "dev-slack"}
    assert any("错误" in rule.title for rule in after.rules) == (language == "zh")


def test_a_team_s_own_ways_to_people_end_in_the_inbox(folder: Path) -> None:
    def add(channels: Any) -> None:
        channels["channels"]["phone"] = {"kind": "apprise", "url_env": "PHONE_URL"}
        channels["channels"]["pager"] = {
            "kind": "webhook",
            "url": "https://hooks.example.com/x",
            "signing_key_env": "PAGER_KEY",
        }
        channels["channels"]["chat"] = {"kind": "slack"}
        channels["heartbeat"] = {"url_env": "HEARTBEAT_URL", "interval": "1m"}

    edit(folder / "channels.yaml", add)
    edit(folder / "channels.yaml", lambda data: adapt_channels(data, SMS))
    settings = read(folder)
    assert settings.channels.heartbeat is None
    ways = settings.channels.channels.values()
    gateways = [way for way in ways if isinstance(way, GatewaySettings)]
    assert {way.name for way in gateways} == {"sms", "phone", "pager"}
    assert {way.url.fill({}) for way in gateways} == {SMS}
    assert {way.name for way in ways if isinstance(way, MailSettings) and way.server} == {"mail"}


def test_durations_that_are_not_written_stay_unwritten() -> None:
    alerts = {"route": {"notify": ["a"]}, "rules": [{"query": "up[5m] + x{code=~'[0-9]'}", "for": "1h"}]}
    shorten(alerts)
    assert alerts == {"route": {"notify": ["a"]}, "rules": [{"query": "up[10s] + x{code=~'[0-9]'}", "for": "2m"}]}
