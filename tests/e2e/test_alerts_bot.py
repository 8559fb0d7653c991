"""The whole bot with the shipped alerts.yaml: a webhook in, a mail, two SMS and one message in Slack out."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot.app import Bot
from bot.sandbox.demo.people import message_key
from bot.sandbox.slack import CHANNELS, SandboxServer, demo_workspace
from bot.sandbox.slack.models import Message
from bot.store.sqlite import SqliteStore
from config.settings import Settings, check
from tests.e2e.test_alerts import SHIPPED, Gateway, serve, until
from tests.engine.test_alert_intake import TOKEN, an_alert, payload
from tests.notify.conftest import Offices, Post

RELEASES = CHANNELS["releases"]


@pytest.fixture
async def offices(tmp_path: Path) -> AsyncIterator[Offices]:
    offices = Offices(tmp_path)
    yield offices
    await offices.close()


def settings_for(folder: Path, slack: SandboxServer, mail: int, sms: int) -> Settings:
    shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    channels = folder / "channels.yaml"
    channels.write_text(channels.read_text("utf-8").replace("https://sms.example.com", f"http://127.0.0.1:{sms}"))
    environ = {
        "SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token, "SLACK_API_URL": slack.api_url,
        "SMTP_URL": f"smtp://127.0.0.1:{mail}?starttls=never", "SMS_TOKEN": "t" * 20, "ALERTS_TOKEN": TOKEN,
        "HTTP_PORT": "0", "PROMETHEUS_URL": "http://127.0.0.1:9",
    }  # fmt: skip
    found, problems, _ = check(folder, environ)
    assert found is not None, problems
    return found


async def test_a_critical_from_alertmanager_reaches_everybody_and_the_button_acknowledges_it(
    tmp_path: Path, offices: Offices
) -> None:
    gateway, ws = Gateway(), demo_workspace()
    post = await offices.open(Post())
    sms, sms_port = await serve([web.post("/v1/messages", gateway.answer)])
    slack = SandboxServer(ws)
    await slack.start()
    settings = settings_for(tmp_path / "config", slack, post.port, sms_port)
    store = await SqliteStore.open(str(tmp_path / "bot.db"))

    def cards() -> list[Message]:
        return [m for m in ws.messages(RELEASES) if message_key(m).startswith("alertcard:")]

    bot = Bot(settings, store)
    try:
        async with asyncio.timeout(60), bot:
            port = bot.web._runner.addresses[0][1]  # type: ignore[union-attr]
            headers = {"Authorization": f"Bearer {TOKEN}"}
            async with (
                aiohttp.ClientSession() as session,
                session.post(f"http://127.0.0.1:{port}/alerts", data=payload(an_alert()), headers=headers) as answer,
            ):
                assert answer.status == 200, await answer.text()
            await until(lambda: len(post.mails) == 1 and len(gateway.sent) == 2, lambda: (post.to, gateway.sent), 40)
            await until(lambda: len(cards()) == 1, lambda: ws.messages(RELEASES), 40)
            assert str(post.mails[0]["Subject"]) == "【严重】DiskFull · shop"
            await slack.wait_connected(20)
            outcome = await slack.person("lin").click(RELEASES, cards()[0].ts, "alert.ack", wait=10.0)
            assert outcome.ok, outcome
            await until(lambda: "alert.ack" not in str(cards()[0].blocks), lambda: cards()[0].blocks, 40)
            assert f"<@{slack.person('lin').id}>" in str(cards()[0].blocks)
            assert bot.alerts is not None
            (group,) = (await bot.alerts.alerting.state()).groups.values()
            assert group.acked_by == slack.person("lin").id
    finally:
        await store.close()
        await slack.stop()
        await sms.cleanup()
