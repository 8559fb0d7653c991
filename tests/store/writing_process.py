"""Commits to five streams at once until it is killed; prints `stream seq` after each commit that was acknowledged."""

from __future__ import annotations

import asyncio
import os
import sys
from itertools import count

from bot.engine.ports.records import Commit
from bot.engine.ports.store import Store
from bot.store.opening import open_store
from tests.store.samples import NOW, board, measurement, note, read, rollout, state


async def write(store: Store, n: int) -> None:
    stream = f"s{n}"
    for seq in count():
        effects = (read(f"{stream}-{seq}-a"), read(f"{stream}-{seq}-b"))
        row = rollout(n, stream, stage=str(seq + 1))
        commit = Commit(
            stream,
            seq,
            NOW,
            cause=f"{stream}:{seq}",
            events=(note(str(seq + 1)),),
            effects=effects,
            board=board(seq + 1.0, stage=stream),
            measurements=(measurement(NOW + seq, stream),),
            rollout=row,
            snapshot=state(seq + 1, stream) if seq % 10 == 9 else None,
        )
        await store.commit(commit)
        os.write(1, f"{stream} {seq + 1}\n".encode())  # whole or not at all, unlike a print


async def main() -> None:
    store = await open_store(sys.argv[1])
    await asyncio.gather(*(write(store, n) for n in range(5)))


asyncio.run(main())
