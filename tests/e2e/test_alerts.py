"""The shipped alerts.yaml on a real Prometheus, with a real mail server and an SMS gateway: every row of the runbook.

Its times are shortened (minutes become seconds); its queries, thresholds, routes and recipients are as shipped.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.alert_parts import AlertParts, build_alerts
from bot.engine.rollouts import Rollouts
from bot.engine.worker import Worker
from bot.prometheus import Prometheus
from bot.sandbox.demo.people import message_key
from bot.sandbox.production.ports import LOOPBACK, Ports
from bot.sandbox.production.prometheus import PrometheusServer, ScrapeTarget
from bot.sandbox.slack import CHANNELS, SandboxServer, demo_workspace
from bot.slack.chat import SlackChat, new_client
from bot.slack.messages import Messages
from bot.store.sqlite import SqliteStore
from config.settings import Settings, check
from tests.notify.conftest import Offices, Post

SHIPPED = Path(__file__).parents[2] / "config"
WARNINGS = {
    "错误率偏高", "P95 响应时间过长", "P99 响应时间过长", "报告生成成功率偏低", "CPU 使用率过高", "内存使用率过高",
    "磁盘使用率过高",
}  # fmt: skip
CALM = {"errors": 0.0, "slow": 0.0, "slowest": 0.0, "reports": 1.0, "cpu": 20.0, "memory": 30.0, "disk": 40.0}
BAD = {"errors": 0.07, "slow": 0.07, "slowest": 0.03, "reports": 0.9, "cpu": 85.0, "memory": 90.0, "disk": 90.0}
LATENCIES = (("0.5", 0.0), ("1", 1.0), ("5", 0.0), ("7.5", 0.0), ("10", 0.0), ("15", 0.0), ("+Inf", 0.0))


class Exporter:
    """A service whose counters run by themselves, as the dial says: 100 requests and 20 reports a second."""

    def __init__(self) -> None:
        self.dial = dict(CALM)
        self._at = time.monotonic()
        self._count = {"200": 0.0, "500": 0.0, "success": 0.0, "failure": 0.0, "slow": 0.0, "slowest": 0.0}

    async def metrics(self, _: web.Request) -> web.Response:
        now = time.monotonic()
        passed, self._at = now - self._at, now
        d, c = self.dial, self._count
        for key, rate in (
            ("200", 100 * (1 - d["errors"])), ("500", 100 * d["errors"]), ("success", 20 * d["reports"]),
            ("failure", 20 * (1 - d["reports"])), ("slow", 100 * d["slow"]), ("slowest", 100 * d["slowest"]),
        ):  # fmt: skip
            c[key] += rate * passed
        requests = c["200"] + c["500"]
        below = {"1": requests - c["slow"] - c["slowest"], "7.5": requests - c["slowest"], "15": requests}
        below |= {"0.5": 0.0, "5": below["1"], "10": below["7.5"], "+Inf": requests}
        lines = [f'http_requests_total{{service="shop",code="{code}"}} {c[code]}' for code in ("200", "500")]
        lines += [f'reports_total{{service="shop",result="{r}"}} {c[r]}' for r in ("success", "failure")]
        lines += [
            f'http_request_duration_seconds_bucket{{service="shop",le="{le}"}} {below[le]}' for le, _ in LATENCIES
        ]
        lines += [
            f'app_cpu_percent{{service="shop"}} {d["cpu"]}',
            f'app_memory_percent{{service="shop"}} {d["memory"]}',
        ]
        size = 'mountpoint="/",fstype="ext4"'
        lines += [
            f"node_filesystem_size_bytes{{{size}}} 100",
            f"node_filesystem_avail_bytes{{{size}}} {100 - d['disk']}",
        ]
        return web.Response(text="\n".join(lines) + "\n", content_type="text/plain")


class Gateway:
    """An SMS provider."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.sent.append(json.loads(await request.text()))
        return web.json_response({"id": len(self.sent)}, status=201)


async def serve(routes: list[web.RouteDef]) -> tuple[web.AppRunner, int]:
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0).start()
    return runner, int(runner.addresses[0][1])


def short_times(folder: Path) -> None:
    path = folder / "alerts.yaml"
    text = path.read_text("utf-8")
    text = re.sub(r"\[(2m|5m|10m)\]", "[4s]", text)
    text = re.sub(r"(every|for|keep_firing_for|group_interval): (30s|1m|2m|5m|1h|4h)\b", r"\1: 1s", text)
    path.write_text(text.replace("group_wait: 30s", "group_wait: 0s"), "utf-8")


@pytest.fixture
async def offices(tmp_path: Path) -> AsyncIterator[Offices]:
    offices = Offices(tmp_path)
    yield offices
    await offices.close()


async def until(true: Callable[[], bool], what: Callable[[], object], seconds: float = 90.0) -> None:
    try:
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 what is waited for comes over real sockets
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not so after {seconds:g} s: {what()}") from None


def subjects(post: Post) -> set[str]:
    return {str(mail["Subject"]) for mail in post.mails}


def settings_for(folder: Path, mail: int, sms: int) -> Settings:
    shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    short_times(folder)
    channels = folder / "channels.yaml"
    text = channels.read_text("utf-8").replace("https://sms.example.com", f"http://{LOOPBACK}:{sms}")
    channels.write_text(text.replace("burst: 20", "burst: 200"), "utf-8")
    environ = {"SMTP_URL": f"smtp://{LOOPBACK}:{mail}?starttls=never", "SMS_TOKEN": "t" * 20}
    found, problems, _ = check(folder, environ, require_slack=False)
    assert found is not None, problems
    return found


async def run(parts: AlertParts, worker: Worker) -> None:
    """As the ticks would, without apscheduler."""
    worker.start()
    while True:
        await parts.watch.evaluate()
        await parts.watch.tick()
        await asyncio.sleep(0.2)


async def test_every_row_of_the_runbook_fires_reaches_its_people_and_is_resolved(
    tmp_path: Path, offices: Offices
) -> None:
    exporter, gateway, slack = Exporter(), Gateway(), SandboxServer(demo_workspace())
    post = await offices.open(Post())
    await slack.start()
    chat = SlackChat(new_client(slack.bot_token, slack.api_url))
    scraped, port = await serve([web.get("/metrics", exporter.metrics)])
    sms, sms_port = await serve([web.post("/v1/messages", gateway.answer)])
    settings = settings_for(tmp_path / "config", post.port, sms_port)
    store = await SqliteStore.open(str(tmp_path / "bot.db"))
    with Ports() as ports:
        server = PrometheusServer(
            tmp_path / "prometheus",
            port=ports.take(),
            targets=[ScrapeTarget(f"{LOOPBACK}:{port}")],
            scrape_interval=0.5,
        )
        async with server:
            await server.scraped()
            metrics = Prometheus(server.url)
            assert settings.alerts is not None
            parts = build_alerts(
                settings, settings.alerts, store, metrics, chat, Rollouts(store, {}, {}),  # type: ignore[arg-type]
                Messages("zh", "Asia/Shanghai"), wake=lambda: worker.wake(), clock=time.time,
            )  # fmt: skip

            async def perform(claimed: Any) -> bool:
                await parts.sender.perform(claimed)
                return False

            worker = Worker(store, perform, time.time, "me")
            running = asyncio.create_task(run(parts, worker))
            try:
                await play(exporter, post, gateway, slack)
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                await worker.stop()
                await parts.aclose()
                metrics.close()
    await store.close()
    await scraped.cleanup()
    await sms.cleanup()
    await slack.stop()


async def play(exporter: Exporter, post: Post, gateway: Gateway, slack: SandboxServer) -> None:
    def cards() -> list[str]:
        """Of each alert that has a message in Slack; what the bot says of itself is none of the runbook's."""
        found = slack.workspace.messages(CHANNELS["releases"])
        return [m.text for m in found if message_key(m).startswith("alertcard:") and "错误率" in m.text]

    def told(kind: str) -> set[str]:
        found = (re.fullmatch(rf"【{kind}】(.*?)( · .*)?", subject) for subject in subjects(post))
        return {match[1] for match in found if match}

    exporter.dial |= BAD
    await until(lambda: told("警告") >= WARNINGS, lambda: subjects(post))
    assert gateway.sent == []
    assert cards() == []
    assert set(post.to) == {"dev-team@example.com"}

    exporter.dial["errors"] = 0.2
    numbers = {"+15555550100"}
    await until(lambda: {s["to"] for s in gateway.sent} > numbers, lambda: gateway.sent)
    await until(lambda: told("严重") == {"错误率过高"}, lambda: subjects(post))
    await until(lambda: len(cards()) == 1, cards)
    assert all("错误率过高" in s["text"] and "shop" in s["text"] for s in gateway.sent)
    assert "错误率过高" in cards()[0]

    exporter.dial |= CALM
    await until(lambda: told("已恢复") == {*WARNINGS, "错误率过高"}, lambda: subjects(post))
    await until(lambda: cards()[0].startswith("✅"), cards)
    assert len(gateway.sent) == 2
