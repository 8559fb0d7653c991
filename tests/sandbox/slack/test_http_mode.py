"""Signed HTTP delivery to the real slack-bolt app."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier

from bot.sandbox.slack import PEOPLE, SandboxServer, Workspace

from .conftest import bolt_app

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Receiver:
    """The bot's own web server, with a handler that a test can exchange."""

    def __init__(self) -> None:
        self.handle: Handle | None = None
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/slack/events", self._receive)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/slack/events"

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        assert self.handle is not None
        return await self.handle(request)

    def serve(self, app: AsyncApp) -> None:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

        self.handle = handle

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.start()
    yield receiver
    await receiver.stop()


@pytest.fixture
async def http(ws: Workspace, receiver: Receiver) -> AsyncIterator[SandboxServer]:
    server = SandboxServer(ws, delivery="http", request_url=receiver.url)
    await server.start()
    yield server
    await server.stop()


async def test_bolt_takes_events_commands_and_interactions(
    http: SandboxServer, receiver: Receiver, ws: Workspace
) -> None:
    app = bolt_app(http)
    seen: dict[str, Any] = {}

    @app.event("message")
    async def message(event: dict[str, Any]) -> None:
        seen["message"] = event["text"]

    @app.command("/rollout")
    async def command(ack: Any, command: dict[str, Any]) -> None:
        seen["command"] = command["text"]
        button = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go", "value": "v"}
        await ack(blocks=[{"type": "actions", "elements": [button]}], text="pick")

    @app.action("go")
    async def go(ack: Any, body: dict[str, Any], respond: Any) -> None:
        await ack()
        seen["container"] = body["container"]
        await respond(text="gone", replace_original=True)

    receiver.serve(app)
    assert await http.verify_request_url()
    lin = http.person("lin")
    await lin.post("releases", "hello")
    await ws.wait_for(lambda e: e["kind"] == "delivery.acked" and e["name"] == "message")
    outcome = await lin.command("/rollout promote", "releases")
    assert outcome.private[0]["text"] == "pick" and seen["command"] == "promote" and seen["message"] == "hello"
    clicked = await lin.click("releases", outcome.private[0]["ts"], "go", wait=1)
    assert clicked.ok and seen["container"]["is_ephemeral"]
    await ws.wait_message("^gone$")
    assert [m["text"] for m in lin.sees("releases")] == ["hello", "gone"]


async def test_requests_are_signed(http: SandboxServer, receiver: Receiver, ws: Workspace) -> None:
    checks: list[bool] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.text()
        headers = {name.lower(): value for name, value in request.headers.items()}
        checks.append(SignatureVerifier(http.signing_secret).is_valid_request(body, headers))
        checks.append(SignatureVerifier("another").is_valid_request(body, headers))
        return web.Response()

    receiver.handle = handle
    await http.person("lin").post("releases", "中文 & <")
    await ws.wait_for(lambda e: e["kind"] == "delivery.acked")
    await http.person("lin").command("/rollout 中文", "releases", wait=0)
    assert checks == [True, False] * 2


@pytest.mark.parametrize(("status", "reason"), [(500, "http_error"), (200, "http_timeout")])
async def test_an_event_is_sent_again_three_times(
    http: SandboxServer, receiver: Receiver, ws: Workspace, status: int, reason: str
) -> None:
    seen: list[tuple[str | None, str | None, str]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        event_id = (await request.json())["event_id"]
        seen.append((request.headers.get("x-slack-retry-num"), request.headers.get("x-slack-retry-reason"), event_id))
        return web.Response(status=status)

    receiver.handle = handle
    if status == 200:
        ws.faults.drop_acks = -1
    await http.person("lin").post("releases", "x")
    await ws.wait_for(lambda e: e["kind"] == "delivery.failed")
    assert [entry[:2] for entry in seen] == [(None, None), ("1", reason), ("2", reason), ("3", reason)]
    assert len({entry[2] for entry in seen}) == 1


async def test_no_retry_when_the_app_forbids_it_and_a_dead_app_is_seen(
    http: SandboxServer, receiver: Receiver, ws: Workspace
) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(status=500, headers={"X-Slack-No-Retry": "1"})

    receiver.handle = handle
    await http.person("lin").post("releases", "x")
    failed = await ws.wait_for(lambda e: e["kind"] == "delivery.failed")
    assert len([e for e in ws.log.since(0) if e["kind"] == "delivery.sent"]) == 1
    await receiver.stop()
    assert not await http.verify_request_url()
    await http.person("lin").post("releases", "y")
    again = await ws.wait_for(lambda e: e["kind"] == "delivery.failed", since=failed["seq"])
    assert again["error"] == "connection_failed"
    assert (await http.person("lin").command("/rollout", "releases")).error == "dispatch_failed"


async def test_the_bots_own_reaction_and_post_are_events_too(
    http: SandboxServer, receiver: Receiver, ws: Workspace
) -> None:
    events: list[dict[str, Any]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        events.append((await request.json())["event"])
        return web.Response()

    receiver.handle = handle
    app = bolt_app(http)
    posted = await app.client.chat_postMessage(channel="releases", text="card")
    await app.client.reactions_add(channel=posted["channel"], timestamp=posted["ts"], name="white_check_mark")
    await app.client.chat_update(channel=posted["channel"], ts=posted["ts"], text="card 2")
    ws.channels[posted["channel"]].members.remove(ws.app.bot_user)
    await http.person("lin").react("releases", posted["ts"], "x")
    ws.invite("releases", ws.app.bot_user)
    await http.person("lin").post("releases", "end")
    seen = 0
    for _ in range(4):
        seen = (await ws.wait_for(lambda e: e["kind"] == "delivery.acked", since=seen))["seq"]
    me = ws.app.bot_user
    assert {(e["type"], e.get("subtype", ""), e.get("user", "")) for e in events} == {
        ("message", "", me),
        ("message", "message_changed", ""),
        ("reaction_added", "", me),
        ("message", "", PEOPLE["lin"]),
    }
