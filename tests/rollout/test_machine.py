"""DESIGN §6 under anything that anybody may do, and proof that the checker would notice."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from bot.rollout import events as ev
from tests.rollout.machine import Machine
from tests.rollout.mutants import MUTANTS
from tests.rollout.rules import Broken
from tests.rollout.walker import walk

QUIET = tuple(HealthCheck)
HONEST = settings(
    max_examples=40, stateful_step_count=30, deadline=None, database=None, suppress_health_check=tuple(HealthCheck)
)
WALKS = 120
MUTANT_WALKS = 200  # of so many, each mutant must break its rule in one; most do in the first


def test_the_rules_hold_whatever_anybody_does() -> None:
    run_state_machine_as_test(Machine, settings=HONEST)


def test_the_rules_hold_on_long_walks_with_a_way_out_at_the_end_of_each() -> None:
    """Also the control of the mutants below: the same walks, and nothing to complain of."""
    happened = set()
    for seed in range(WALKS):
        world = walk(seed)
        world.finishes()
        world.goes_back()
        happened |= {type(event) for event in world.log}
    assert happened == set(get_args(ev.Event)), "walks that do not reach everything prove little"


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_core_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mutate, rule = MUTANTS[name]
    mutate(monkeypatch)
    with pytest.raises(Broken, match=f"^rule {rule}:"):
        for seed in range(MUTANT_WALKS):
            walk(seed)
