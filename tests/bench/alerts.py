"""Alerts in, webhooks out: the bot against Debian's Alertmanager, both delivering the same to the same sink."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from bot.sandbox.production.alertmanager import Alertmanager
from bot.sandbox.production.children import Child
from bot.sandbox.production.ports import LOOPBACK, Ports
from tests.bench.report import Result, percentile

BURST, BATCH = 5000, 1000
RATE, SECONDS = 50, 60
TOGETHER = 100  # notifications in one request, where the receiver takes several
TOKEN = "a-token-of-some-length"
PATIENCE = 600.0

Post = Callable[[aiohttp.ClientSession, list[str]], Awaitable[None]]


class Sink:
    """Notes when each alert first arrives, from either."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self.more = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        told = await request.json()
        now = time.perf_counter()
        for name in _names(told):
            self.at.setdefault(name, now)
        self.more.set()
        return web.Response()

    async def all_of(self, names: list[str]) -> None:
        async with asyncio.timeout(PATIENCE):
            while any(name not in self.at for name in names):
                self.more.clear()
                await self.more.wait()


def _names(told: dict[str, Any]) -> list[str]:
    """Alertmanager's way, several of ours in a batch, or one."""
    if "alerts" in told:
        return [alert["labels"]["alertname"] for alert in told["alerts"]]
    return [one["subject"].split()[-1] for one in told.get("notifications", [told])]


async def run() -> list[Result]:
    sink = Sink()
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.add_routes([web.post("/", sink.answer)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0).start()
    url = f"http://{LOOPBACK}:{runner.addresses[0][1]}/"
    try:
        ours = await _bot(sink, url, "Single", 1)
        batched = await _bot(sink, url, "Batched", TOGETHER)
        theirs = await _alertmanager(sink, url)
    finally:
        await runner.cleanup()
    return [*_rows("", ours, theirs), *_rows(".batched", batched, theirs)]


def _rows(way: str, ours: tuple[float, float, float], theirs: tuple[float, float, float]) -> list[Result]:
    baseline = "Alertmanager, the same to the same sink"
    return [
        Result(f"alerts.burst{way}", ours[0], "alerts/s", baseline, theirs[0], BURST),
        Result(f"alerts.burst.p99{way}", ours[1], "ms", baseline, theirs[1], BURST),
        Result(f"alerts.steady.p99{way}", ours[2], "ms", baseline, theirs[2], RATE * SECONDS),
    ]


async def _measure(sink: Sink, post: Post, prefix: str) -> tuple[float, float, float]:
    """Throughput and p99 of the burst, p99 of the steady stream; from before the post until it arrived, in ms."""
    async with aiohttp.ClientSession() as session:
        warm = [f"{prefix}Warm{n}" for n in range(20)]
        await post(session, warm)
        await sink.all_of(warm)
        names = [f"{prefix}Burst{n}" for n in range(BURST)]
        began = time.perf_counter()
        await asyncio.gather(*(post(session, names[i : i + BATCH]) for i in range(0, BURST, BATCH)))
        await sink.all_of(names)
        took = [1000 * (sink.at[name] - began) for name in names]
        p99 = await _steady(sink, post, session, prefix)
        return BURST / (max(took) / 1000), percentile(took, 99), p99


async def _steady(sink: Sink, post: Post, session: aiohttp.ClientSession, prefix: str) -> float:
    sent: dict[str, float] = {}

    async def one(name: str) -> None:
        sent[name] = time.perf_counter()
        await post(session, [name])

    names = [f"{prefix}Steady{n}" for n in range(RATE * SECONDS)]
    began = time.perf_counter()
    posts = []
    for n, name in enumerate(names):
        await asyncio.sleep(max(0.0, began + n / RATE - time.perf_counter()))
        posts.append(asyncio.create_task(one(name)))
    await asyncio.gather(*posts)
    await sink.all_of(names)
    return percentile([1000 * (sink.at[name] - sent[name]) for name in names], 99)


async def _bot(sink: Sink, url: str, prefix: str, batch: int) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        argv = (sys.executable, "-m", "tests.engine.alert_process", str(root / "bot.db"), url, TOKEN, str(batch))
        child = Child("bot", argv, root / "bot.log", stdout=root / "out")
        await child.start()

        async def said() -> bool:
            return (root / "out").exists() and bool((root / "out").read_text().strip())

        try:
            await child.ready(said, 60.0, every=0.05)
            address = f"http://{LOOPBACK}:{(root / 'out').read_text().strip()}/alerts"

            async def post(session: aiohttp.ClientSession, names: list[str]) -> None:
                body = {"version": "4", "alerts": [_alert(name) | {"status": "firing"} for name in names]}
                headers = {"Authorization": f"Bearer {TOKEN}"}
                async with session.post(address, json=body, headers=headers) as answer:
                    assert answer.status == 200, await answer.text()

            return await _measure(sink, post, prefix)
        finally:
            await child.kill()


async def _alertmanager(sink: Sink, url: str) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, Ports() as ports:
        options: dict[str, Any] = {"group_by": ("...",), "group_interval": "5m", "send_resolved": False}
        async with Alertmanager(Path(folder), port=ports.take(), webhook=url, **options) as server:

            async def post(session: aiohttp.ClientSession, names: list[str]) -> None:
                await server.post(session, [_alert(name) for name in names])

            return await _measure(sink, post, "Theirs")


def _alert(name: str) -> dict[str, Any]:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"labels": {"alertname": name, "severity": "warning"}, "annotations": {"summary": name}, "startsAt": at}
