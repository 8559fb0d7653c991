"""The dead man's switch calls while the bot is well, and only then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.notify.heartbeat import Heartbeat
from config.channels import HeartbeatSettings
from config.secret import Secret
from tests.notify.conftest import PATIENCE, Provider


class Watched:
    """A heartbeat, what it watches, and what it told. Its pauses end when the test says so."""

    def __init__(self, url: str) -> None:
        self.ill: dict[str, str] = {}
        self.told: list[str] = []
        self.pauses: list[float] = []
        self.go = asyncio.Semaphore(0)
        self.raising: Exception | None = None
        self.beat = Heartbeat(
            HeartbeatSettings(Secret(url), interval=60.0, timeout=5.0), self.problems, self.tell, self.wait
        )

    async def problems(self) -> dict[str, str]:
        if self.raising:
            raise self.raising
        return self.ill

    async def tell(self, problem: str) -> None:
        self.told.append(problem)

    async def wait(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await self.go.acquire()


@pytest.fixture
async def watched(provider: Provider) -> AsyncIterator[Watched]:
    watched = Watched(provider.url + "/ping/hush-hush")
    yield watched
    await watched.beat.stop()


async def test_it_calls_at_every_interval_until_it_is_stopped(watched: Watched, provider: Provider) -> None:
    watched.beat.start()
    async with asyncio.timeout(PATIENCE):
        for _ in range(3):
            await provider.reached.wait()
            provider.reached.clear()
            watched.go.release()
    await watched.beat.stop()
    assert {asked.path for asked in provider.asked} == {"/ping/hush-hush"}
    assert set(watched.pauses) == {60.0}
    assert watched.told == []


async def test_a_bot_that_is_not_well_does_not_call(watched: Watched, provider: Provider) -> None:
    watched.ill = {"worker": "not running"}
    await watched.beat.beat()
    await watched.beat.beat()
    assert provider.asked == []
    assert watched.told == ["the heartbeat is held back: worker: not running"]
    watched.ill = {}
    await watched.beat.beat()
    assert len(provider.asked) == 1
    assert watched.told[1:] == [""]


async def test_it_says_once_that_it_does_not_get_through_and_once_that_it_does_again(
    watched: Watched, provider: Provider
) -> None:
    provider.answers = [(500, {}, "hush-hush"), (404, {}, ""), "drop", (200, {}, ""), (503, {}, ""), (200, {}, "")]
    for _ in range(6):
        await watched.beat.beat()
    assert len(watched.told) == 2
    assert "answered 404" in watched.told[0] and watched.told[1] == ""
    assert watched.beat.failing == ""


async def test_its_address_stays_out_of_what_it_says(provider: Provider) -> None:
    watched = Watched("http://127.0.0.1:1/hush-hush")
    await watched.beat.beat()
    await watched.beat.beat()
    await watched.beat.stop()
    assert "cannot be reached" in watched.told[0] and "hush" not in watched.told[0]


async def test_a_fault_in_what_it_watches_is_no_call_and_does_not_end_it(watched: Watched, provider: Provider) -> None:
    watched.raising = RuntimeError("boom")
    await watched.beat.beat()
    await watched.beat.beat()
    assert "boom" in watched.told[0]
    assert provider.asked == []
    watched.raising = None
    await watched.beat.beat()
    assert len(provider.asked) == 1
