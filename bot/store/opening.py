"""DATABASE_URL -> the store it names."""

from __future__ import annotations

from bot.engine.ports.store import Store
from bot.store.errors import NoDatabase, StoreBroken
from bot.store.moving import Side
from bot.store.moving_sqlite import SqliteSide
from bot.store.sqlite import SqliteStore

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")


async def open_store(url: str, *, read_only: bool = False) -> Store:
    """`sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://user:password@host:5432/database`.

    Made or migrated where that is needed; read_only: beside a running bot, for looking; a write raises StoreBroken.
    Raises StoreBroken (NoDatabase: read_only, and there is none yet), StoreUnavailable. No message has the password.
    """
    if url.startswith(POSTGRES):
        from bot.store.postgres import PostgresStore  # the driver takes memory that a bot on SQLite need not spend

        return await PostgresStore.open(url, read_only=read_only)
    return await SqliteStore.open(sqlite_path(url), read_only=read_only)


async def open_existing(url: str) -> Store | None:
    """For looking; None where no bot has been started on it yet. Raises StoreBroken, StoreUnavailable."""
    try:
        return await open_store(url, read_only=True)
    except NoDatabase:
        return None


def open_side(url: str, *, source: bool) -> Side:
    """One side of a move between databases; source: it has to be there already. Raises StoreBroken."""
    if url.startswith(POSTGRES):
        from bot.store.postgres.moving import PostgresSide

        return PostgresSide(url)
    return SqliteSide(sqlite_path(url), must_exist=source)


def sqlite_path(url: str) -> str:
    """Raises StoreBroken naming the mend."""
    if not url.startswith(SQLITE) or url == SQLITE:
        raise StoreBroken(f"DATABASE_URL must be {SQLITE}path/to/file.db or {POSTGRES[0]}user:password@host/database")
    return url.removeprefix(SQLITE)
