"""python -m tests.simulation [--runs N] [--seed S] [--trace] [--choices FILE] [--processes P]

Runs seeds S, S+1, …; prints the first failure shrunk, with its trace, and what was seen how often. Exit 1 on a failure.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections import Counter
from pathlib import Path

from tests.simulation.batch import BATCH, batch
from tests.simulation.coverage import missing
from tests.simulation.shrink import Shrinker
from tests.simulation.simulate import Outcome, simulate


def many(first: int, runs: int, processes: int) -> int:
    began, counts, failures, cpu, done = time.monotonic(), Counter[str](), [], 0.0, 0
    batches = [range(at, min(at + BATCH, first + runs)) for at in range(first, first + runs, BATCH)]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for seen, found, seconds in pool.imap_unordered(batch, batches):
            counts.update(seen)
            failures += found
            for seed, what in found:  # at once: hours may follow
                print(f"  --seed {seed} --runs 1: {what[:150]}", flush=True)
            cpu, done = cpu + seconds, done + BATCH
            if sys.stderr.isatty():
                print(f"\r{min(done, runs)} of {runs}, {len(failures)} failed", end="", file=sys.stderr)
    print()
    for name, times in sorted(counts.items()):
        print(f"{times:9}  {name}")
    if lacking := missing(counts):
        print(f"never seen: {', '.join(lacking)}")
    elapsed = time.monotonic() - began
    print(f"{runs} runs in {elapsed:.0f} s, {1000 * cpu / runs:.1f} ms of CPU each; {len(failures)} failed")
    if failures:
        explain(simulate(min(failures)[0]), min(failures)[0])
    return 1 if failures else 0


def explain(failed: Outcome, seed: int | None) -> None:
    """Shrinks, shows, and keeps the choices for a replay."""
    shrinker = Shrinker(failed)
    best = shrinker.shrink()
    kept = Path(f"simulation-{'replay' if seed is None else seed}.json")
    kept.write_text(json.dumps(shrinker.taken))
    print(f"\nshrunk from {failed.steps} steps to {best.steps}:")
    print("\n".join(best.lines()))
    print(f"{best.broken}\nreplay it: python -m tests.simulation --choices {kept}")


def one(outcome: Outcome, trace: bool) -> int:
    if trace or outcome.broken:
        print("\n".join(outcome.lines()))
    print(f"{outcome.broken or 'all rules held'} ({outcome.steps} steps, {outcome.seconds:.0f} s of virtual time)")
    return 1 if outcome.broken else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trace", action="store_true", help="print everything that happens")
    parser.add_argument("--shrink", action="store_true", help="with --runs 1: look for a smaller run that fails")
    parser.add_argument("--choices", type=Path, help="a file of recorded choices, in place of a seed")
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    if asked.choices:
        return one(simulate(None, json.loads(asked.choices.read_text())), asked.trace)
    if asked.runs == 1:
        outcome = simulate(asked.seed)
        if asked.shrink and outcome.broken:
            explain(outcome, asked.seed)
            return 1
        return one(outcome, asked.trace)
    return many(asked.seed, asked.runs, asked.processes)


if __name__ == "__main__":
    sys.exit(main())
