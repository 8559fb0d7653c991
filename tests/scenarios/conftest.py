"""The whole bot as a process, once in Socket Mode and once in HTTP mode; each test has a rollout of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from bot.sandbox.slack.faults import Faults
from tests.scenarios.kit import DELIVERIES, Play, ShortStand


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stages(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Play, ...]]:
    """A stand for each way of delivery."""
    stands = [ShortStand(tmp_path_factory.mktemp(delivery), delivery) for delivery in DELIVERIES]
    async with AsyncExitStack() as stack:
        for stand in await asyncio.gather(*(stack.enter_async_context(stand) for stand in stands)):
            stack.push_async_callback(stand.play.close)
        yield tuple(stand.play for stand in stands)


def bad_weather(faults: Faults) -> None:
    """Everything Slack may do on any day, all at once: `make test-long` plays every scenario in it."""
    faults.delay, faults.repeat, faults.reorder = 0.2, True, True
    for method, every in (("chat.postMessage", 4), ("chat.update", 3), ("chat.postEphemeral", 4), ("reactions.get", 3)):
        faults.rate_limit(method, retry_after=1, every=every)


@pytest_asyncio.fixture(loop_scope="module")
async def plays(stages: tuple[Play, ...]) -> AsyncIterator[tuple[Play, ...]]:
    if os.environ.get("ROLLOUT_WEATHER") == "bad":
        for play in stages:
            bad_weather(play.faults)
    yield stages
    await asyncio.gather(*(play.end() for play in stages))
