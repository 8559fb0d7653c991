"""The hosts that serve the traffic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from bot.fleet.target import HostReading, HostResult, ShiftReport, Target


class Fleet(Protocol):
    """All hosts of one service as one."""

    async def read(self, service: str) -> tuple[HostReading, ...]: ...

    async def shift(self, target: Target, superseded: Callable[[], bool]) -> ShiftReport: ...

    async def roll_back(self, target: Target, on_host: Callable[[HostResult], None] | None = None) -> ShiftReport: ...

    async def plan_diff(self, target: Target) -> Mapping[str, str]: ...

    def part(self, hosts: Sequence[str]) -> Fleet:
        """These hosts alone, over the same connections; only the whole is closed."""
        ...

    async def put_back(self, target: Target) -> ShiftReport:
        """Every host that has the target's generation gets back what it had before: REVERTED, or PARTIAL."""
        ...

    async def aclose(self) -> None: ...
