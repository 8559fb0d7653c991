"""From a rollout to what the hosts must serve, and from what they serve to drift."""

from __future__ import annotations

import pytest

from bot.engine.targets import backward, behind, down_as_ordered, drift, forward, highest_generation
from bot.fleet.nginx import parse_header, render
from bot.fleet.target import HostReading, HostState, Serving
from bot.rollout.plan import Host, Stage
from tests.rollout.kit import PLAN, TRAFFIC, stage
from tests.rollout.situations import situation

ROLLOUT = situation("baking").r


@pytest.mark.parametrize(
    ("of", "mode", "weight", "internal"),
    [
        (PLAN.stage("internal"), "shift", 0.0, True),
        (PLAN.stage("few"), "shift", 5.0, True),
        (stage("most", 99.99), "shift", 99.99, True),
        (PLAN.stage("all"), "canary", 100.0, False),
    ],
)
def test_forward_is_the_stages_own_share(of: Stage, mode: str, weight: float, internal: bool) -> None:
    target = forward(ROLLOUT, PLAN, of, 7)
    assert (target.mode, target.weight, target.internal, target.generation) == (mode, weight, internal, 7)
    assert (target.rollout, target.salt) == (ROLLOUT.id, ROLLOUT.salt)


def test_backward_gives_the_canary_nothing() -> None:
    target = backward(ROLLOUT, PLAN, 8)
    assert (target.mode, target.weight, target.internal, target.generation) == ("stable", 0.0, False, 8)


def test_the_pools_are_the_rollouts_and_not_the_plans() -> None:
    swapped = situation("completed").start("3.0.0").r
    for target in (forward(swapped, PLAN, PLAN.stage("few"), 9), backward(swapped, PLAN, 9)):
        assert (target.traffic.stable, target.traffic.canary) == (TRAFFIC.canary, TRAFFIC.stable)


def reading(host: str, state: HostState, generation: int | None = None, mode: str = "shift") -> HostReading:
    serving = None if generation is None else Serving("shop", "R1", generation, mode, 5.0, True)
    return HostReading(host, state, serving, serving, f"digest of {host}")


def test_drift_is_every_host_that_answers_and_is_not_as_ordered() -> None:
    readings = [
        reading("f", HostState.OK, 4),
        reading("e", HostState.STALE, 5),
        reading("d", HostState.EDITED, 5),
        reading("c", HostState.ABSENT),
        reading("b", HostState.OK, 6, "canary"),
        reading("a", HostState.OK, 5),
    ]
    found = drift(readings, 5)
    assert [(d.host, d.state, d.generation) for d in found] == [
        ("b", "ok", 6),
        ("c", "absent", None),
        ("d", "edited", 5),
        ("e", "stale", 5),
        ("f", "ok", 4),
    ]
    assert [d.share for d in found] == [100.0, None, 5.0, 5.0, 5.0]
    assert found[0].digest == "digest of b"


@pytest.mark.parametrize("state", [HostState.UNREACHABLE, HostState.DOWN])
def test_a_host_that_does_not_answer_is_unknown(state: HostState) -> None:
    assert drift([reading("a", state)], 5) == ()


def test_drift_does_not_depend_on_the_order_of_answers() -> None:
    readings = [reading(host, HostState.EDITED, 5) for host in "cab"]
    assert drift(readings, 5) == drift(readings[::-1], 5)


def test_the_highest_generation_is_of_files_and_of_workers() -> None:
    assert highest_generation([]) == 0
    assert highest_generation([reading("a", HostState.ABSENT)]) == 0
    file, live = Serving("shop", "R", 9, "shift", 1, True), Serving("shop", "R", 11, "shift", 1, True)
    stale = HostReading("b", HostState.STALE, file, live)
    assert highest_generation([reading("a", HostState.OK, 10), stale]) == 11


@pytest.mark.parametrize(
    ("state", "file", "drifts"),
    [
        (HostState.OK, 1, False),  # what it had when the shift left it out: it is caught up
        (HostState.STALE, 1, False),
        (HostState.ABSENT, None, True),  # it had a file: somebody took it away, and is asked before it comes back
        (HostState.EDITED, 1, True),
        (HostState.OK, 3, True),
    ],
)
def test_a_host_that_was_left_out_is_drift_only_where_somebody_changed_it(
    state: HostState, file: int | None, drifts: bool
) -> None:
    had = Serving("shop", ROLLOUT.id, file, "shift", 5.0, True) if file else None
    found = drift([HostReading("a", state, had, had, "digest")], 2, ["a"])
    assert [d.host for d in found] == (["a"] if drifts else [])


def down(generation: int, edit: str = "", state: HostState = HostState.DOWN) -> HostReading:
    text = render(forward(ROLLOUT, PLAN, PLAN.stage("few"), generation), Host("a")) + edit
    return HostReading("a", state, parse_header(text), None, "digest", text)


@pytest.mark.parametrize(
    ("reading", "left_out", "as_ordered"),
    [
        (down(5), (), True),
        (down(5), ("a",), True),
        (down(4), ("a",), True),  # what it had when the shift left it out
        (down(4), (), False),
        (down(6), ("a",), False),
        (down(5, "# by hand\n"), (), False),
        (down(4, "# by hand\n"), ("a",), False),
        (HostReading("a", HostState.DOWN), ("a",), False),  # the file is gone
        (down(5, state=HostState.UNREACHABLE), (), False),
        (down(5, state=HostState.STALE), (), False),
    ],
)
def test_a_host_is_down_and_nothing_else_only_with_the_file_that_is_expected(
    reading: HostReading, left_out: tuple[str, ...], as_ordered: bool
) -> None:
    assert down_as_ordered([reading], 5, left_out) == (("a",) if as_ordered else ())


@pytest.mark.parametrize("state", [HostState.STALE, HostState.ABSENT])
def test_a_host_whose_file_was_taken_away_is_not_behind_even_while_its_workers_have_it(state: HostState) -> None:
    gone = HostReading("a", state, None, Serving("shop", ROLLOUT.id, 1, "shift", 5.0, True))
    assert not behind(gone, 2) and [d.host for d in drift([gone], 2, ["a"])] == ["a"]


def test_what_catching_up_has_begun_on_a_host_is_nobodys_change() -> None:
    """The file is swapped, and the workers have not followed yet, or a kill came between."""
    old, new = (Serving("shop", ROLLOUT.id, generation, "shift", 5.0, True) for generation in (1, 2))
    begun = HostReading("a", HostState.STALE, new, old, "digest")
    assert drift([begun], 2, ["a"]) == () and behind(begun, 2)
    assert [d.host for d in drift([begun], 2)] == ["a"]
