"""The bot's own HTTP: signed requests of Slack's, and what a supervisor asks."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Gauge

from bot.sandbox.slack.delivery.http import signature
from bot.slack.chat import new_client
from bot.slack.listeners import build_app
from bot.web import LIMIT, Web

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
FORM = "application/x-www-form-urlencoded"
COMMAND = urlencode({"command": "/rollout", "text": "status", "user_id": "U1", "team_id": "T1", "trigger_id": "1.2"})


class Site:
    def __init__(self) -> None:
        self.problems: dict[str, str] = {}
        self.heard: list[dict[str, Any]] = []

    async def look(self) -> dict[str, str]:
        return self.problems

    async def post(self, body: str | bytes, *, kind: str = FORM, secret: str = SECRET, age: float = 0.0) -> Any:
        stamp = str(int(time.time() - age))
        text = body if isinstance(body, str) else body.decode("latin-1")
        headers = {"Content-Type": kind, "X-Slack-Request-Timestamp": stamp}
        if secret:
            headers["X-Slack-Signature"] = signature(secret, stamp, text)
        async with self.session.post(f"{self.url}/slack/events", data=body, headers=headers) as answer:
            return answer.status, await answer.text()

    async def get(self, path: str) -> tuple[int, str]:
        async with self.session.get(self.url + path) as answer:
            return answer.status, await answer.text()

    session: aiohttp.ClientSession
    url: str


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    app = build_app(new_client("xoxb-1", "http://127.0.0.1:9/"), SECRET)

    async def command(ack: Any, body: dict[str, Any]) -> None:
        site.heard.append(body)
        await ack(text="well")

    app.command("/rollout")(command)
    registry = CollectorRegistry()
    Gauge("rollout_things", "Things", registry=registry).set(3)
    server = Web(site.look, registry, app)
    site.url = f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}"
    async with aiohttp.ClientSession() as site.session:
        yield site
    await server.stop()


async def test_a_signed_request_is_heard_and_answered(site: Site) -> None:
    status, text = await site.post(COMMAND)
    assert (status, text) == (200, "well")
    assert site.heard[0]["user_id"] == "U1"


@pytest.mark.parametrize("wrong", [{"secret": "another"}, {"secret": ""}, {"age": 3600.0}, {"age": -3600.0}])
async def test_what_slack_did_not_sign_just_now_is_refused(site: Site, wrong: dict[str, Any]) -> None:
    status, _ = await site.post(COMMAND, **wrong)
    assert status == 401
    assert not site.heard


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("{", "application/json"),
        ("[]", "application/json"),
        ("null", "application/json"),
        ('"text"', "application/json"),
        ("payload={", FORM),
        ("payload=[]", FORM),
        (b"\xff\xfe\xff", "application/json"),
        ("{}", "application/json; charset=no-such"),
        ("", FORM),
        ("\x00", "text/plain"),
    ],
)
@pytest.mark.parametrize("secret", ["", SECRET])
async def test_a_body_that_cannot_be_read_is_refused_and_breaks_nothing(
    site: Site, body: str | bytes, kind: str, secret: str
) -> None:
    status, text = await site.post(body, kind=kind, secret=secret)
    assert status in (400, 401, 404), (status, text)
    assert not site.heard
    assert (await site.post(COMMAND))[0] == 200


async def test_a_body_beyond_the_limit_is_refused(site: Site) -> None:
    status, _ = await site.post("text=" + "x" * LIMIT)
    assert status == 413


async def test_the_challenge_is_answered(site: Site) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "c0ffee"})
    status, text = await site.post(body, kind="application/json")
    assert status == 200 and "c0ffee" in text
    assert (await site.post(body, kind="application/json", secret="another"))[0] == 401


async def test_alive_is_not_ready(site: Site) -> None:
    assert (await site.get("/healthz"))[0] == 200
    assert (await site.get("/readyz"))[0] == 200
    site.problems["slack"] = "Socket Mode is not connected"
    status, text = await site.get("/readyz")
    assert status == 503 and "Socket Mode is not connected" in text
    assert (await site.get("/healthz"))[0] == 200


async def test_the_metrics_are_prometheus_text(site: Site) -> None:
    status, text = await site.get("/metrics")
    assert status == 200 and "rollout_things 3.0" in text


async def test_in_socket_mode_nobody_can_post() -> None:
    async def well() -> dict[str, str]:
        return {}

    server = Web(well, CollectorRegistry(), None)
    url = f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}"
    async with aiohttp.ClientSession() as session, session.post(f"{url}/slack/events", data=COMMAND) as answer:
        assert answer.status == 404
    await server.stop()
