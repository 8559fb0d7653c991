"""The store in PostgreSQL: several replicas may have it open, and the database's clock is the one that counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

from bot.engine.ports.errors import Conflict
from bot.engine.ports.records import (
    Claimed,
    Commit,
    Committed,
    Lead,
    LogEvent,
    Measurement,
    MessageRef,
    Rooms,
    Stored,
    StreamState,
)
from bot.rollout.model import Board, Rollout
from bot.store.codec import STATES
from bot.store.errors import StoreBroken, StoreUnavailable
from bot.store.listeners import Listeners
from bot.store.postgres import journal, leads, outbox
from bot.store.postgres.ear import Ear
from bot.store.postgres.server import TRIES, Job, Server
from bot.store.rules import check

T = TypeVar("T")


class PostgresStore:
    """See `bot.engine.ports.store`. All methods raise StoreUnavailable (try again) or StoreBroken, within about 2 s.

    StoreUnavailable of a write means that nothing was written, except where the connection was lost, or our patience
    ended, while COMMIT was under way: then nobody knows. Trying again is safe in both cases: a commit with a cause
    answers `duplicate`, one with events and without a cause meets its own seq (Conflict), and what is left (a
    measurement, a message's place) may be there twice without harm.

    A write once begun is carried out also when its caller is cancelled; `close` waits for it.
    """

    shared = True

    def __init__(self, server: Server) -> None:
        """Use `open`."""
        self._server = server
        self._listeners = Listeners()
        self._ear: Ear | None = None

    @classmethod
    async def open(cls, url: str, *, read_only: bool = False) -> PostgresStore:
        """Migrates the database to this version. read_only: for looking; a write raises StoreBroken.

        Raises StoreUnavailable, or StoreBroken: refused, newer than this program, or not the bot's.
        """
        server = Server(url, read_only=read_only)
        await server.open()
        return cls(server)

    async def close(self) -> None:
        """Waits for the writes under way. Safe to call twice."""
        self._listeners.clear()
        if self._ear:
            await self._ear.stop()
        await self._server.close()

    async def _read(self, job: Job[T]) -> T:
        return await self._server.perform(job)

    async def _write(self, job: Job[T]) -> T:
        self._may_write()
        return await self._server.perform(job)

    def _may_write(self) -> None:
        if self._server.read_only:
            raise StoreBroken(f"{self._server.where}: opened for reading only")

    async def _write_anew(self, job: Job[T]) -> T:
        """For what has no conflicts of its own: where another transaction added a row first, it is begun anew."""
        for _ in range(TRIES - 1):
            try:
                return await self._write(job)
            except Conflict:
                continue
        try:
            return await self._write(job)
        except Conflict as error:
            raise StoreUnavailable(str(error)) from error

    # the log

    async def load(self, stream: str) -> Stored:
        return await self._read(lambda conn: journal.load(conn, stream))

    async def streams(self) -> tuple[str, ...]:
        return await self._read(journal.streams)

    async def events(self, stream: str, after: int = 0) -> tuple[tuple[int, LogEvent], ...]:
        return await self._read(lambda conn: journal.events(conn, stream, after))

    async def last_before(self, stream: str, at: float) -> int:
        return await self._read(lambda conn: journal.last_before(conn, stream, at))

    async def commit(self, commit: Commit) -> Committed:
        check(commit)
        texts = journal.Texts(commit)
        return await self._write(lambda conn: journal.apply(conn, commit, texts))

    async def put_snapshot(self, stream: str, state: StreamState) -> None:
        text = await asyncio.to_thread(STATES.encode, state, tried=False)
        await self._write(lambda conn: journal.put_snapshot(conn, stream, state.seq, text))

    async def listen(self, on_change: Callable[[str], None]) -> None:
        self._listeners.add(on_change)
        if self._ear is None:
            self._ear = Ear(self._server.conninfo, self._server.where, self._listeners.tell)
        await self._ear.start()

    # who acts

    async def now(self) -> float:
        return await self._read(leads.now)

    async def lead(self, stream: str, owner: str, lease: float) -> Lead | None:
        return await self._write_anew(lambda conn: leads.take(conn, stream, owner, lease))

    async def resign(self, owner: str) -> int:
        return await self._write(lambda conn: leads.resign(conn, owner))

    async def leads(self) -> tuple[Lead, ...]:
        return await self._read(leads.held)

    # the outbox

    async def claim(
        self,
        owner: str,
        now: float,
        lease: float,
        limit: int,
        kinds: Sequence[str] | None = None,
        epochs: Mapping[str, int] | None = None,
        rooms: Rooms = (),
    ) -> tuple[Claimed, ...]:
        self._may_write()
        claiming = self._server.begin(lambda conn: outbox.claim(conn, owner, now, lease, limit, kinds, epochs, rooms))
        try:
            return await self._server.answer(claiming)
        except asyncio.CancelledError:
            claiming.add_done_callback(self._give_back)
            raise

    def _give_back(self, claiming: asyncio.Task[tuple[Claimed, ...]]) -> None:
        """Nobody will perform what a cancelled claim got; the next one need not wait for its lease."""
        if claiming.cancelled() or claiming.exception() or not claiming.result():
            return
        claimed = claiming.result()
        try:
            self._server.begin(lambda conn: outbox.unclaim(conn, claimed))
        except StoreUnavailable:
            return

    async def renew(self, id: int, owner: str, until: float) -> bool:
        return await self._write(lambda conn: outbox.renew(conn, id, owner, until))

    async def finish(self, id: int, owner: str) -> bool:
        return await self._write(lambda conn: outbox.finish(conn, id, owner))

    async def retry(self, id: int, owner: str, due_at: float, error: str) -> bool:
        return await self._write_anew(lambda conn: outbox.retry(conn, id, owner, due_at, error))

    async def fail(self, id: int, owner: str, error: str) -> bool:
        return await self._write(lambda conn: outbox.fail(conn, id, owner, error))

    async def next_due(self, streams: Collection[str] | None = None) -> float | None:
        return await self._read(lambda conn: outbox.next_due(conn, streams))

    async def pending(self) -> tuple[Claimed, ...]:
        return await self._read(outbox.pending)

    async def failed(self, limit: int = 100) -> tuple[tuple[Claimed, str], ...]:
        """Effects given up, newest first, each with its error."""
        return await self._read(lambda conn: outbox.failed(conn, limit))

    # what lies beside the log

    async def board(self, rollout: str, stage: str) -> Board | None:
        return await self._read(lambda conn: journal.board(conn, rollout, stage))

    async def measurements(self, rollout: str, stage: str | None = None) -> tuple[Measurement, ...]:
        return await self._read(lambda conn: journal.measurements(conn, rollout, stage))

    async def prune(self, before: float) -> int:
        """In small transactions, each within the time limit of a statement."""
        await self._write(lambda conn: outbox.drop_shown(conn, before))
        total = 0
        while dropped := await self._write(lambda conn: journal.prune(conn, before)):
            total += dropped
        return total

    async def rollouts(self, service: str | None = None, limit: int = 20) -> tuple[Rollout, ...]:
        return await self._read(lambda conn: journal.rollouts(conn, service, limit))

    async def rollout(self, id: str) -> Rollout | None:
        return await self._read(lambda conn: journal.rollout(conn, id))

    async def next_rollout_number(self, day: str) -> int:
        return await self._read(lambda conn: journal.next_rollout_number(conn, day))

    async def put_message(self, ref: MessageRef) -> None:
        await self._write(lambda conn: journal.put_message(conn, ref))

    async def message(self, key: str) -> MessageRef | None:
        return await self._read(lambda conn: journal.message(conn, key))

    async def message_at(self, channel: str, ts: str) -> MessageRef | None:
        return await self._read(lambda conn: journal.message_at(conn, channel, ts))
