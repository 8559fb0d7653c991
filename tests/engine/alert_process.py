"""Alerts in a process of their own: POST /alerts in, a webhook out. For tests that kill it and benches that race it.

python -m tests.engine.alert_process DATABASE SINK_URL TOKEN [BATCH]      prints the port it listens on
"""

from __future__ import annotations

import asyncio
import sys
import time

from prometheus_client import CollectorRegistry

from bot import interpreter
from bot.alerts.plan import AlertPlan, Receiver, Route
from bot.engine.alert_intake import AlertIntake
from bot.engine.alert_sender import AlertSender
from bot.engine.alert_throttle import Throttle
from bot.engine.alert_watch import AlertWatch
from bot.engine.alerting import Alerting
from bot.engine.messages import Board
from bot.engine.ports.errors import Conflict, Final, Retryable
from bot.engine.worker import Worker
from bot.notify.channels import build_channels
from bot.slack.messages import Messages
from bot.store.sqlite import SqliteStore
from bot.web import AlertDoor, Web
from config.channels import LimitSettings, WebhookSettings
from config.secret import Secret
from tests.engine.alert_rig import ScriptedSeries
from tests.engine.conftest import RecordingChat

PLAN = AlertPlan(
    rules=(),
    receivers=(Receiver("sink", "sink", ("everybody",), send_resolved=False),),
    route=Route("default", ("sink",), group_by=("...",), group_wait=0.0),
)


async def well() -> dict[str, str]:
    return {}


async def main(database: str, sink: str, token: str, batch: str = "1") -> None:
    store = await SqliteStore.open(database)
    settings = WebhookSettings("sink", Secret(sink), Secret("k" * 16), batch=int(batch))
    alerting = Alerting(store, PLAN, wake=lambda: worker.wake())
    watch = AlertWatch(alerting, ScriptedSeries(), tuple, time.time)
    throttle = Throttle(LimitSettings(burst=1_000_000, every=1.0), "en", "UTC")
    board = Board(store, RecordingChat())  # type: ignore[arg-type]
    sender = AlertSender(
        alerting, build_channels({"sink": settings}, None), board, Messages("en", "UTC"), list, throttle
    )

    lead = await store.lead("alerts", f"process {time.time()}", 1e9)
    assert lead is not None
    worker = Worker(store, sender.perform, time.time, lead.owner, epochs=lambda: {"alerts": lead.epoch})
    door = AlertDoor(AlertIntake(alerting, tuple).take, token, (Retryable, Final, Conflict))
    web = Web(well, CollectorRegistry(), None, door)
    await alerting.state()
    port = await web.start("127.0.0.1", 0)
    worker.start()
    print(port, flush=True)
    while True:
        await asyncio.sleep(1.0)
        await watch.tick()


if __name__ == "__main__":
    interpreter.settle()  # as the bot does
    asyncio.run(main(*sys.argv[1:5]))
