"""The few rules of a store that are plain Python; every implementation uses these."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from bot.engine.ports.errors import Fenced
from bot.engine.ports.records import Commit, Lead, Rooms
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


def one_per_lane(rows: Iterable[tuple[int, str, str]], limit: int, rooms: Rooms = ()) -> list[int]:
    """The ids, at most `limit`, of (id, lane, kind) in order; the second of a lane only if it is never held up.

    A kind whose room is full is passed over, as if it were not there.
    """
    taken: list[int] = []
    lanes: set[str] = set()
    left = [most for _, most in rooms]
    room_of = {kind: room for room, (kinds, _) in enumerate(rooms) for kind in kinds}
    for id, lane, kind in rows:
        if len(taken) >= limit:
            break
        room = room_of.get(kind)
        if room is not None and left[room] <= 0:
            continue
        if lane not in lanes or kind == NEVER_HELD:
            lanes.add(lane)
            taken.append(id)
            if room is not None:
                left[room] -= 1
    return taken


def check(commit: Commit) -> None:
    """Raises ValueError for what only a mistake in the program can ask: a snapshot from after the commit."""
    if commit.snapshot is not None:
        check_snapshot(commit.stream, commit.snapshot.seq, commit.expected + len(commit.events))


def check_snapshot(stream: str, seq: int, last: int) -> None:
    if seq > last:
        raise ValueError(f"{stream}: a snapshot of seq {seq}, but the stream ends at {last}")


def token(owner: str, epoch: int) -> str:
    """Whose a claim is: the owner, under this lead. Epoch 0 = claimed without one."""
    return f"{owner}#{epoch}" if epoch else owner


def succession(known: Lead | None, owner: str, now: float, shared: bool) -> int | None:
    """The epoch under which `owner` leads from now on; None where another holds the lead unexpired.

    known: as the store has it, with owner "" once it was resigned. An owner whose lead ran out and was not taken
    goes on under the same epoch.
    """
    if known is None:
        return 1
    if known.owner == owner:
        return known.epoch
    if shared and known.owner and known.until > now:
        return None
    return known.epoch + 1


def check_epoch(commit: Commit, epoch: int) -> None:
    """epoch: of the stream's lead, 0 = nobody ever led. Raises Fenced where the commit was decided under another."""
    if commit.epoch is not None and commit.epoch != epoch:
        raise Fenced(f"{commit.stream}: the lead of epoch {commit.epoch} has passed on, it is at {epoch}")


def sayable(text: str) -> str:
    """Without what a database cannot hold: NUL, and lone surrogates, as an error's text from outside may have."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
