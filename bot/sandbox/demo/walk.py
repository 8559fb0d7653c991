"""The first walk: five steps, each recognised by what really happened, as the bot's own log of events has it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bot.engine.ports.records import LogEvent
from bot.rollout.events import (
    ReactionRefused,
    RollbackOrdered,
    RolledBack,
    RolloutStarted,
    ShiftDone,
    StageApproved,
)
from bot.rollout.model import Rollout
from bot.store.sqlite import SqliteStore

STEPS = ("start", "refused", "approved", "promoted", "saved")


def done(events: Iterable[LogEvent]) -> list[str]:
    """The steps that have happened, in the order of STEPS. What happened once stays, also over several rollouts."""
    found: set[str] = set()
    live: list[str] = []
    by_trigger = False
    for event in events:
        if isinstance(event, RolloutStarted):
            found.add("start")
            live, by_trigger = [], False
        elif isinstance(event, ReactionRefused) and event.code == "own_rollout":
            found.add("refused")
        elif isinstance(event, StageApproved):
            found.add("approved")
        elif isinstance(event, ShiftDone):
            live.append(event.stage)
            if len(live) >= 2:
                found.add("promoted")
        elif isinstance(event, RollbackOrdered):
            by_trigger = event.by == "trigger"
        elif isinstance(event, RolledBack) and by_trigger:
            found.add("saved")
    return [step for step in STEPS if step in found]


def where(rollout: Rollout | None) -> dict[str, Any]:
    """What the guide's sentences depend on."""
    if rollout is None:
        return {"status": None}
    return {
        "status": rollout.status.value,
        "version": rollout.version,
        "stage": rollout.stage,
        "live": rollout.live_stage,
        "active": rollout.active,
        "initiator": rollout.initiator,
    }


class Reader:
    """Looks at the bot's database beside the bot, from when there is one."""

    def __init__(self, database: Path, service: str) -> None:
        self._database, self._service = database, service
        self._store: SqliteStore | None = None

    async def look(self) -> tuple[list[str], dict[str, Any]]:
        """`done` and `where` now. Raises StoreUnavailable, StoreBroken."""
        newest = await self.newest()
        events = await (await self._opened()).events(self._service)
        return done(event for _, event in events), where(newest)

    async def newest(self) -> Rollout | None:
        """Raises StoreUnavailable, StoreBroken."""
        rollouts = await (await self._opened()).rollouts(self._service, 1)
        return rollouts[0] if rollouts else None

    async def _opened(self) -> SqliteStore:
        if self._store is None:
            self._store = await SqliteStore.open(str(self._database), read_only=True)
        return self._store

    async def close(self) -> None:
        if self._store is not None:
            await self._store.close()
