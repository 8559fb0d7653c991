"""An SQLite file as one side of a move."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Self

from bot.store.errors import NoDatabase, translate
from bot.store.moving import AT_ONCE, Row, Table
from bot.store.sqlite import connect
from bot.store.writer import Lock


class SqliteSide:
    """See `bot.store.moving.Side`. The bot's own lock keeps every bot away. Makes or migrates the file.

    must_exist: as a source it is not made.
    """

    def __init__(self, path: str, *, must_exist: bool) -> None:
        self.where = path
        self._must_exist = must_exist

    def __enter__(self) -> Self:
        if self._must_exist and not os.path.exists(self.where):
            raise NoDatabase(f"{self.where}: there is no such file: give the one that DATABASE_URL named so far")
        self._lock = Lock(self.where)
        try:
            with self._translated():
                self._db = connect(self.where)
                self._db.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        try:
            with self._translated():
                self._db.execute("COMMIT" if error[0] is None else "ROLLBACK")
        finally:
            self._db.conn.close()
            self._lock.release()

    def read(self, table: Table) -> Iterator[Row]:
        with self._translated():
            columns, order = ", ".join(table.columns), ", ".join(table.order)
            rows = self._db.conn.execute(f"SELECT {columns} FROM {table.name} ORDER BY {order}")
            while batch := rows.fetchmany(AT_ONCE):
                yield from batch

    def write(self, table: Table, rows: Iterable[Row]) -> None:
        with self._translated():
            columns, marks = ", ".join(table.columns), ", ".join("?" * len(table.columns))
            self._db.conn.executemany(f"INSERT INTO {table.name} ({columns}) VALUES ({marks})", rows)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise translate(error, self.where) from error
