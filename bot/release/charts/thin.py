"""Fewer points with the same look: each stretch keeps its lowest and its highest, and every gap. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

Point = tuple[float, float | None]
BUCKETS = 400  # stretches of a line; more than a phone has pixels for


def thin(points: Sequence[Point], buckets: int = BUCKETS) -> tuple[Point, ...]:
    """At most about two points a bucket, the first and last of each unbroken run among them. points: by time."""
    if len(points) <= 2 * buckets:
        return tuple(points)
    first, span = points[0][0], points[-1][0] - points[0][0]
    kept: list[Point] = []
    for gap, run in groupby(points, key=lambda p: p[1] is None):
        found = list(run)
        kept += found[:1] if gap else _run(found, first, span, buckets)
    return tuple(kept)


def _run(run: Sequence[Point], first: float, span: float, buckets: int) -> Iterator[Point]:
    def bucket(point: Point) -> int:
        return min(int((point[0] - first) / span * buckets), buckets - 1) if span else 0

    for _, stretch in groupby(run, key=bucket):
        found = list(stretch)
        low, high = min(found, key=_value), max(found, key=_value)
        wanted = {id(p): p for p in (low, high)}
        if found[0] is run[0]:
            wanted[id(found[0])] = found[0]
        if found[-1] is run[-1]:
            wanted[id(found[-1])] = found[-1]
        yield from sorted(wanted.values(), key=lambda p: p[0])


def _value(point: Point) -> float:
    return point[1] or 0.0
