"""The contract, over real nginx through the local transport, and in memory."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable

import pytest

from bot.fleet import nginx
from bot.fleet.fake import FakeFleet, Fault
from bot.fleet.router import FleetRouter
from bot.fleet.target import Serving, Target
from bot.rollout.plan import Host
from tests.fleet.conftest import SERVICE, Box, Boxes, Faulty
from tests.fleet.contract import FleetContract, Harness


class RealHarness(Harness):
    def __init__(self, boxes: Boxes, router: FleetRouter, faulty: Faulty) -> None:
        self.boxes, self.router, self.faulty = {box.name: box for box in boxes.boxes}, router, faulty
        self.names = tuple(self.boxes)  # type: ignore[assignment]
        self.target = boxes.target  # type: ignore[method-assign,assignment]

    def target(self, generation: int, weight: float = 1.0, mode: str = "shift") -> Target:
        raise NotImplementedError

    def unreachable(self, name: str) -> None:
        self.faulty.unreachable.add(name)

    def test_fails(self, name: str) -> None:
        (self.boxes[name].root / "conf.d" / "person.conf").write_text("nonsense;\n")

    def ignores_reload(self, name: str) -> None:
        os.kill(self.boxes[name].master, signal.SIGSTOP)

    def loses_answer(self, name: str, *, done: bool) -> None:
        (self.faulty.lost_after if done else self.faulty.lost_before).add(name)

    def edits(self, name: str, change: Callable[[str], str]) -> None:
        live = self.boxes[name].live
        text = change(live.read_text())
        live.write_text(text) if text else live.unlink()

    def mend(self, name: str) -> None:
        self.faulty.unreachable.discard(name)
        (self.boxes[name].root / "conf.d" / "person.conf").unlink(missing_ok=True)
        os.kill(self.boxes[name].master, signal.SIGCONT)

    def requests(self) -> list[tuple[str, str]]:
        return list(self.faulty.calls)

    def forgets(self, name: str) -> None:
        for kept in self.boxes[name].state.glob("*.back"):
            kept.unlink()

    async def served(self, name: str) -> Serving | None:
        return await ask(self.boxes[name])


async def ask(box: Box) -> Serving | None:
    try:
        reader, writer = await asyncio.open_connection(box.ip, 8911)
    except OSError:
        return None
    writer.write(f"GET /rollout/{SERVICE} HTTP/1.0\r\nHost: rollout-{SERVICE}\r\n\r\n".encode())
    text = (await reader.read()).decode().rpartition("\r\n\r\n")[2]
    writer.close()
    return nginx.parse_status(text)[0]


class FakeHarness(Harness):
    def __init__(self, boxes: Boxes) -> None:
        self.names = ("lb-1", "lb-2", "lb-3")
        self.router = self.fake = FakeFleet([Host(name) for name in self.names])
        self.boxes = boxes

    def target(self, generation: int, weight: float = 1.0, mode: str = "shift") -> Target:
        return self.boxes.target(generation, weight, mode)

    def unreachable(self, name: str) -> None:
        self.fake.fault(name, Fault.UNREACHABLE)

    def test_fails(self, name: str) -> None:
        self.fake.fault(name, Fault.TEST_FAILS)

    def ignores_reload(self, name: str) -> None:
        self.fake.fault(name, Fault.RELOAD_IGNORED)

    def loses_answer(self, name: str, *, done: bool) -> None:
        self.fake.fault(name, Fault.LOST_AFTER if done else Fault.LOST_BEFORE)

    def edits(self, name: str, change: Callable[[str], str]) -> None:
        self.fake.edit(name, SERVICE, change, reload=False)

    def mend(self, name: str) -> None:
        self.fake.mend(name)

    def requests(self) -> list[tuple[str, str]]:
        return [(verb, host) for verb, host, _, _ in self.fake.calls]

    def forgets(self, name: str) -> None:
        self.fake.memory.boxes[name].services[SERVICE].back = ""

    async def served(self, name: str) -> Serving | None:
        return self.fake.served(name, SERVICE)


class TestRouter(FleetContract):
    @pytest.fixture
    async def fleet(self, boxes: Boxes, router: FleetRouter, faulty: Faulty) -> AsyncIterator[Harness]:
        yield RealHarness(boxes, router, faulty)
        for box in boxes.boxes:
            os.kill(box.master, signal.SIGCONT)


class TestFake(FleetContract):
    @pytest.fixture
    def fleet(self) -> Harness:
        from pathlib import Path

        return FakeHarness(Boxes([Box("lb-1", Path("/nowhere"))]))
