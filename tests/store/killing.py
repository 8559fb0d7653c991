"""A process that is killed while it writes, and what has to be in the store afterwards."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from bot.engine.ports.records import Commit
from bot.store.opening import open_store
from tests.store.samples import DAY, NOW, knows, note

ROOT = Path(__file__).parents[2]
R1 = f"ROLLOUT-{DAY}-1"


def kill_while_it_writes(url: str, after: int) -> dict[str, int]:
    """The last seq of each stream that was acknowledged; `after` so many commits it is killed."""
    command = [sys.executable, "-m", "tests.store.writing_process", url]
    acknowledged: dict[str, int] = {}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for n, line in enumerate(process.stdout):
            stream, seq = line.split()
            acknowledged[stream] = int(seq)
            if n == after:
                process.send_signal(signal.SIGKILL)  # what is in the pipe was acknowledged too
    return acknowledged


async def assert_whole(url: str, acknowledged: dict[str, int]) -> None:
    """Each commit is there with all that was in it, or not at all; and every one that was acknowledged is there."""
    store = await open_store(url)
    streams = await store.streams()
    assert set(acknowledged) <= set(streams)
    keys = {c.key for c in await store.pending()}
    for stream in streams:
        last = len(await store.events(stream))
        assert last >= acknowledged.get(stream, 0)
        assert {f"read:R:{stream}-{n}-{x}" for n in range(last) for x in "ab"} <= keys
        row, shown = await store.rollout(f"ROLLOUT-{DAY}-{stream[1:]}"), await store.board(R1, stream)
        assert row and row.stage == str(last)
        assert shown and shown.baked == last
        assert len(await store.measurements(R1, stream)) == last
        assert [await knows(store, f"{stream}:{seq}") for seq in (last - 1, last)] == [True, False]
        snapshot, after = (await store.load(stream)).snapshot, (await store.load(stream)).events
        assert (snapshot.seq if snapshot else 0) == last // 10 * 10 == last - len(after)
        await store.commit(Commit(stream, last, NOW, events=(note("goes on"),)))
    assert len(keys) == 2 * sum([len(await store.events(stream)) - 1 for stream in streams])
    await store.close()
