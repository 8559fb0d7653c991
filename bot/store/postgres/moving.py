"""A PostgreSQL database as one side of a move."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Self

import psycopg

from bot.store.errors import StoreBroken
from bot.store.moving import AT_ONCE, TABLES, Row, Table
from bot.store.postgres.errors import translate
from bot.store.postgres.server import Server

OTHERS = """SELECT DISTINCT coalesce(nullif(application_name, ''), 'a client') FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' ORDER BY 1"""
GONE_WITHIN = 5.0  # seconds that the server may take to see that a bot has ended
TEXTS = {"stream", "cause", "rollout", "stage"}  # the columns of keys that are text


class PostgresSide:
    """See `bot.store.moving.Side`. Its tables are locked against writing. Migrates the database."""

    def __init__(self, url: str) -> None:
        """Raises StoreBroken for what is no URL of a PostgreSQL."""
        self._server = Server(url)
        self.where = self._server.where

    def __enter__(self) -> Self:
        asyncio.run(self._server.prepare())
        with self._translated():
            self._conn = psycopg.connect(self._server.conninfo, application_name="rollout-bot migrate-store")
        try:
            with self._translated():
                self._alone()
        except BaseException:
            self._conn.close()
            raise
        return self

    def _alone(self) -> None:
        """Nobody else is there, and nobody who comes can write until the transaction ends."""
        end = time.monotonic() + GONE_WITHIN
        while others := [str(name) for (name,) in self._conn.execute(OTHERS).fetchall()]:
            if time.monotonic() > end:
                raise StoreBroken(f"{self.where}: others have it open ({', '.join(others)}): stop them first")
            self._conn.rollback()
            time.sleep(0.05)
        self._conn.rollback()
        self._conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        self._conn.execute("SET LOCAL statement_timeout = 0")
        self._conn.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        names = ", ".join(table.name for table in TABLES)
        self._conn.execute(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE".encode())

    def __exit__(self, *error: object) -> None:
        try:
            with self._translated():
                if error[0] is None:
                    self._conn.commit()
        finally:
            self._conn.close()  # which rolls back

    def read(self, table: Table) -> Iterator[Row]:
        with self._translated(), self._conn.cursor(f"read_{table.name}") as rows:
            rows.itersize = AT_ONCE
            # In the order of code points, as SQLite has it.
            order = ", ".join(f'{name} COLLATE "C"' if name in TEXTS else name for name in table.order)
            yield from rows.execute(f"SELECT {', '.join(table.columns)} FROM {table.name} ORDER BY {order}".encode())

    def write(self, table: Table, rows: Iterable[Row]) -> None:
        with self._translated(), self._conn.cursor() as cursor:
            with cursor.copy(f"COPY {table.name} ({', '.join(table.columns)}) FROM STDIN".encode()) as copy:
                for row in rows:
                    copy.write_row(row)
            if table.counter:  # what is numbered from now on comes after what was moved
                last = f"(SELECT max({table.counter}) FROM {table.name})"
                sequence = f"pg_get_serial_sequence('{table.name}', '{table.counter}')"
                cursor.execute(f"SELECT setval({sequence}, coalesce({last}, 1), {last} IS NOT NULL)".encode())

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise translate(error, self.where) from error
