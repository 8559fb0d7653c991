"""A running sandbox and the clients that the bot itself would use."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import SandboxServer, Timing, Workspace, demo_workspace

logging.getLogger("slack_bolt").setLevel(logging.CRITICAL)

RELEASES = "C0RELEASE1"


class Clock:
    """Real time that a test can push forward, in seconds."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ws(clock: Clock) -> Workspace:
    return demo_workspace(clock=clock, timing=Timing(ack=1.5, retry_after=(0.01, 0.02, 0.03)))


@pytest.fixture
async def server(ws: Workspace) -> AsyncIterator[SandboxServer]:
    server = SandboxServer(ws)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def client(server: SandboxServer) -> AsyncWebClient:
    return AsyncWebClient(token=server.bot_token, base_url=server.api_url)


def bolt_app(server: SandboxServer) -> AsyncApp:
    client = AsyncWebClient(token=server.bot_token, base_url=server.api_url)
    return AsyncApp(client=client, signing_secret=server.signing_secret, process_before_response=True)


@asynccontextmanager
async def connected(server: SandboxServer, app: AsyncApp) -> AsyncIterator[AsyncSocketModeHandler]:
    handler = AsyncSocketModeHandler(app, server.app_token, ping_interval=0.5)
    await handler.connect_async()
    await server.wait_connected()
    try:
        yield handler
    finally:
        await handler.close_async()


async def refusal(call: Awaitable[Any]) -> Any:
    """The response of a call that Slack must refuse."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response


async def refused(call: Awaitable[Any]) -> str:
    return str((await refusal(call))["error"])
