"""The in-memory store with the judge at its one door, and, between runs of the codec, without its copies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.engine.ports import Commit, Committed, Retryable
from bot.store import memory
from bot.store.memory import MemoryStore
from tests.simulation.loop import WHO

if TYPE_CHECKING:
    from tests.simulation.world import World


class SimStore(MemoryStore):
    """What is committed is judged in the same step. flaky: a commit may fail, or be done and its answer lost."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.flaky = False

    async def commit(self, commit: Commit) -> Committed:
        fate = self._world.net.weighted((6, 1, 1)) if self.flaky else 0
        if fate == 1:
            self._world.count("fault:commit refused")
            raise Retryable("simulated: the database is away")
        done = await super().commit(commit)
        if not done.duplicate:
            self._world.judge(WHO.get(), commit)
        if fate == 2:
            self._world.count("fault:commit answer lost")
            raise Retryable("simulated: the answer of the database was lost")
        return done


class uncopied:
    """Values are frozen: most runs need no copy through the codec, which is half of their time."""

    def __init__(self, real: bool) -> None:
        self._real = real

    def __enter__(self) -> None:
        self._copy = memory._copy
        if not self._real:
            memory._copy = lambda codec, value: value  # type: ignore[assignment]

    def __exit__(self, *_: Any) -> None:
        memory._copy = self._copy
