"""The local transport by itself: deadlines and cancellation end what was started, at any instant."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from bot.fleet.local import LocalTransport
from bot.fleet.router import FleetRouter
from bot.fleet.target import Outcome
from tests.fleet.conftest import SERVICE, Box, Boxes


async def test_cancelled_at_any_instant_it_ends_and_the_next_shift_succeeds(box: Box) -> None:
    router, target = FleetRouter([box.host], LocalTransport(), deadline=4.0), Boxes([box]).target(1)
    for step in range(12):
        task = asyncio.create_task(router.shift(target))
        await asyncio.sleep(step * 0.0005 if step < 8 else step * 0.01)
        task.cancel()
        async with asyncio.timeout(3):
            with pytest.raises(asyncio.CancelledError):
                await task
    assert (await router.shift(target)).outcome is Outcome.DONE


async def test_at_the_deadline_nothing_is_known_and_nothing_runs_on(box: Box) -> None:
    transport, host = LocalTransport(), box.host
    router = FleetRouter([host], transport, deadline=4.0)
    assert (await router.shift(Boxes([box]).target(1))).outcome is Outcome.DONE
    os.kill(box.master, signal.SIGSTOP)
    place = (host.nginx, host.nginx_conf, host.conf_dir, host.pid_file, host.status, "3000")
    began = time.monotonic()
    result = await transport.run(host, (*place, "revert", SERVICE, "1"), b"", 0.3)
    assert result.exit_status is None and b"0.3 s" in result.stderr
    assert time.monotonic() - began < 20  # of the thirty that it would wait for nginx
    os.kill(box.master, signal.SIGCONT)
    reading = (await router.read(SERVICE))[0]
    assert reading.state.value in ("absent", "stale", "ok"), "the lock is free again"
