"""Three hosts over SSH, one of them behind a network that can be cut, and what they serve watched all the while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bot.fleet.router import FleetRouter
from bot.fleet.ssh import SshTransport
from bot.fleet.target import HostState, Outcome, ShiftReport
from tests.fleet.conftest import SERVICE, Box, Boxes, Sshd
from tests.fleet.proxy import Proxy
from tests.fleet.test_contract import ask

APPROVED = 10.0
DEADLINE = 45.0  # seconds; a loaded machine gets its time


@dataclass
class Scene:
    """Three hosts over SSH, the second through a network that can be cut. It serves generation 1 with 1 %."""

    boxes: Boxes
    proxy: Proxy
    transport: SshTransport
    router: FleetRouter
    known_hosts: str
    peak: float = 0.0
    asked: int = 0
    names: tuple[str, ...] = ("lb-1", "lb-2", "lb-3")
    seen: set[int] = field(default_factory=set)

    @property
    def ill(self) -> Box:
        return self.boxes[1]

    def once_staged(self, act: Callable[[], object]) -> Callable[[], bool]:
        """A `superseded` that says no, and lets something happen between the two phases."""
        asked = 0

        def superseded() -> bool:
            nonlocal asked
            asked += 1
            if asked == 2:
                act()
            return False

        return superseded

    async def watch(self) -> None:
        while True:
            for box in self.boxes.boxes:
                with suppress(OSError, ValueError):
                    serving = await ask(box)
                    if serving is not None:
                        share = {"stable": 0.0, "canary": 100.0}.get(serving.mode, serving.weight)
                        self.peak, self.asked = max(self.peak, share), self.asked + 1
                        self.seen.add(serving.generation)
            await asyncio.sleep(0.02)

    async def settled(self, report: ShiftReport, generation: int, *, but: tuple[str, ...] = ()) -> None:
        """Every host but those serves the generation and says so itself; no host was ever over what was approved."""
        for reading in await self.router.read(SERVICE):
            if reading.host not in but:
                assert reading.state is HostState.OK and reading.live is not None, reading
                assert reading.live.generation == generation == (reading.file and reading.file.generation)
        assert self.asked and self.peak <= APPROVED
        if report.outcome is Outcome.DONE:
            assert not report.failed
        assert all(result.error for result in report.failed)

    async def back_and_well(self, generation: int) -> None:
        """Once mended, the next rollback and the next shift reach every host."""
        report = await self.router.roll_back(self.boxes.target(generation, 0.0, "stable"))
        assert report.outcome is Outcome.DONE, report.failed
        report = await self.router.shift(self.boxes.target(generation + 1, APPROVED))
        assert report.outcome is Outcome.DONE, report.failed
        await self.settled(report, generation + 1)


@asynccontextmanager
async def a_scene(ssh_boxes: Boxes, sshd: Sshd, tmp_path: Path) -> AsyncIterator[Scene]:
    async with Proxy(sshd.port, ssh_boxes[1].ssh) as proxy:
        known = tmp_path / "known"
        known.write_text(sshd.known_lines() + f"[{proxy.place[0]}]:{proxy.place[1]} {sshd.public}\n")
        ssh_boxes[1].ssh = proxy.place
        transport = SshTransport(str(known), sshd.key_file, connect_timeout=DEADLINE)
        scene = Scene(ssh_boxes, proxy, transport, FleetRouter(ssh_boxes.hosts, transport, DEADLINE), str(known))
        assert (await scene.router.shift(ssh_boxes.target(1, 1.0))).outcome is Outcome.DONE
        watching = asyncio.create_task(scene.watch())
        yield scene
        assert not watching.done(), "the watch over what is served ended"
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await scene.router.aclose()


def failed(report: ShiftReport) -> list[str]:
    return [result.host for result in report.failed]
