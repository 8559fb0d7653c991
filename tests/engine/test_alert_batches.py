"""A burst over a webhook that takes several: one request for many, and for each its own receipt."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from bot.alerts.plan import AlertPlan, Receiver, Route
from bot.engine.alert_sender import AlertSender
from bot.engine.alert_throttle import Throttle
from bot.engine.messages import Board
from bot.notify.channels import build_channels
from bot.slack.messages import Messages
from config.channels import WebhookSettings
from config.secret import Secret
from tests.alerts.kit import a_signal, observed
from tests.engine.alert_rig import AlertRig

PLAN = AlertPlan(
    rules=(),
    receivers=(Receiver("sink", "sink", ("everybody",)),),
    route=Route("default", ("sink",), group_by=("...",), group_wait=0.0),
)


class Sink:
    """Refuses every request with a bad one in it, as a server does that checks the whole before it takes any."""

    def __init__(self) -> None:
        self.requests: list[list[dict[str, Any]]] = []

    async def answer(self, request: web.Request) -> web.Response:
        told = (await request.json())["notifications"]
        self.requests.append(told)
        return web.Response(status=422 if any("Bad" in one["subject"] for one in told) else 200)


async def test_of_a_batch_with_a_bad_one_all_others_are_told_and_it_alone_has_failed() -> None:
    sink = Sink()
    app = web.Application()
    app.add_routes([web.post("/", sink.answer)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    channels = build_channels({"sink": WebhookSettings("sink", Secret(url), Secret("k" * 16), batch=50)}, None)
    rig = AlertRig(PLAN)
    board, throttle = Board(rig.store, rig.chat), Throttle(rig.limit, "en", "UTC")  # type: ignore[arg-type]
    rig.sender = AlertSender(rig.alerting, channels, board, Messages("en", "UTC"), list, throttle)
    try:
        names = [f"Good{n}" for n in range(19)] + ["Bad"]
        await rig.alerting.submit(observed(*(a_signal(name) for name in names)))
        while claimed := await rig.store.claim("me", rig.now, 15.0, 100):
            await asyncio.gather(*(rig.worker._run(one) for one in claimed))
    finally:
        await channels["sink"].aclose()
        await runner.cleanup()
    groups = (await rig.state()).groups.values()
    states = {g.labels[0][1]: [r.state for r in g.receipts] for g in groups}
    assert states == {name: ["failed"] if name == "Bad" else ["sent"] for name in names}
    assert len(sink.requests[0]) > 10
    keys = [one["key"] for told in sink.requests for one in told]
    assert len(set(keys)) == len(names)
    assert not [c for c in await rig.store.pending() if c.stream == "alerts"]
