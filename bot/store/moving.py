"""Everything a team has, from one database to another, empty one: in one transaction, and read back before it ends."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, Self

from bot.store.errors import StoreBroken

Row = tuple[Any, ...]
AT_ONCE = 5_000  # rows held in memory


@dataclass(frozen=True, slots=True)
class Table:
    """order: the columns of its key; counter: the column that the database numbers, "" = none."""

    name: str
    columns: tuple[str, ...]
    order: tuple[str, ...]
    counter: str = ""


def _columns(names: str) -> tuple[str, ...]:
    return tuple(names.split())


TABLES = (
    Table("events", _columns("stream seq at cause event"), ("stream", "seq")),
    Table("snapshots", _columns("stream seq state"), ("stream",)),
    Table("causes", _columns("cause stream at"), ("cause",)),
    Table(
        "effects",
        _columns("id key stream lane kind priority effect coalesce added_at ready_at state owner epoch attempts error"),
        ("id",),
        "id",
    ),
    Table("boards", _columns("rollout stage board"), ("rollout", "stage")),
    Table("measurements", _columns("id rollout stage metric pool value error at"), ("id",), "id"),
    Table("rollouts", _columns("added id stream service day number started_at rollout"), ("added",), "added"),
    Table("messages", _columns("added key channel ts digest"), ("added",), "added"),
    Table("leads", _columns("stream owner epoch until"), ("stream",)),
)


class Side(Protocol):
    """One database, for as long as the move lasts. Leaving the context without an error commits what was written.

    Entering raises StoreBroken where a bot, or anybody else, has it open; nobody else can write to it until it is left.
    """

    where: str

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def read(self, table: Table) -> Iterator[Row]:
        """In the table's order."""
        ...

    def write(self, table: Table, rows: Iterable[Row]) -> None: ...


@dataclass(frozen=True, slots=True)
class Moved:
    table: str
    rows: int
    digest: str  # the first 16 hex digits of the SHA-256 over all its rows


def move(source: Side, target: Side) -> tuple[Moved, ...]:
    """Raises StoreBroken, StoreUnavailable; then the target is as it was. The source is never changed."""
    with source, target:
        for table in TABLES:
            if next(iter(target.read(table)), None) is not None:
                raise StoreBroken(f"{target.where}: it is not empty ({table.name}): move into a new, empty database")
        moved = tuple([_move(source, target, table) for table in TABLES])
        if not any(one.rows for one in moved):
            raise StoreBroken(f"{source.where}: it is empty, there is nothing to move")
        return moved


def _move(source: Side, target: Side, table: Table) -> Moved:
    before = _Digest(resigned(table, source.read(table)))
    target.write(table, before)
    after = _Digest(target.read(table))
    for _ in after:
        pass
    if (before.rows, before.hex) != (after.rows, after.hex):
        raise StoreBroken(
            f"{target.where}: {table.name} came out as {after.rows} rows ({after.hex}) instead of "
            f"{before.rows} ({before.hex}): nothing was moved; please report this"
        )
    return Moved(table.name, before.rows, before.hex)


def resigned(table: Table, rows: Iterable[Row]) -> Iterator[Row]:
    """Leads keep their epochs and lose their holders, who are dead and whose leases may be for ever."""
    if table.name != "leads":
        yield from rows
        return
    for stream, _, epoch, _ in rows:
        yield stream, "", epoch, 0.0


class _Digest:
    """Counts and hashes the rows that are taken through it."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._source = rows
        self._hash = hashlib.sha256()
        self.rows = 0

    def __iter__(self) -> Iterator[Row]:
        for row in self._source:
            self.rows += 1
            self._hash.update(json.dumps(row).encode())
            self._hash.update(b"\n")
            yield row

    @property
    def hex(self) -> str:
        return self._hash.hexdigest()[:16]
