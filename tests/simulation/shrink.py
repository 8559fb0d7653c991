"""From a failing run to a small one: choices are taken away (made harmless) while the same rule still breaks."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation.simulate import Outcome, simulate

Taken = dict[str, list[int]]
MOST = 500  # runs


class Shrinker:
    """breaks(outcome): whether it is still the failure that is looked at."""

    def __init__(self, first: Outcome, most: int = MOST, run: Callable[[Taken], Outcome] | None = None) -> None:
        assert first.broken is not None
        self._rule = first.broken.rule
        self._run = run or (lambda taken: simulate(None, taken))
        self._left = most
        self.best = first
        self.taken = {name: _cut(choices) for name, choices in first.taken.items()}

    def shrink(self) -> Outcome:
        """The smallest run found; replayed from `taken` it is the same again."""
        before = -1
        while self._left > 0 and before != self._size():
            before = self._size()
            for name in sorted(self.taken, key=lambda name: (not name.startswith("trouble"), name)):
                self._try(name, [])
            for name in sorted(self.taken, key=lambda name: -len(self.taken[name])):
                self._stream(name)
        return self.best

    def _size(self) -> int:
        return sum(1 + value for choices in self.taken.values() for value in choices if value)

    def _stream(self, name: str) -> None:
        """Zeroes ever smaller pieces, then lowers what is left of short streams."""
        length = len(self.taken[name])
        while length >= 1 and self._left > 0:
            at = 0
            while at < len(self.taken[name]):
                choices = self.taken[name]
                if any(choices[at : at + length]):
                    self._try(name, [*choices[:at], *[0] * len(choices[at : at + length]), *choices[at + length :]])
                at += length
            length //= 2

    def _try(self, name: str, choices: list[int]) -> bool:
        choices = _cut(choices)
        if choices == self.taken[name] or self._left <= 0:
            return False
        self._left -= 1
        wanted = {**self.taken, name: choices}
        outcome = self._run(wanted)
        if outcome.broken is None or outcome.broken.rule != self._rule:
            return False
        self.taken, self.best = wanted, outcome
        return True


def _cut(choices: list[int]) -> list[int]:
    """Without the zeros at the end: what is not recorded is 0."""
    end = len(choices)
    while end and not choices[end - 1]:
        end -= 1
    return choices[:end]
