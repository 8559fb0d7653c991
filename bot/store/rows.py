"""Rows as every database gives them -> the values of the ports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bot.engine.ports.records import Claimed, LogEvent, StreamState
from bot.store.codec import EFFECTS, EVENTS, STATES
from bot.store.shapes import CodecError


def claimed(row: tuple[Any, ...]) -> Claimed:
    """Of (id, key, stream, lane, effect, attempts before this one, lease_until, epoch, owner). Raises CodecError."""
    id, key, stream, lane, text, attempts, lease_until, epoch, owner = row
    return Claimed(id, key, stream, lane, EFFECTS.decode(text), attempts, lease_until, epoch, owner)


def numbered(rows: Iterable[tuple[Any, ...]]) -> tuple[tuple[int, LogEvent], ...]:
    """Of (seq, event). Raises CodecError."""
    return tuple([(seq, EVENTS.decode(text)) for seq, text in rows])


def snapshot(row: tuple[Any, ...] | None) -> StreamState | None:
    """Of (state,). None also for one that this version cannot read: the log has it all, it only takes longer."""
    try:
        return STATES.decode(row[0]) if row else None
    except CodecError:
        return None
