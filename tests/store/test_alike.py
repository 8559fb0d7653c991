"""The twin in memory and each database, step by step through one arbitrary history: every answer has to be the same."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bot.engine.ports.errors import Conflict, Fenced
from bot.engine.ports.records import Commit, Lead, Measurement, MessageRef, NewEffect, Rooms
from bot.engine.ports.store import Store
from bot.store.memory import MemoryStore
from bot.store.postgres import PostgresStore
from bot.store.sqlite import SqliteStore
from tests.store.samples import DAY, NOW, board, card, knows, measurement, note, read, restore, rollout, shift, state

STREAMS = st.sampled_from(["shop", "mail"])
OWNERS = st.sampled_from(["w", "v"])
TIMES = st.integers(0, 8).map(lambda n: NOW + 10.0 * n)
IDS = st.integers(1, 12)
LANES = st.sampled_from(["fleet", "thread"])
NUMBERS = st.integers(1, 3)
EPOCHS = st.integers(0, 3)
TOKENS = st.sampled_from(["w", "v", "w#1", "w#2", "v#1", "v#2", "v#3"])


def in_rooms(most: tuple[int, int]) -> Rooms:
    return ((("ShowCard", "ReadFleet"), most[0]), (("ShiftTraffic",), most[1]))


@st.composite
def new_effects(draw: st.DrawFn) -> NewEffect:
    lane, due = draw(LANES), draw(TIMES)
    n = draw(NUMBERS)
    sometimes_coalesced = NewEffect(card(f"R{n}").effect, lane, due)
    kinds = [read(str(n), lane, due), card(f"R{n}", lane, due), shift(n, lane, due), restore(n, lane, due)]
    return draw(st.sampled_from([*kinds, sometimes_coalesced]))


class Alike(RuleBasedStateMachine):
    """The memory's twin is `self.store`."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.memory = MemoryStore(lambda: NOW, shared=self.shared)
        self.now = NOW
        self.prepare()

    shared: bool

    def prepare(self) -> None:
        """Makes an empty database."""
        raise NotImplementedError

    async def made(self) -> Store:
        raise NotImplementedError

    @initialize()
    def open(self) -> None:
        self.store = self.loop.run_until_complete(self.made())

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.loop.run_until_complete(self.store.close())
        self.loop.close()

    def both(self, ask: Callable[[Any], Awaitable[Any]]) -> Any:
        async def answer(store: Any) -> Any:
            try:
                return alike(await ask(store))
            except (Conflict, Fenced, ValueError) as error:
                return type(error)

        one = self.loop.run_until_complete(answer(self.memory))
        two = self.loop.run_until_complete(answer(self.store))
        assert one == two
        return one

    @rule(
        stream=STREAMS,
        behind=st.sampled_from([0, 0, 0, 0, 1, -1]),
        cause=st.none() | st.sampled_from("abcdef"),
        events=st.integers(0, 3),
        effects=st.lists(new_effects(), max_size=4),
        boards=st.booleans(),
        measured=st.lists(st.tuples(TIMES, st.sampled_from([None, 1.0, float("nan")])), max_size=3),
        finish=st.lists(IDS, max_size=3),
        number=st.none() | NUMBERS,
        snapshot=st.sampled_from([None, None, 0, 0, -1, 1]),
        epoch=st.none() | EPOCHS,
    )
    def commit(
        self,
        stream: str,
        behind: int,
        cause: str | None,
        events: int,
        effects: list[NewEffect],
        boards: bool,
        measured: list[tuple[float, float | None]],
        finish: list[int],
        number: int | None,
        snapshot: int | None,
        epoch: int | None,
    ) -> None:
        seq = len(self.loop.run_until_complete(self.memory.events(stream)))
        expected = seq - behind
        measurements: tuple[Measurement, ...] = tuple(measurement(at, value=value) for at, value in measured)
        commit = Commit(
            stream,
            expected,
            self.now,
            cause,
            tuple(note(str(n)) for n in range(events)),
            tuple(effects),
            board(self.now) if boards else None,
            measurements,
            tuple(finish),
            rollout(number, stream, self.now) if number else None,
            None if snapshot is None else state(max(0, expected + events + snapshot), stream),
            epoch,
        )
        self.both(lambda store: store.commit(commit))

    @rule(at=TIMES)
    def time_goes_by(self, at: float) -> None:
        self.now = at

    @rule(
        owner=OWNERS,
        lease=st.sampled_from([5.0, 30.0]),
        limit=st.integers(0, 4),
        kinds=st.none() | st.lists(st.sampled_from(["ShowCard", "ShiftTraffic", "RestoreTraffic"]), max_size=2),
        epochs=st.none() | st.dictionaries(STREAMS, EPOCHS),
        rooms=st.just(()) | st.tuples(st.integers(0, 2), st.integers(0, 2)).map(in_rooms),
    )
    def claim(
        self,
        owner: str,
        lease: float,
        limit: int,
        kinds: list[str] | None,
        epochs: dict[str, int] | None,
        rooms: Rooms,
    ) -> None:
        claimed = self.both(lambda store: store.claim(owner, self.now, lease, limit, kinds, epochs, rooms))
        held_up = [c.lane for c in claimed if c.key.split(":")[0] != "rollback"]
        assert len(set(held_up)) == len(held_up)

    @rule(id=IDS, owner=TOKENS, until=TIMES)
    def renew(self, id: int, owner: str, until: float) -> None:
        self.both(lambda store: store.renew(id, owner, until))

    @rule(id=IDS, owner=TOKENS)
    def finish(self, id: int, owner: str) -> None:
        self.both(lambda store: store.finish(id, owner))

    @rule(id=IDS, owner=TOKENS, due_at=TIMES)
    def retry(self, id: int, owner: str, due_at: float) -> None:
        self.both(lambda store: store.retry(id, owner, due_at, "down"))

    @rule(id=IDS, owner=TOKENS)
    def fail(self, id: int, owner: str) -> None:
        self.both(lambda store: store.fail(id, owner, "no"))

    @rule(stream=STREAMS, owner=OWNERS, lease=st.sampled_from([0.0, 1e6]))
    def lead(self, stream: str, owner: str, lease: float) -> None:
        self.both(lambda store: store.lead(stream, owner, lease))

    @rule(owner=OWNERS)
    def resign(self, owner: str) -> None:
        self.both(lambda store: store.resign(owner))

    @rule(before=TIMES)
    def prune(self, before: float) -> None:
        self.both(lambda store: store.prune(before))

    @rule(key=st.sampled_from("ab"), ts=st.sampled_from(["1", "2"]))
    def put_message(self, key: str, ts: str) -> None:
        self.both(lambda store: store.put_message(MessageRef(key, "C1", ts)))

    @rule()
    def reopen(self) -> None:
        self.loop.run_until_complete(self.store.close())
        self.open()

    @invariant()
    def all_that_can_be_asked_is_alike(self) -> None:
        async def everything(store: Any) -> tuple[Any, ...]:
            return (
                await store.streams(),
                [await store.load(stream) for stream in ("shop", "mail")],
                [await store.events(stream, after=1) for stream in ("shop", "mail")],
                [await knows(store, cause) for cause in "abcdef"],
                await store.leads(),
                await store.next_due(["mail"]),
                await store.pending(),
                await store.failed(),
                await store.next_due(),
                await store.board(f"ROLLOUT-{DAY}-1", "1%"),
                await store.measurements(f"ROLLOUT-{DAY}-1"),
                await store.rollouts(),
                await store.rollouts("shop", 2),
                await store.next_rollout_number(DAY),
                [await store.message(key) for key in "ab"],
                [await store.message_at("C1", ts) for ts in "12"],
            )

        if hasattr(self, "store"):
            self.both(everything)

    @invariant()
    def next_due_is_the_truth(self) -> None:
        """Nothing can be claimed before it, and something can be at it."""
        copy = deepcopy(self.memory)
        due = self.loop.run_until_complete(copy.next_due())
        pending = self.loop.run_until_complete(copy.pending())
        assert (due is None) == (not pending)
        if due is not None:
            assert not self.loop.run_until_complete(copy.claim("x", due - 0.001, 1, 1))
            assert self.loop.run_until_complete(copy.claim("x", due, 1, 1))


def alike(answer: Any) -> Any:
    """Without the end of a lease: clocks differ."""
    if isinstance(answer, Lead):
        return replace(answer, until=0.0)
    return tuple(map(alike, answer)) if isinstance(answer, tuple) else answer


class SqliteAlike(Alike):
    shared = False

    def prepare(self) -> None:
        shm = "/dev/shm"
        self.folder = Path(tempfile.mkdtemp(prefix="alike-", dir=shm if os.access(shm, os.W_OK) else None))

    async def made(self) -> Store:
        return await SqliteStore.open(self.folder / "bot.db")

    def teardown(self) -> None:
        super().teardown()
        shutil.rmtree(self.folder)


class PostgresAlike(Alike):
    shared = True
    url: str

    def prepare(self) -> None:
        tables = "events, snapshots, causes, effects, boards, measurements, rollouts, messages, leads"
        with psycopg.connect(self.url) as db:
            db.execute(f"TRUNCATE {tables} RESTART IDENTITY".encode())

    async def made(self) -> Store:
        return await PostgresStore.open(self.url)


def steps(examples: int) -> settings:
    return settings(
        max_examples=examples, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
    )


def test_sqlite_and_its_twin_are_alike() -> None:
    run_state_machine_as_test(SqliteAlike, settings=steps(25))


def test_postgres_and_its_twin_are_alike(patient_url: str) -> None:
    class Here(PostgresAlike):
        url = patient_url

    run_state_machine_as_test(Here, settings=steps(5))
