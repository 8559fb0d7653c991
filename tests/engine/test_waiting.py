"""Whichever comes first."""

from __future__ import annotations

import asyncio

import pytest

from bot.engine.waiting import heard


async def test_what_is_set_is_heard_at_once_and_later() -> None:
    event = asyncio.Event()
    event.set()
    assert await heard(event, 60.0)
    event.clear()
    asyncio.get_running_loop().call_soon(event.set)
    assert await heard(event, 60.0)


async def test_a_time_that_is_over_ends_the_wait() -> None:
    event = asyncio.Event()
    assert not await heard(event, 0.001)
    assert event.is_set()


async def test_a_wait_that_is_cancelled_leaves_no_timer() -> None:
    event = asyncio.Event()
    task = asyncio.create_task(heard(event, 0.01))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.03)
    assert not event.is_set()
