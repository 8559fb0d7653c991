"""Who wants to hear of commits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Listeners:
    """Tells every listener in a later turn of its own loop, as a database does: never in the midst of a commit."""

    def __init__(self) -> None:
        self._known: list[tuple[asyncio.AbstractEventLoop, Callable[[str], None]]] = []

    def add(self, on_change: Callable[[str], None]) -> None:
        self._known.append((asyncio.get_running_loop(), on_change))

    def tell(self, stream: str) -> None:
        """From any thread. A loop that is closed hears nothing more."""
        for loop, on_change in tuple(self._known):
            if loop.is_closed():
                continue
            loop.call_soon_threadsafe(on_change, stream)

    def clear(self) -> None:
        self._known.clear()

    def __deepcopy__(self, _: object) -> Listeners:
        """A copy of a store is nobody's."""
        return Listeners()
