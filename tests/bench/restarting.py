"""A process that loads all states of a store, as the bot does when it starts; prints what that took."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from bot.engine.rollouts import Rollouts
from bot.store.opening import open_store


async def main(url: str) -> None:
    began = time.perf_counter()
    store = await open_store(url)
    rollouts = Rollouts(store, {}, {})
    for stream in await store.streams():
        await rollouts.state(stream)
    took = time.perf_counter() - began
    await store.close()
    print(json.dumps({"seconds": took, "megabytes": _resident()}))


def _resident() -> float:
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024


asyncio.run(main(sys.argv[1]))
