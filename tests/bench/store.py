"""An intent on each database against a bare INSERT of its size, and a restart on a log of a million events."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import psycopg

from bot.engine.ports.records import Commit, NewEffect
from bot.engine.ports.store import Store
from bot.engine.rollouts import SNAPSHOT_EVERY
from bot.rollout.effects import ShowCard, Tell
from bot.rollout.evolve import evolve
from bot.rollout.model import ServiceState
from bot.store.codec import EFFECTS, EVENTS, STATES
from bot.store.moving import TABLES, Row, Side
from bot.store.opening import open_side, open_store
from tests.bench.report import Result, percentile
from tests.postgres import Cluster, running
from tests.rollout.world import World
from tests.store.samples import note

ONE_BY_ONE = 400
WRITERS, EACH = 16, 40
SERVICES, PER_SERVICE = 100, 10_000  # a million events
TEXT = "the gates of this stage were looked at by hand, and all is as it should be"

Insert = Callable[[], Awaitable[None]]


async def run() -> list[Result]:
    with tempfile.TemporaryDirectory() as folder, running(durable=True) as cluster:
        results: list[Result] = []
        for name, url, bare in (
            ("sqlite", f"sqlite:///{folder}/bot.db", _bare_sqlite(Path(folder) / "bare.db")),
            ("postgres", cluster.url(cluster.create()), _bare_postgres(cluster)),
        ):
            store = await open_store(url)
            results += await _intents(name, store, bare)
            await store.close()
        for name, url, empty in (
            ("sqlite", f"sqlite:///{folder}/long.db", f"sqlite:///{folder}/empty.db"),
            ("postgres", cluster.url(cluster.create()), cluster.url(cluster.create())),
        ):
            results += await asyncio.to_thread(_restart, name, url, empty)
        return results


# an intent: one event, its cause, and two effects


def _intent(stream: str, seq: int) -> Commit:
    at = time.time()
    event = replace(note(TEXT), at=at)
    effects = (
        NewEffect(Tell(f"ROLLOUT-{stream}", seq, event, False), f"chat:{stream}", at),
        NewEffect(ShowCard(f"ROLLOUT-{stream}"), f"card:{stream}", at, coalesce=True),
    )
    return Commit(stream, seq, at, f"cause:{stream}:{seq}", (event,), effects)


def _size(commit: Commit) -> int:
    texts = [EVENTS.encode(e) for e in commit.events] + [EFFECTS.encode(e.effect) for e in commit.effects]
    return sum(map(len, texts)) + 2 * len(commit.cause or "")


async def _intents(name: str, store: Store, bare: Callable[[str], Insert]) -> list[Result]:
    body = "x" * _size(_intent("s", 0))
    insert = bare(body)
    ours, theirs = [], []
    for seq in range(ONE_BY_ONE):  # one after the other, so that both meet the same disk
        ours.append(await _took(store.commit(_intent("s", seq))))
        theirs.append(await _took(insert()))
    inserts = [bare(body) for _ in range(WRITERS)]
    ours_at_once = await _rate([_writer(store, f"w{n}") for n in range(WRITERS)])
    theirs_at_once = await _rate(inserts)
    baseline = f"bare INSERT of {len(body)} bytes, as durable"
    return [
        *(
            Result(f"store.{name}.intent.p{p}", percentile(ours, p), "ms", baseline, percentile(theirs, p), ONE_BY_ONE)
            for p in (50, 99)
        ),
        Result(
            f"store.{name}.intents", 1000 * ONE_BY_ONE / sum(ours), "1/s", baseline,
            1000 * ONE_BY_ONE / sum(theirs), ONE_BY_ONE,
        ),
        Result(
            f"store.{name}.intents.{WRITERS}_at_once", ours_at_once, "1/s", baseline, theirs_at_once, WRITERS * EACH
        ),
    ]  # fmt: skip


async def _took(work: Awaitable[object]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    await work
    return (time.perf_counter() - began) * 1000


def _writer(store: Store, stream: str) -> Insert:
    seqs = count()

    async def commit() -> None:
        await store.commit(_intent(stream, next(seqs)))

    return commit


async def _rate(writers: list[Insert]) -> float:
    """Per second, each writer one after the other, all at once."""

    async def repeat(write: Insert) -> None:
        for _ in range(EACH):
            await write()

    took = await _took(asyncio.gather(*map(repeat, writers)))
    return 1000 * EACH * len(writers) / took


def _bare_sqlite(path: Path) -> Callable[[str], Insert]:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, body TEXT)")

    def bare(body: str) -> Insert:
        async def insert() -> None:
            db.execute("INSERT INTO t (body) VALUES (?)", (body,))

        return insert

    return bare


def _bare_postgres(cluster: Cluster) -> Callable[[str], Insert]:
    cluster.execute("CREATE TABLE t (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text)")

    def bare(body: str) -> Insert:
        connection: list[psycopg.AsyncConnection] = []

        async def insert() -> None:
            if not connection:
                connection.append(await psycopg.AsyncConnection.connect(cluster.url(), autocommit=True))
            await connection[0].execute("INSERT INTO t (body) VALUES (%s)", (body,))

        return insert

    return bare


# a restart


def _restart(name: str, url: str, empty: str) -> list[Result]:
    rows = _log()
    with open_side(url, source=False) as side:
        _fill(side, rows)
    with open_side(empty, source=False):
        pass
    long, short = _measure(url), _measure(empty)
    what = "an empty log"
    prefix = f"store.{name}.restart.{SERVICES * PER_SERVICE}_events_{SERVICES}_services"
    return [
        Result(f"{prefix}.loaded", long["seconds"], "s", what, short["seconds"], 1),
        Result(f"{prefix}.resident", long["megabytes"], "MB", what, short["megabytes"], 1),
    ]


def _log() -> list[tuple[float, str, str | None]]:
    """One rollout after the other, all going well: (at, event, snapshot or None) of each seq."""
    world, rows, state = World(), [], ServiceState("shop")
    while len(rows) < PER_SERVICE:
        world.onward()
        for event in world.log[len(rows) : PER_SERVICE]:
            state = evolve(state, event)
            due = state.seq % SNAPSHOT_EVERY == 0
            rows.append((world.now, EVENTS.encode(event), STATES.encode(state) if due else None))
    return rows[: PER_SERVICE - 1]  # the worst that can be: one event more and there would be a snapshot


def _fill(side: Side, log: list[tuple[float, str, str | None]]) -> None:
    tables = {table.name: table for table in TABLES}

    def events(stream: str) -> list[Row]:
        return [(stream, seq, at, None, text) for seq, (at, text, _) in enumerate(log, 1)]

    seq, snapshot = max((seq, text) for seq, (_, _, text) in enumerate(log, 1) if text)
    for n in range(SERVICES):
        side.write(tables["events"], events(f"service-{n:03}"))
        side.write(tables["snapshots"], [(f"service-{n:03}", seq, snapshot)])


def _measure(url: str) -> dict[str, float]:
    """In a process of its own: seconds from opening to the last state, and megabytes resident then."""
    command = [sys.executable, "-m", "tests.bench.restarting", url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found
