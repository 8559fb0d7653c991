"""Waiting for whichever comes first, what is awaited or a time."""

from __future__ import annotations

import asyncio


async def heard(event: asyncio.Event, within: float) -> bool:
    """Whether the event was set within so many seconds; where it was not, it is now. Whoever waits clears it.

    A timer that sets it costs a third of a timeout that cancels, and these waits are most of what an idle bot does.
    """
    late = False

    def ring() -> None:
        nonlocal late
        late = True
        event.set()

    timer = asyncio.get_running_loop().call_later(within, ring)
    try:
        await event.wait()
    finally:
        timer.cancel()
    return not late
