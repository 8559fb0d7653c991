"""A connection that is lost comes back by itself; a stop leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import SandboxServer, Workspace
from bot.slack import socket as module
from bot.slack.listeners import build_app
from bot.slack.socket import SocketRunner
from tests.slack.conftest import RELEASES


@pytest.fixture
async def runner(client: AsyncWebClient, server: SandboxServer) -> AsyncIterator[SocketRunner]:
    app = build_app(client, "")

    async def command(ack: Any) -> None:
        await ack(text="pong")

    app.command("/rollout")(command)
    runner = SocketRunner(app, server.app_token, look_every=0.02, ping=0.1)
    yield runner
    await runner.stop()


async def connects(ws: Workspace, since: int) -> int:
    """The log's cursor once the app has connected after `since`."""
    return int((await ws.wait_for(lambda e: e["kind"] == "socket.connected", since=since))["seq"])


async def is_up(runner: SocketRunner, ws: Workspace) -> int:
    """Start it and wait for both sides: the server logs the connection before the client has its loops running."""
    runner.start()
    cursor = await connects(ws, 0)
    assert runner._connecting is not None
    await runner._connecting
    return cursor


async def answers(server: SandboxServer) -> bool:
    return (await server.person("lin").command("/rollout ping", RELEASES)).text == "pong"


async def test_it_connects_and_says_so(runner: SocketRunner, server: SandboxServer) -> None:
    assert not await runner.connected()
    runner.start()
    await server.wait_connected()
    assert await answers(server)
    assert await runner.connected()


@pytest.mark.parametrize("reason", ["warning", "refresh_requested", ""])
async def test_a_cut_connection_is_made_anew(
    runner: SocketRunner, server: SandboxServer, ws: Workspace, reason: str
) -> None:
    runner.start()
    cursor = await connects(ws, 0)
    await server.disconnect_sockets(reason, close=True)
    await connects(ws, cursor)
    assert await answers(server)


async def test_slack_away_at_the_start_is_waited_for(
    runner: SocketRunner, server: SandboxServer, ws: Workspace
) -> None:
    ws.faults.outage = "503"
    runner.start()
    await ws.wait_for(lambda e: e["kind"] == "api.called" and e["error"] == "outage")
    assert not await runner.connected()
    ws.faults.clear()
    await connects(ws, 0)
    assert await answers(server)


async def test_an_outage_in_between_is_outlived(runner: SocketRunner, server: SandboxServer, ws: Workspace) -> None:
    runner.start()
    cursor = await connects(ws, 0)
    ws.faults.outage = "reset"
    await server.disconnect_sockets("", close=True)
    await ws.wait_for(lambda e: e["kind"] == "api.called" and e["error"] == "outage", since=cursor)
    ws.faults.clear()
    await connects(ws, cursor)
    assert await answers(server)


async def test_a_dead_ticket_is_thrown_away(
    runner: SocketRunner, server: SandboxServer, ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library keeps a ticket whose connection failed and tries it for ever."""
    monkeypatch.setattr(module, "RENEW_AFTER", 10_000)
    cursor = await is_up(runner, ws)
    client = runner._handler.client
    dead = f"ws://127.0.0.1:{server.port}/link/?ticket=used"

    async def stuck() -> str:
        return dead

    client.issue_new_wss_url = stuck
    await server.disconnect_sockets("", close=True)
    async with asyncio.timeout(60):
        while client.wss_uri != dead:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
    del client.issue_new_wss_url
    await connects(ws, cursor)
    assert await answers(server)


async def test_a_client_whose_loops_have_ended_is_replaced(
    runner: SocketRunner, server: SandboxServer, ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RENEW_AFTER", 10_000)
    cursor = await is_up(runner, ws)
    client = runner._handler.client
    client.current_session_monitor.cancel()
    client.message_receiver.cancel()
    monkeypatch.setattr(module, "RENEW_AFTER", 4)
    await server.disconnect_sockets("", close=True)
    async with asyncio.timeout(60):
        while runner._handler.client is client:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
    monkeypatch.setattr(module, "RENEW_AFTER", 10_000)  # a slow machine must not give the new one up as well
    await connects(ws, cursor)
    assert await answers(server)


async def test_a_stop_leaves_no_task_behind(client: AsyncWebClient, server: SandboxServer, ws: Workspace) -> None:
    before = asyncio.all_tasks()
    runner = SocketRunner(build_app(client, ""), server.app_token, look_every=0.02, ping=0.1)
    runner.start()
    await connects(ws, 0)
    await runner.stop()
    assert not await runner.connected()
    await ws.wait_for(lambda e: e["kind"] == "socket.disconnected")
    await asyncio.sleep(0)
    ours = ("slack_sdk", "slack_bolt", "/bot/slack/")
    left = [t for t in asyncio.all_tasks() - before if any(part in repr(t.get_coro()) + repr(t) for part in ours)]
    assert not left


async def test_one_that_was_never_started_opened_nothing(client: AsyncWebClient) -> None:
    """A start that fails on a wrong token must not leave a session open behind its message."""
    before = asyncio.all_tasks()
    runner = SocketRunner(build_app(client, ""), "xapp-1")
    assert not await runner.connected()
    await runner.stop()
    assert asyncio.all_tasks() == before
    assert runner._made is None
