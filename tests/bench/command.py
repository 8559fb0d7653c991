"""A command, decided and committed on SQLite, against a bare insert with the same durability."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from pathlib import Path

from bot.engine.rollouts import Rollouts
from bot.rollout.intents import AddNote
from bot.store.sqlite import SqliteStore
from tests.bench.report import Result, percentile
from tests.engine.conftest import LIN, SERVICE, a_plan

RUNS = 500


async def run() -> list[Result]:
    with tempfile.TemporaryDirectory() as folder:
        store = await SqliteStore.open(str(Path(folder) / "bot.db"))
        rollouts = Rollouts(store, {SERVICE: a_plan()}, {})
        await rollouts.start(SERVICE, "2.0.0", LIN, "", "start")
        commands, bare = [], _Bare(Path(folder) / "bare.db")
        for n in range(RUNS):  # one after the other, so that both meet the same disk
            began = time.perf_counter()
            await rollouts.submit(SERVICE, AddNote(LIN, f"note {n}"), f"cause {n}")
            commands.append((time.perf_counter() - began) * 1000)
            bare.insert(n)
        await store.close()
    baseline = "bare INSERT, WAL, synchronous=FULL"
    return [
        Result(f"command.p{p}", percentile(commands, p), "ms", baseline, percentile(bare.took, p), RUNS)
        for p in (50, 99)
    ]


class _Bare:
    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, body TEXT)")
        self.took: list[float] = []

    def insert(self, n: int) -> None:
        began = time.perf_counter()
        self._db.execute("INSERT INTO t VALUES (?, ?)", (n, "x" * 400))
        self.took.append((time.perf_counter() - began) * 1000)
