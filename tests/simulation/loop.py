"""An event loop without real time: its clock jumps to the next timer, and the order of what is ready is chosen.

Every task belongs to the world or to one replica of the bot (the context variable WHO), so that a replica can be
frozen or killed between any two steps.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
from collections.abc import Callable, Coroutine
from typing import Any

WORLD = ""
WHO: contextvars.ContextVar[str] = contextvars.ContextVar("who", default=WORLD)


class Stuck(Exception):
    """Nothing can happen any more, or too much has happened without an end."""


class SimTask(asyncio.Task):  # type: ignore[type-arg]
    """Hashed by its number: sets of tasks are walked in the same order in every process."""

    def __init__(self, number: int, *args: Any, **kwargs: Any) -> None:
        self._number = number
        super().__init__(*args, **kwargs)

    def __hash__(self) -> int:
        return self._number


class SimLoop(asyncio.BaseEventLoop):
    """pick(n): which of n ready handles runs next. most_steps: after so many handles the run is called stuck."""

    def __init__(self, start: float, pick: Callable[[int], int], most_steps: int) -> None:
        super().__init__()
        self.set_debug(False)
        self._now = start
        self._pick = pick
        self._most_steps = most_steps
        self._ready: list[asyncio.Handle] = []  # type: ignore[assignment]
        self._parked: dict[str, list[asyncio.Handle]] = {}  # of the frozen and the dead
        self._hooks: list[tuple[int, int, Callable[[], None]]] = []
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._tasks_made = self._timers_made = 0
        self.steps = 0
        self.set_task_factory(self._task)
        self.set_exception_handler(lambda loop, context: None)

    def time(self) -> float:
        return self._now

    def at_step(self, step: int, act: Callable[[], None]) -> None:
        """Calls act between two handles, once `step` of them have run."""
        heapq.heappush(self._hooks, (step, len(self._hooks) + self.steps, act))

    def spawn(self, who: str, work: Coroutine[Any, Any, Any], name: str = "", **variables: Any) -> asyncio.Task[Any]:
        """A task of `who`; variables: context variables by name, see `context_of`."""
        return self.create_task(work, name=name or None, context=context_of(who))

    def park(self, who: str) -> None:
        """From now on nothing of `who` runs, until `unpark`."""
        self._parked.setdefault(who, [])

    def unpark(self, who: str) -> None:
        self._ready += self._parked.pop(who, [])

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """As the base class does it, without its checks: most of a run is spent here."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def _task(self, loop: Any, work: Any, context: contextvars.Context | None = None) -> SimTask:
        self._tasks_made += 1
        return SimTask(self._tasks_made, work, loop=loop, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """In a heap of tuples: comparing the handles themselves is slow."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self._timers_made += 1
        heapq.heappush(self._timers, (when, self._timers_made, timer))
        return timer

    def _run_once(self) -> None:
        """Handle after handle, until the loop is to stop. One function without calls: most of a run is spent here."""
        ready, hooks, parked, pick = self._ready, self._hooks, self._parked, self._pick
        while not self._stopping:
            if not ready:
                self._jump()
            if hooks and hooks[0][0] <= self.steps:
                heapq.heappop(hooks)[2]()
                continue
            if not ready:
                continue
            handle = ready.pop(pick(len(ready)) if len(ready) > 1 else 0)
            if handle._cancelled:
                continue
            if parked:
                who = handle._context.get(WHO, WORLD)
                if who in parked:
                    parked[who].append(handle)
                    continue
            self.steps += 1
            if self.steps > self._most_steps:
                raise Stuck(f"{self.steps} steps without an end")
            try:  # noqa: SIM105 `suppress` is slow, and this is done millions of times
                handle._context.run(handle._callback, *handle._args)
            except (Exception, asyncio.CancelledError):
                pass  # what a task raises is the task's; a loop tells its handler of the rest, and this one has none

    def _jump(self) -> None:
        """To the next timer: everything due at that instant becomes ready, in order."""
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        if not timers:
            raise Stuck("nobody waits for anything any more")
        self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            timer = heapq.heappop(timers)[2]
            if not timer._cancelled:
                self._ready.append(timer)

    def drain(self, most: int = 20_000) -> None:
        """Ends every task, also of the dead: after the verdict, so that nothing is left for the garbage collector."""
        self._pick = lambda n: 0
        self._hooks.clear()
        for who in list(self._parked):
            self.unpark(who)
        self._most_steps = self.steps + most
        for _ in range(8):  # a cancellation can be swallowed by work that has to end first, or that begins more
            tasks = [t for t in asyncio.all_tasks(self) if not t.done()]
            if not tasks:
                return
            for task in sorted(tasks, key=hash):
                task.cancel()
            self.call_soon(self._stop_when_idle)
            self.run_forever()

    def _stop_when_idle(self) -> None:
        """With no time passing: what is cancelled waits for nothing any more."""
        if self._ready:
            self.call_soon(self._stop_when_idle)
        else:
            self.stop()

    def _process_events(self, event_list: Any) -> None:
        """There are no files and sockets here."""

    def _write_to_self(self) -> None:
        """There are no other threads here."""


def context_of(who: str) -> contextvars.Context:
    context = contextvars.copy_context()
    context.run(WHO.set, who)
    return context
