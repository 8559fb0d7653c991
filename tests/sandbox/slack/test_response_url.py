"""response_url: five uses in thirty minutes, replacing and deleting."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.sandbox.slack import PEOPLE, SandboxServer, Workspace

from .conftest import RELEASES, Clock


@pytest.fixture
def url(server: SandboxServer, ws: Workspace) -> str:
    return ws.response_url(ws.response_urls.issue(RELEASES, PEOPLE["lin"]))


async def test_it_works_five_times(url: str, server: SandboxServer) -> None:
    hook = AsyncWebhookClient(url)
    for number in range(5):
        answer = await hook.send(text=f"n{number}", response_type="in_channel" if number == 0 else "ephemeral")
        assert (answer.status_code, answer.body) == (200, "ok")
    sixth = await hook.send(text="n5")
    assert sixth.status_code == 404 and "used_url" in sixth.body
    assert [m["text"] for m in server.person("lin").sees("releases")] == ["n0", "n1", "n2", "n3", "n4"]
    assert [m["text"] for m in server.person("wang").sees("releases")] == ["n0"]


async def test_it_ends_after_thirty_minutes(url: str, clock: Clock) -> None:
    clock.ahead = 1801
    answer = await AsyncWebhookClient(url).send(text="late")
    assert answer.status_code == 404 and "expired_url" in answer.body
    assert (await AsyncWebhookClient(url + "0").send(text="x")).status_code == 404


async def test_it_replaces_and_deletes(url: str, server: SandboxServer) -> None:
    hook = AsyncWebhookClient(url)

    def texts() -> list[Any]:
        return [m["text"] for m in server.person("lin").sees("releases")]

    await hook.send(text="first")
    await hook.send(text="second", replace_original=True)
    assert texts() == ["second"]
    await hook.send(delete_original=True)
    assert texts() == []
    bad = await hook.send(blocks=[{"type": "marquee"}], text="x")
    assert bad.status_code == 400 and "invalid_blocks" in bad.body
    assert (await hook.send(text="")).status_code == 400
