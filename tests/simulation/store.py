"""The in-memory store with the judge at its one door, and, between runs of the codec, without its copies."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bot.engine.ports.errors import Away
from bot.engine.ports.records import Commit, Committed
from bot.store import memory
from bot.store.memory import MemoryStore
from tests.simulation.loop import WHO

if TYPE_CHECKING:
    from tests.simulation.world import World


class SimStore(MemoryStore):
    """What is committed is judged in the same step."""

    def __init__(self, world: World, shared: bool) -> None:
        super().__init__(world.loop.time, shared=shared)
        self._world = world

    async def commit(self, commit: Commit) -> Committed:
        done = await super().commit(commit)
        if not done.duplicate:
            self._world.judge(WHO.get(), commit)
        return done


class StoreView:
    """The store as one replica reaches it.

    away: it does not answer. dead: nobody is there who would listen. flaky: a commit may fail, or be done and its
    answer lost. slow: seconds, at most, a call takes.
    """

    def __init__(self, world: World, store: SimStore, context: contextvars.Context) -> None:
        self._world = world
        self._store = store
        self._context = context
        self.away = self.dead = False
        self.flaky = False
        self.slow = 0.0

    @property
    def shared(self) -> bool:
        return self._store.shared

    async def listen(self, on_change: Callable[[str], None]) -> None:
        """Notices arrive in the replica's own process."""
        loop, context = self._world.loop, self._context

        def notice(stream: str) -> None:
            if not self.away and not self.dead:
                loop.call_soon(on_change, stream, context=context)

        await self._store.listen(notice)

    async def commit(self, commit: Commit) -> Committed:
        await self._reach()
        fate = self._world.net.weighted((6, 1, 1)) if self.flaky else 0
        if fate == 1:
            self._world.count("fault:commit refused")
            raise Away("simulated: the database is away")
        done = await self._store.commit(commit)
        if fate == 2:
            self._world.count("fault:commit answer lost")
            raise Away("simulated: the answer of the database was lost")
        await self._reach()
        return done

    async def _reach(self) -> None:
        if self.slow:
            await asyncio.sleep(self._world.net.seconds(self.slow))
        if self.away:
            self._world.count("fault:store away")
            raise Away("simulated: the database does not answer")

    def __getattr__(self, name: str) -> Any:
        """Every other method of the store, reached in the same way."""
        real = getattr(self._store, name)

        async def reached(*args: Any, **facts: Any) -> Any:
            await self._reach()
            return await real(*args, **facts)

        def call(*args: Any, **facts: Any) -> Any:
            return (reached if self.slow or self.away else real)(*args, **facts)

        setattr(self, name, call)
        return call


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
