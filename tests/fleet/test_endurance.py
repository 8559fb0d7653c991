"""Shift after shift under every kind of load: no error, and nothing lost after a keep-alive client's one retry.

Behind `long`: a thousand shifts. SHIFTS=n makes it shorter.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from bot.fleet.local import LocalTransport
from bot.fleet.router import FleetRouter
from bot.fleet.target import Outcome
from tests.bench.report import percentile
from tests.fleet.conftest import Box, Boxes
from tests.fleet.load import Load, backend

SHIFTS = int(os.environ.get("SHIFTS", "1000"))
SECONDS = 60  # of each of the two that are compared
CUT_AFTER = 2.0  # worker_shutdown_timeout of the nginx here, in seconds


@asynccontextmanager
async def sockets(ip: str, port: int) -> AsyncIterator[str]:
    """A backend that switches protocols and then gives back every line, as a websocket's would."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            while line := await reader.readline():
                writer.write(line)
        except (OSError, asyncio.IncompleteReadError):
            pass
        writer.close()

    server = await asyncio.start_server(serve, ip, port)
    yield f"{ip}:{port}"
    server.close()


@dataclass
class Sockets:
    """People who hold a websocket open: lived has the seconds each lived that nginx cut, wrong what was no echo."""

    box: Box
    lived: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    echoes: int = 0
    over: bool = False

    async def hold(self) -> None:
        while not self.over:
            reader, writer = await asyncio.open_connection(self.box.ip, 8000)
            writer.write(b"GET /socket HTTP/1.1\r\nHost: app\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            began = time.monotonic()
            if b" 101 " not in head:
                self.wrong.append(head.decode())
            while not self.over:
                try:
                    writer.write(b"hello\n")
                    if (echo := await reader.readline()) != b"hello\n":
                        raise ConnectionResetError(echo)
                except OSError:
                    self.lived.append(time.monotonic() - began)
                    break
                self.echoes += 1
                await asyncio.sleep(0.02)
            writer.close()


@pytest.fixture
async def stand(box: Box) -> AsyncIterator[tuple[Box, Boxes, FleetRouter, dict[str, object]]]:
    conf = box.root / "nginx.conf"
    conf.write_text(f"worker_shutdown_timeout {CUT_AFTER:g}s;\n" + conf.read_text())
    boxes, router = Boxes([box]), FleetRouter([box.host], LocalTransport(), deadline=60.0)
    async with backend(box.ip, 5100, "old") as old, backend(box.ip, 5101, "new") as new, sockets(box.ip, 5102) as ws:
        plan: dict[str, object] = {"stable": (old,), "canary": (new,), "sticky_by": ("$request_id",)}
        assert (await router.roll_back(boxes.target(1, mode="stable", **plan))).outcome is Outcome.DONE
        (box.root / "conf.d" / "socket.conf").write_text(
            f"server {{ listen {box.ip}:8000; server_name app; location / {{ proxy_pass http://$rollout_brand_diagnosis;\n"
            f'proxy_http_version 1.1; proxy_set_header Connection ""; }}\n'
            f"location /socket {{ proxy_pass http://{ws}; proxy_http_version 1.1;\n"
            f'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; }} }}\n'
        )
        box.publish()
        yield box, boxes, router, plan
    await router.aclose()


@pytest.mark.long
async def test_a_thousand_shifts_lose_no_request(
    stand: tuple[Box, Boxes, FleetRouter, dict[str, object]],
) -> None:
    box, boxes, router, plan = stand
    held = Sockets(box)
    holding = [asyncio.create_task(held.hold()) for _ in range(3)]
    async with Load(box) as load:
        for generation in range(2, 2 + SHIFTS):
            report = await router.shift(boxes.target(generation, float(generation * 37 % 101), **plan))
            assert report.outcome is Outcome.DONE, report.failed
    held.over = True
    await asyncio.gather(*holding)
    wrong = [answer for answer in load.answers if answer not in ("old", "new")]
    print(f"{SHIFTS} shifts, {len(load.answers)} requests, {held.echoes} echoes, {len(held.lived)} sockets cut")
    assert wrong == [] and held.wrong == []
    assert {"old", "new"} == set(load.answers) and held.lived, "both pools were met, and sockets were cut"
    assert min(held.lived) >= CUT_AFTER * 0.9, "none before the shutdown timeout that was set"


async def times(box: Box, seconds: float) -> list[float]:
    """Of requests on fresh and on kept connections, in seconds."""
    took: list[float] = []
    end = time.monotonic() + seconds

    async def ask() -> None:
        while time.monotonic() < end:
            began = time.perf_counter()
            assert await box.get() in ("old", "new")
            took.append(time.perf_counter() - began)
            await asyncio.sleep(0.005)

    await asyncio.gather(*(ask() for _ in range(4)))
    return took


@pytest.mark.long
async def test_a_shift_a_second_hardly_slows_a_visitor(
    stand: tuple[Box, Boxes, FleetRouter, dict[str, object]],
) -> None:
    box, boxes, router, plan = stand
    generation = 2

    async def shifting() -> None:
        nonlocal generation
        while True:
            pause = asyncio.create_task(asyncio.sleep(1.0))
            assert (
                await router.shift(boxes.target(generation, float(generation * 37 % 101), **plan))
            ).outcome is Outcome.DONE
            generation += 1
            await pause

    quiet: list[float] = []
    busy: list[float] = []
    for _ in range(4):  # in turns, so that both meet the same machine
        quiet += await times(box, SECONDS / 4)
        shifts = asyncio.create_task(shifting())
        busy += await times(box, SECONDS / 4)
        shifts.cancel()
        await asyncio.gather(shifts, return_exceptions=True)
    before, with_shifts = percentile(quiet, 99) * 1000, percentile(busy, 99) * 1000
    print(f"p99 {before:.2f} ms, with {generation - 2} shifts {with_shifts:.2f} ms: {with_shifts / before:.2f} times")
    assert generation > SECONDS / 4, "it was shifted all the while"
