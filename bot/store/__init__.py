"""The log, the outbox and what lies beside them, behind `bot.engine.ports.store`: SQLite, and a twin in memory."""

from bot.store.errors import StoreBroken, StoreUnavailable

__all__ = ["StoreBroken", "StoreUnavailable"]
