"""Some seeds one after the other: what one process of many does. Apart, since a child cannot import what is run."""

from __future__ import annotations

import gc
import time
from collections import Counter

from tests.simulation.simulate import simulate

BATCH = 50
COLLECT = 10  # runs


def batch(seeds: range) -> tuple[Counter[str], list[tuple[int, str]], float]:
    """(counts, failures, seconds of CPU) of some seeds."""
    counts: Counter[str] = Counter()
    failures: list[tuple[int, str]] = []
    began = time.process_time()
    gc.disable()  # a run is small: what it leaves is collected between runs, and not looked through within them
    gc.collect()
    gc.freeze()  # nor are the modules, which stay
    for seed in seeds:
        if seed % COLLECT == COLLECT - 1:
            gc.collect()
        outcome = simulate(seed)
        counts.update(outcome.counts)
        if outcome.broken:
            failures.append((seed, str(outcome.broken)))
    return counts, failures, time.process_time() - began
