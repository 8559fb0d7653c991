"""The whole bot as shipped, behind a real Alertmanager: each row of the runbook's two tables, firing and resolved.

Mail goes to a real SMTP server, SMS to a gateway, Slack to the sandbox. Only times are shortened, and addresses these.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.alerts.plan import Rule
from bot.app import Bot
from bot.sandbox.demo.people import message_key
from bot.sandbox.production.alertmanager import Alertmanager
from bot.sandbox.production.ports import Ports
from bot.sandbox.slack import CHANNELS, SandboxServer, demo_workspace
from bot.sandbox.slack.models import Message
from bot.store.sqlite import SqliteStore
from config.settings import Settings, check
from tests.e2e.test_alerts import SHIPPED, Gateway, serve, short_times, until
from tests.engine.test_alert_intake import TOKEN
from tests.notify.conftest import Offices, Post

RELEASES = CHANNELS["releases"]
TEAM, TEAM_NUMBER = "dev-team@example.com", "+15555550100"


@pytest.fixture
async def offices(tmp_path: Path) -> AsyncIterator[Offices]:
    offices = Offices(tmp_path)
    yield offices
    await offices.close()


def settings_for(folder: Path, slack: SandboxServer, mail: int, sms: int) -> Settings:
    """The shipped rules are not evaluated here (no Prometheus): the same alerts come from Alertmanager."""
    shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    short_times(folder)
    channels = folder / "channels.yaml"
    text = channels.read_text("utf-8").replace("https://sms.example.com", f"http://127.0.0.1:{sms}")
    channels.write_text(text.replace("burst: 20", "burst: 200"), "utf-8")
    environ = {
        "SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token, "SLACK_API_URL": slack.api_url,
        "SMTP_URL": f"smtp://127.0.0.1:{mail}?starttls=never", "SMS_TOKEN": "t" * 20, "ALERTS_TOKEN": TOKEN,
        "HTTP_PORT": "0", "PROMETHEUS_URL": "http://127.0.0.1:9",
    }  # fmt: skip
    found, problems, _ = check(folder, environ)
    assert found is not None, problems
    return found


def as_prometheus_posts(rule: Rule, began: float, ends_in: float) -> dict[str, Any]:
    def stamp(at: float) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))

    labels = {"alertname": rule.name, "severity": rule.severity, "service": "brand-diagnosis"} | dict(rule.labels)
    return {
        "labels": labels,
        "annotations": {"title": rule.title, "summary": f"{rule.title} on brand-diagnosis"},
        "startsAt": stamp(began),
        "endsAt": stamp(time.time() + ends_in),
    }


@dataclass
class Stage:
    """What arrived so far, by every way."""

    post: Post
    gateway: Gateway
    slack: SandboxServer
    bot: Bot

    def mailed(self, kind: str) -> dict[str, set[str]]:
        """title -> to whom, of the mails of a kind (警告, 严重, 已恢复)."""
        found: dict[str, set[str]] = {}
        for mail, to in zip(self.post.mails, self.post.to, strict=True):
            if match := re.fullmatch(rf"【{kind}】(.*?) · brand-diagnosis", str(mail["Subject"])):
                found.setdefault(match[1], set()).add(to)
        return found

    def in_slack(self, prefix: str) -> list[Message]:
        messages = self.slack.workspace.messages(RELEASES)
        return [m for m in messages if message_key(m).startswith(prefix) and "brand-diagnosis" in m.text]

    def seen(self) -> object:
        return ([str(m["Subject"]) for m in self.post.mails], self.gateway.sent, self.in_slack(""))


async def test_each_row_of_the_runbooks_tables_fires_and_is_resolved(tmp_path: Path, offices: Offices) -> None:
    gateway, slack = Gateway(), SandboxServer(demo_workspace())
    post = await offices.open(Post())
    sms, sms_port = await serve([web.post("/v1/messages", gateway.answer)])
    await slack.start()
    settings = settings_for(tmp_path / "config", slack, post.port, sms_port)
    assert settings.alerts is not None
    store = await SqliteStore.open(str(tmp_path / "bot.db"))
    bot = Bot(settings, store)
    try:
        async with asyncio.timeout(240), bot:
            url = f"http://127.0.0.1:{bot.web._runner.addresses[0][1]}/alerts"  # type: ignore[union-attr]
            with Ports() as ports:
                manager = Alertmanager(tmp_path / "alertmanager", port=ports.take(), webhook=url, token=TOKEN)
                async with manager, aiohttp.ClientSession() as session:
                    await play(Stage(post, gateway, slack, bot), manager, session, settings.alerts.rules)
    finally:
        await store.close()
        await slack.stop()
        await sms.cleanup()


async def play(stage: Stage, manager: Alertmanager, session: aiohttp.ClientSession, rules: tuple[Rule, ...]) -> None:
    began = time.time() - 60
    warnings = [rule for rule in rules if rule.severity == "warning"]
    (critical,) = (rule for rule in rules if rule.severity == "critical")
    assert len(warnings) == 7

    await manager.post(session, [as_prometheus_posts(rule, began, 600) for rule in warnings])
    await until(lambda: len(stage.mailed("警告")) == 7, stage.seen)
    assert stage.mailed("警告") == {rule.title: {TEAM} for rule in warnings}  # Warning: mail to the developers
    assert (stage.gateway.sent, stage.in_slack("alert")) == ([], [])

    await manager.post(session, [as_prometheus_posts(critical, began, 600)])
    await until(lambda: len(stage.gateway.sent) == 2 and len(stage.in_slack("alertcard:")) == 1, stage.seen)
    await until(lambda: stage.mailed("严重") == {critical.title: {TEAM}}, stage.seen)
    numbers = {s["to"] for s in stage.gateway.sent}
    assert TEAM_NUMBER in numbers and len(numbers) == 2  # the team's, and that of whoever is on call
    assert all(critical.title in s["text"] and "brand-diagnosis" in s["text"] for s in stage.gateway.sent)
    await acknowledged(stage)

    await manager.post(session, [as_prometheus_posts(rule, began, -1) for rule in rules])
    await until(lambda: len(stage.mailed("已恢复")) == 8, stage.seen)
    assert stage.mailed("已恢复") == {rule.title: {TEAM} for rule in rules}
    await until(lambda: stage.in_slack("alertcard:")[0].text.startswith("✅"), stage.seen)
    card = stage.in_slack("alertcard:")[0]
    await until(lambda: [m for m in stage.slack.workspace.messages(RELEASES) if m.thread_ts == card.ts], stage.seen)
    assert len(stage.gateway.sent) == 2  # the shipped SMS receivers want no end
    await until(lambda: not state_of(stage.bot).firing("brand-diagnosis"), stage.seen)


def state_of(bot: Bot) -> Any:
    assert bot.alerts is not None and bot.alerts.alerting.known is not None
    return bot.alerts.alerting.known


async def acknowledged(stage: Stage) -> None:
    """By the button, as somebody would on a telephone; the message is edited."""
    card = stage.in_slack("alertcard:")[0]
    lin = stage.slack.person("lin")
    await stage.slack.wait_connected(30)
    outcome = await lin.click(RELEASES, card.ts, "alert.ack", wait=20.0)
    assert outcome.ok, outcome
    await until(lambda: f"<@{lin.id}>" in str(stage.in_slack("alertcard:")[0].blocks), stage.seen)
    assert "alert.ack" not in str(stage.in_slack("alertcard:")[0].blocks)
