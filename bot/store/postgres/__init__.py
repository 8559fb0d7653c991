"""The store in PostgreSQL, for several replicas. Imported only where DATABASE_URL asks for it."""

from bot.store.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
