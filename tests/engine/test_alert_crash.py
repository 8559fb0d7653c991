"""kill -9 in the middle of a burst: every alert is told, and none twice but under the key it was told by before."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot.alerts.follow import LANES
from bot.sandbox.production.children import Child
from tests.engine.test_alert_intake import TOKEN, an_alert, payload

ALERTS, BATCH, KILLS = 1000, 50, 4
PATIENCE = 240.0


class Sink:
    """Takes webhooks; a little slow, so that a kill meets many under way."""

    def __init__(self) -> None:
        self.keys: list[tuple[str, str]] = []  # (subject, key)
        self.more = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        told = await request.json()
        self.keys += [(one["subject"], one["key"]) for one in told.get("notifications", [told])]
        self.more.set()
        await asyncio.sleep(0.005)
        return web.Response()

    async def until(self, count: int) -> None:
        """So many different alerts were told."""
        async with asyncio.timeout(PATIENCE):
            while len({subject for subject, _ in self.keys}) < count:
                self.more.clear()
                await self.more.wait()


class Process:
    def __init__(self, root: Path, sink: str, together: int) -> None:
        argv = (sys.executable, "-m", "tests.engine.alert_process", str(root / "bot.db"), sink, TOKEN, str(together))
        self._out, self._url = root / "out", ""
        self._child = Child("alerts", argv, root / "alerts.log", stdout=self._out)

    async def start(self) -> None:
        self._out.write_text("")
        await self._child.start()

        async def said() -> bool:
            return bool(self._out.read_text().strip())

        await self._child.ready(said, 60.0, every=0.05)
        self._url = f"http://127.0.0.1:{self._out.read_text().split()[-1]}/alerts"

    async def kill(self) -> None:
        await self._child.kill()

    async def post(self, body: bytes) -> bool:
        """Whether it was taken, as its sender sees it."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
                session.post(self._url, data=body, headers=headers) as answer,
            ):
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False


@pytest.mark.parametrize("together", [1, 25])
async def test_a_burst_of_a_thousand_survives_kill_9(tmp_path: Path, together: int) -> None:
    sink = Sink()
    app = web.Application()
    app.add_routes([web.post("/", sink.answer)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    process = Process(tmp_path, f"http://127.0.0.1:{runner.addresses[0][1]}/", together)
    await process.start()
    try:
        bodies = [
            payload(*(an_alert(f"Burst{n:04}") for n in range(first, first + BATCH)))
            for first in range(0, ALERTS, BATCH)
        ]

        async def send() -> None:
            """As Alertmanager does: again and again until it is taken."""
            for body in bodies:
                while not await process.post(body):  # noqa: ASYNC110 the process is away
                    await asyncio.sleep(0.1)

        sending = asyncio.create_task(send())
        dice = random.Random(7)
        for n in range(1, KILLS + 1):
            await sink.until(n * ALERTS // (KILLS + 2) + dice.randrange(40))
            await process.kill()
            await process.start()
        await sending
        await sink.until(ALERTS)
    finally:
        await process.kill()
        await runner.cleanup()
    by_subject: dict[str, set[str]] = {}
    for subject, key in sink.keys:
        by_subject.setdefault(subject, set()).add(key)
    assert len(by_subject) == ALERTS
    assert all(len(keys) == 1 for keys in by_subject.values()), "told twice under two keys"
    twice = [key for key, count in Counter(key for _, key in sink.keys).items() if count > 1]
    assert len(twice) <= KILLS * LANES  # only what was under way when it was killed
