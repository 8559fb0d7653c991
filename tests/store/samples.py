"""Values to store, as short as they can be written."""

from __future__ import annotations

from typing import Any

from bot.engine.ports.errors import Conflict
from bot.engine.ports.records import Claimed, Commit, Measurement, NewEffect
from bot.engine.ports.store import Store
from bot.rollout.effects import Effect, ReadFleet, RestoreTraffic, ShiftTraffic, ShowCard
from bot.rollout.events import Event, NoteAdded
from bot.rollout.model import Board, GateResult, Rollout, ServiceState, Status, Verdict

NOW = 1_772_000_000.0
DAY = "20260302"
R1 = f"ROLLOUT-{DAY}-1"


def note(text: str = "n") -> Event:
    return NoteAdded(by="U1", text=text, stage="1%", at=NOW)


def state(seq: int, stream: str = "shop") -> ServiceState:
    return ServiceState(stream, seq=seq, generation=seq, rollout=rollout(1, stream), serving=("10.0.0.1:80",))


def rollout(n: int, service: str = "shop", started_at: float = NOW, **changes: Any) -> Rollout:
    fields: dict[str, Any] = {
        "id": f"ROLLOUT-{DAY}-{n}",
        "service": service,
        "version": "1.10",
        "stable_version": "1.9",
        "stable": ("10.0.0.1:80",),
        "canary": ("10.0.0.2:80", "10.0.0.3:80"),
        "salt": "s",
        "initiator": "U1",
        "reason": "灰度 发布",
        "plan_hash": "h",
        "started_at": started_at,
        "status": Status.BAKING,
        "stage": "1%",
    }
    return Rollout(**(fields | changes))


def board(baked: float = 0.0, stage: str = "1%") -> Board:
    gate = GateResult("error_rate < 5%", "error_rate", Verdict.NOT_ENOUGH_DATA, canary=1.5)
    return Board(f"ROLLOUT-{DAY}-1", stage, 3, NOW, baked=baked, gates=(gate,))


def measurement(at: float, stage: str = "1%", value: float | None = 1.5, n: int = 1) -> Measurement:
    return Measurement(f"ROLLOUT-{DAY}-{n}", stage, "error_rate", "canary", value, "", at)


def read(serial: str, lane: str = "", due_at: float = 0.0) -> NewEffect:
    """priority 25, in a lane of its own unless told."""
    return NewEffect(ReadFleet("R", serial), lane or f"read:{serial}", due_at)


def card(name: str = "R", lane: str = "card", due_at: float = 0.0) -> NewEffect:
    """priority 50, coalesced."""
    return NewEffect(ShowCard(name), lane, due_at, coalesce=True)


def shift(generation: int, lane: str = "fleet", due_at: float = 0.0) -> NewEffect:
    """priority 10."""
    return NewEffect(ShiftTraffic("R", "1%", generation), lane, due_at)


def restore(generation: int, lane: str = "fleet", due_at: float = 0.0) -> NewEffect:
    """priority 0, never held up."""
    return NewEffect(RestoreTraffic("R", generation), lane, due_at)


def full_commit(expected: int, finish: tuple[int, ...] = ()) -> Commit:
    """One with everything in it."""
    return Commit(
        "shop",
        expected,
        NOW,
        "full",
        (note("full"),),
        (read("full"), card("full")),
        board(),
        (measurement(NOW),),
        finish,
        rollout(1),
        state(1),
    )


async def put(store: Store, *effects: NewEffect, stream: str = "shop", cause: str | None = None) -> None:
    """Commits effects, and nothing else, at the end of the stream."""
    seq = len(await store.events(stream))
    await store.commit(Commit(stream, seq, NOW, cause, effects=effects))


async def knows(store: Store, cause: str) -> bool:
    """Whether a commit of this cause would be a duplicate. Writes nothing: -1 is never the last seq."""
    try:
        return (await store.commit(Commit("nowhere", -1, NOW, cause))).duplicate
    except Conflict:
        return False


async def take(store: Store, now: float = NOW, owner: str = "w", limit: int = 100, lease: float = 30.0) -> list[Effect]:
    return [claimed.effect for claimed in await store.claim(owner, now, lease, limit)]


async def take_one(store: Store, now: float = NOW, owner: str = "w", lease: float = 30.0) -> Claimed:
    (claimed,) = await store.claim(owner, now, lease, 1)
    return claimed
