"""The few rules of a store that are plain Python; every implementation uses these."""

from __future__ import annotations

import math
import re

from bot.engine.ports import Commit
from bot.rollout.effects import RestoreTraffic

# A rollback waits for nothing: it is claimed also while another effect of its lane is under way.
NEVER_HELD = RestoreTraffic.__name__

_ID = re.compile(r"ROLLOUT-(.+)-(\d{1,9})", re.ASCII)


def day_and_number(rollout: str) -> tuple[str, int] | None:
    """`ROLLOUT-20260302-1` -> ("20260302", 1); None for an id of another shape."""
    found = _ID.fullmatch(rollout)
    return (found[1], int(found[2])) if found else None


def number(value: float | None) -> float | None:
    """NaN is not a value."""
    return None if value is None or math.isnan(value) else value


def check(commit: Commit) -> None:
    """Raises ValueError for what only a mistake in the program can ask: a snapshot from after the commit."""
    last = commit.expected + len(commit.events)
    if commit.snapshot is not None and commit.snapshot.seq > last:
        raise ValueError(f"{commit.stream}: a snapshot of seq {commit.snapshot.seq}, but the stream ends at {last}")
