"""The simulator itself: it comes by everything, breaks no rule, replays exactly, shrinks, and sees what is broken."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from tests.rollout.mutants import Patch
from tests.simulation.coverage import missing
from tests.simulation.mutants import FOUND_AT, MUTANTS
from tests.simulation.shrink import Shrinker
from tests.simulation.simulate import Outcome, simulate

RUNS = 40
LONG_RUNS = 2000
LONGEST = 10_000  # the rarest comes by about once in a thousand
MOST = 2000  # runs in which a broken rule must be found (the demand)
PAIRS = [(rule, patch) for rule, patches in MUTANTS.items() for patch in patches]


def found(rule: str, first: int) -> tuple[int, Outcome] | None:
    """The seed at which the rule is seen to break. first: tried before the others, so that a known place is quick."""
    for seed in (first, *range(1, MOST + 1)):
        outcome = simulate(seed)
        if outcome.broken and outcome.broken.rule == rule:
            return seed, outcome
    return None


def _drawn(taken: dict[str, list[int]]) -> int:
    """How many choices are not the harmless one."""
    return sum(1 for choices in taken.values() for choice in choices if choice)


def test_no_rule_breaks() -> None:
    broken = [(seed, str(outcome.broken)) for seed in range(1, RUNS + 1) if (outcome := simulate(seed)).broken]
    assert broken == []


@pytest.mark.long
def test_in_many_runs_everything_is_come_by() -> None:
    """Every event, effect, fault, refusal, status and end: what never happens is not judged either."""
    counts: Counter[str] = Counter()
    broken = []
    for seed in range(1, LONGEST + 1):
        if seed > LONG_RUNS and not missing(counts):
            break
        outcome = simulate(seed)
        counts.update(outcome.counts)
        broken += [(seed, str(outcome.broken))] if outcome.broken else []
    assert broken == []
    assert missing(counts) == []


@pytest.mark.parametrize(("rule", "mutant"), PAIRS, ids=[f"{rule}-{mutant.__name__}" for rule, mutant in PAIRS])
def test_a_broken_rule_is_found(rule: str, mutant: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant(monkeypatch)
    assert found(rule, FOUND_AT.get(mutant.__name__, 1)), f"{MOST} runs, and nobody noticed"


def test_every_rule_has_a_mutant() -> None:
    assert {str(number) for number in range(1, 11)} <= set(MUTANTS)


def test_a_seed_replays_exactly_in_another_process() -> None:
    """Also with another hash seed: no set's order decides anything."""
    here = "\n".join(simulate(7).lines())
    argv = [sys.executable, "-m", "tests.simulation", "--runs", "1", "--seed", "7", "--trace"]
    there = subprocess.run(argv, env={"PYTHONHASHSEED": "1"}, capture_output=True, text=True, check=True).stdout
    assert there.rpartition("\nall rules held")[0] == here


def test_what_was_recorded_replays_exactly() -> None:
    drawn = simulate(11)
    again = simulate(None, drawn.taken)
    assert (again.lines(), again.steps, again.counts) == (drawn.lines(), drawn.steps, drawn.counts)


def test_a_failing_run_is_shrunk_and_fails_in_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    mutant = MUTANTS["10"][0]
    mutant(monkeypatch)
    seen = found("10", FOUND_AT.get(mutant.__name__, 1))
    assert seen
    shrinker = Shrinker(seen[1], most=40)
    small = shrinker.shrink()
    assert small.broken and small.broken.rule == "10"
    assert _drawn(shrinker.taken) < _drawn(seen[1].taken) / 2
    assert simulate(None, shrinker.taken).lines() == small.lines()
