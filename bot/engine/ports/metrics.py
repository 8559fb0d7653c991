"""What is measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.alerts.rules import Answer
from bot.rollout.gate import Need, Values


class Metrics(Protocol):
    async def measure(self, needs: Sequence[Need]) -> Values:
        """An answer for every need, all within one outer deadline. Never raises: what failed has its error."""
        ...


class Series(Protocol):
    async def series(self, queries: Sequence[str]) -> tuple[Answer, ...]:
        """Every series of every query, in their order, within one outer deadline. Never raises: see Answer.error."""
        ...
