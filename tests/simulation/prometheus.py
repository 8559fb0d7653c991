"""A Prometheus that answers as it is told, and remembers every answer for the judge."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bot.rollout.gate import Need, Value, Values

if TYPE_CHECKING:
    from tests.simulation.world import World

GOOD = {"error_rate": 1.0, "users": 7.0, "requests": 1000.0}
MOODS: dict[str, dict[str, float | None]] = {
    "good": {},
    "bad": {"error_rate": 7.0},  # fails the gate, trips nothing
    "awful": {"error_rate": 50.0},
    "few": {"requests": 3.0},
    "empty": {"error_rate": None, "users": None, "requests": None},
    "half empty": {"requests": None},
    "nan": {"error_rate": float("nan"), "users": float("nan"), "requests": float("nan")},
    "infinite": {"error_rate": float("-inf")},
    "lonely": {"users": 0.0},
    "astray": {},  # the canary gets half of the requests, whatever its share should be
}
BLIND = {"blind": ("error_rate", "users", "requests"), "partial": ("requests",), "half blind": ("users",)}
EVERY = (*MOODS, *BLIND)


class SimMetrics:
    """bot.engine.ports.metrics.Metrics of one replica."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def measure(self, needs: Sequence[Need]) -> Values:
        world, asked = self._world, self._world.loop.time()
        delay = world.net.weighted((6, 3, 1))
        await asyncio.sleep((0.01, 1.0, 8.0)[delay])
        mood = world.mood
        failed, values = BLIND.get(mood, ()), GOOD | MOODS.get(mood, {})
        answer = {
            need: Value(None, "simulated outage") if need.metric in failed else Value(self._value(need, values))
            for need in needs
        }
        world.say("prometheus: {}", mood)
        world.rules.measured(answer, asked)
        return answer

    def _value(self, need: Need, values: Mapping[str, float | None]) -> float | None:
        value, weight = values.get(need.metric), self._world.rules.books.view.weight
        if need.metric != "requests" or need.pool != "stable" or value is None or self._world.mood == "astray":
            return value
        return value * (100.0 - weight) / weight if weight else value
