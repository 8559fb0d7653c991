"""A log of everything that happens in the workspace, and a way to await an entry instead of sleeping."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

Entry = dict[str, Any]
Predicate = Callable[[Entry], bool]


class EventLog:
    """Entries `{"seq": int, "at": unix seconds, "kind": str, ...}`, `seq` growing by one from 1.

    Only the newest `size` entries are kept, so that a demo may run for days.
    """

    def __init__(self, clock: Callable[[], float], size: int = 5_000) -> None:
        self._clock = clock
        self._entries: deque[Entry] = deque(maxlen=size)
        self._changed: asyncio.Event | None = None
        self.cursor = 0

    def append(self, kind: str, **fields: Any) -> Entry:
        self.cursor += 1
        entry: Entry = {"seq": self.cursor, "at": self._clock(), "kind": kind, **fields}
        self._entries.append(entry)
        if self._changed is not None:
            self._changed.set()
            self._changed = None
        return entry

    def since(self, cursor: int) -> list[Entry]:
        """The entries after `cursor` (0 = all that are kept), oldest first."""
        missing = self.cursor - cursor
        if missing <= 0:
            return []
        first = max(0, len(self._entries) - missing)
        return [self._entries[index] for index in range(first, len(self._entries))]

    async def more(self, cursor: int, timeout: float) -> list[Entry]:
        """The entries after `cursor`; waits up to `timeout` seconds for the first one, then returns []."""
        deadline = asyncio.get_running_loop().time() + timeout
        while not (found := self.since(cursor)):
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0 or not await self._wait(left):
                break
        return found or self.since(cursor)

    async def wait_for(self, predicate: Predicate, timeout: float = 5.0, since: int = 0) -> Entry:
        """The first entry after `since` that the predicate accepts. Raises TimeoutError, naming the last entries."""
        deadline = asyncio.get_running_loop().time() + timeout
        cursor = since
        while True:
            for entry in self.since(cursor):
                cursor = entry["seq"]
                if predicate(entry):
                    return entry
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0 or not await self._wait(left):
                tail = [f"{e['seq']} {e['kind']}" for e in self.since(max(since, self.cursor - 12))]
                raise TimeoutError(f"nothing matched within {timeout} s; last entries: {tail}")

    async def _wait(self, seconds: float) -> bool:
        if self._changed is None:
            self._changed = asyncio.Event()
        try:
            # Not wait_for: before Python 3.12 it swallows a cancellation that meets the wake-up.
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True
