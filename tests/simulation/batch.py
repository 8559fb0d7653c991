"""Some seeds one after the other: what one process of many does. Apart, since a child cannot import what is run."""

from __future__ import annotations

import time
from collections import Counter

from tests.simulation.simulate import simulate

BATCH = 50


def batch(seeds: range) -> tuple[Counter[str], list[tuple[int, str]], float]:
    """(counts, failures, seconds of CPU) of some seeds."""
    counts: Counter[str] = Counter()
    failures: list[tuple[int, str]] = []
    began = time.process_time()
    for seed in seeds:
        outcome = simulate(seed)
        counts.update(outcome.counts)
        if outcome.broken:
            failures.append((seed, str(outcome.broken)))
    return counts, failures, time.process_time() - began
