"""One run: from choices to an outcome. Pure: the same choices give the same run in every process."""

from __future__ import annotations

import random
import sys
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Any

from bot.engine import leads, worker
from tests.simulation.choices import Choices, Recorded
from tests.simulation.store import uncopied
from tests.simulation.world import Broken, World

LOOKS = 3.0, 6.0  # seconds between rounds of the leads, and between looks of an idle worker


@dataclass(frozen=True)
class Outcome:
    """broken: the rule and what was seen; None: all held. taken: the choices, for replay."""

    broken: Broken | None
    taken: dict[str, list[int]]
    counts: Counter[str]
    trace: list[tuple[float, str, tuple[Any, ...]]]
    steps: int
    seconds: float  # of virtual time

    def lines(self) -> list[str]:
        return [f"{at:9.3f}  {text.format(*facts)}" for at, text, facts in self.trace]


class Quiet:
    """A logger that keeps nothing, but tells the world of faults that the engine caught."""

    def __init__(self, world: World) -> None:
        self._world = world

    def exception(self, what: str, **facts: Any) -> None:
        error = sys.exc_info()[1]
        self._world.raised(f"{what} {facts}", error)

    def __getattr__(self, name: str) -> Any:
        return _ignore


def _ignore(*args: Any, **facts: Any) -> None:
    """Not logged."""


class outside_world:
    """While a run goes on: no log, the global random numbers are the run's, and who only looks whether something has
    changed does so less often than in life, or half of a run would be looks. Puts everything back."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._logs: dict[Any, Any] = {}

    def __enter__(self) -> None:
        self._random = random.getstate()
        random.seed(self._world.choices.stream("plan").pick(1 << 30))
        self._looks = leads.EVERY, worker.POLL
        leads.EVERY, worker.POLL = LOOKS
        for module in _that_log(len(sys.modules)):
            self._logs[module] = module.log
            module.log = Quiet(self._world)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        random.setstate(self._random)
        leads.EVERY, worker.POLL = self._looks
        for module, log in self._logs.items():
            module.log = log


@lru_cache(1)
def _that_log(imported: int) -> tuple[Any, ...]:
    """The bot's modules that have a log, of so many imported ones: looking through all takes as long as a short run."""
    ours = [m for name, m in list(sys.modules.items()) if name.startswith(("bot.", "commands."))]
    return tuple(module for module in ours if hasattr(module, "log"))


def simulate(seed: int | None = None, recorded: Recorded | None = None) -> Outcome:
    """Drawn from the seed, or replayed from what `Outcome.taken` recorded."""
    choices = Choices(seed, recorded)
    world = World(choices)
    broken: Broken | None = None
    with outside_world(world), uncopied(world.real_codec):
        try:
            world.run()
        except Broken as error:
            broken = error
    seconds = world.trace[-1][0] if world.trace else 0.0
    return Outcome(broken, choices.taken(), world.counts, world.trace, world.loop.steps, seconds)
