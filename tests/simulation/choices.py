"""Every decision of a run, drawn from named streams: a run is a pure function of what is recorded here.

0 is always the harmless choice: the oldest task runs next, no delay, no fault, people do the sensible thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")
Recorded = Mapping[str, Sequence[int]]
FINE = 1000  # steps of a drawn duration


class Stream:
    """Recorded choices first; what comes after them is drawn from the seed, or is 0 where there is none."""

    __slots__ = ("_given", "_random", "taken")

    def __init__(self, random: Random | None, given: Sequence[int] = ()) -> None:
        self._random = random.random if random else None
        self._given = given
        self.taken: list[int] = []

    def pick(self, n: int) -> int:
        """0 to n - 1."""
        taken = self.taken
        if self._random is not None:
            value = int(self._random() * n)
        else:
            at = len(taken)
            value = self._given[at] % n if at < len(self._given) else 0
        taken.append(value)
        return value

    def rarely(self, permille: int) -> bool:
        return self.pick(1000) >= 1000 - permille

    def among(self, options: Sequence[T]) -> T:
        return options[self.pick(len(options))]

    def weighted(self, weights: Sequence[int]) -> int:
        """An index; the first is the harmless one."""
        value = self.pick(sum(weights))
        for index, weight in enumerate(weights):
            value -= weight
            if value < 0:
                return index
        raise AssertionError("unreachable")

    def seconds(self, most: float, least: float = 0.0) -> float:
        return least + (most - least) * self.pick(FINE) / FINE


class Choices:
    """The streams of one run: drawn from a seed, or replayed from what an earlier run recorded."""

    def __init__(self, seed: int | None = None, recorded: Recorded | None = None) -> None:
        self._seed = seed
        self._recorded = recorded or {}
        self._streams: dict[str, Stream] = {}

    def stream(self, name: str) -> Stream:
        if name not in self._streams:
            # A str seeds through SHA-512, so it is the same in every process whatever its hash seed.
            random = None if self._seed is None else Random(f"{self._seed}/{name}")
            self._streams[name] = Stream(random, self._recorded.get(name, ()))
        return self._streams[name]

    def taken(self) -> dict[str, list[int]]:
        return {name: list(stream.taken) for name, stream in self._streams.items()}
