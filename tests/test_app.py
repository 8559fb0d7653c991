"""The bot wired whole, with nothing to roll out: what runs beside the rollouts."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import config
from bot.app import Bot
from bot.sandbox.slack import SandboxServer, Workspace, demo_workspace
from bot.store.sqlite import SqliteStore
from config.channels import Channels, HeartbeatSettings
from config.secret import Secret
from config.settings import Settings, load
from tests.notify.conftest import PATIENCE, Provider
from tests.notify.conftest import provider as provider


@pytest.fixture
def ws() -> Workspace:
    return demo_workspace()


@pytest.fixture
async def settings(ws: Workspace, provider: Provider) -> AsyncIterator[Settings]:
    """Of the shipped configuration, without its services: their hosts are examples."""
    server = SandboxServer(ws)
    await server.start()
    environ = {
        "SLACK_BOT_TOKEN": server.bot_token,
        "SLACK_APP_TOKEN": server.app_token,
        "SLACK_API_URL": server.api_url,
        "HTTP_PORT": "0",
    }
    loaded = load(Path(config.__file__).parent, environ)
    beat = HeartbeatSettings(Secret(provider.url + "/ping"), interval=0.05)
    yield dataclasses.replace(loaded, plans={}, channels=Channels(heartbeat=beat))
    await server.stop()


async def test_the_heartbeat_begins_with_the_bot_and_ends_with_it(
    settings: Settings, provider: Provider, tmp_path: Path
) -> None:
    store = await SqliteStore.open(str(tmp_path / "bot.db"))
    try:
        async with Bot(settings, store) as bot, asyncio.timeout(PATIENCE):
            await provider.reached.wait()
            assert await bot.problems() == {}
        calls = len(provider.asked)
        provider.reached.clear()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await provider.reached.wait()
        assert len(provider.asked) == calls
    finally:
        await store.close()
    assert {asked.path for asked in provider.asked} == {"/ping"}
