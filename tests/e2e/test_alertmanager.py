"""A real Alertmanager delivers to POST /alerts; what begins and what ends reaches people once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client import CollectorRegistry

from bot.engine.alert_intake import AlertIntake
from bot.engine.ports import Retryable
from bot.sandbox.production.alertmanager import Alertmanager
from bot.sandbox.production.ports import Ports
from bot.web import AlertDoor, Web
from tests.alerts.kit import CRITICAL, a_plan, a_route
from tests.engine.alert_rig import AlertRig

TOKEN = "a-token-of-some-length"


async def well() -> dict[str, str]:
    return {}


def an_alert(ends_in: float) -> dict[str, Any]:
    now = time.time()
    stamps = {key: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) for key, at in
              (("startsAt", now - 5), ("endsAt", now + ends_in))}  # fmt: skip
    labels = {"alertname": "DiskFull", "severity": "page", "service": "shop", "instance": "db-1"}
    return {"labels": labels, "annotations": {"summary": "the disk of db-1 is full"}, **stamps}


async def until(rig: AlertRig, true: Callable[[], bool]) -> None:
    async with asyncio.timeout(90):
        while not true():
            rig.now = time.time()
            await rig.watch.tick()
            await rig.work()
            await asyncio.sleep(0.05)


async def test_a_real_alertmanager_begins_and_ends_an_alert(tmp_path: Path) -> None:
    from dataclasses import replace

    rig = AlertRig(a_plan(route=a_route(routes=(replace(CRITICAL, group_interval=1.0),))))
    rig.now = time.time()
    intake = AlertIntake(rig.alerting, tuple)
    server = Web(well, CollectorRegistry(), None, AlertDoor(intake.take, TOKEN, (Retryable,)))
    url = f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}/alerts"
    try:
        with Ports() as ports:
            manager = Alertmanager(tmp_path, port=ports.take(), webhook=url, token=TOKEN)
            async with manager, aiohttp.ClientSession() as session:
                await manager.post(session, [an_alert(600)])
                await until(rig, lambda: len(rig.mail.sent) == 1)
                await manager.post(session, [an_alert(600)])  # Prometheus says it again and again
                await manager.post(session, [an_alert(-1)])
                await until(rig, lambda: len(rig.mail.sent) == 2)
    finally:
        await server.stop()
    assert rig.mail.subjects == ["[Critical] DiskFull · shop db-1", "[Resolved] DiskFull · shop db-1"]
    assert "the disk of db-1 is full" in rig.mail.sent[0][1].text
    assert len(rig.sms.sent) == 2
