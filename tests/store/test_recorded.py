"""What older versions wrote is still read, and still means the same: a newer program takes their rollouts over."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any, get_args

import pytest

from bot.rollout.decide import decide
from bot.rollout.effects import Effect
from bot.rollout.events import Event
from bot.rollout.evolve import fold
from bot.rollout.intents import Refusal, RollBack
from bot.rollout.model import ServiceState, Status
from bot.store.codec import BOARDS, EFFECTS, EVENTS, ROLLOUTS, STATES
from tests.rollout.kit import BOT, EVE, PLAN, T0
from tests.store.record import FOLDER

FILES = sorted(FOLDER.glob("*.jsonl"))
CODECS: dict[str, Any] = {"event": EVENTS, "effect": EFFECTS, "state": STATES, "rollout": ROLLOUTS, "board": BOARDS}


def read(file: Path) -> list[tuple[int, str, Any]]:
    """(log, which, its JSON) of each line."""
    found = []
    for line in file.read_text("utf-8").splitlines():
        (_, log), (which, raw) = json.loads(line).items()
        found.append((log, which, raw))
    return found


def decoded(which: str, raw: Any) -> Any:
    return CODECS[which].decode(json.dumps(raw))


def states(file: Path) -> list[tuple[ServiceState, Any]]:
    """Of each log the state that its events lead to now, and the JSON of the one they led to then."""
    events: dict[int, list[Event]] = defaultdict(list)
    then = {}
    for log, which, raw in read(file):
        if which == "event" and log:
            events[log].append(decoded(which, raw))
        elif which == "state":
            then[log] = raw
    assert events.keys() == then.keys()
    return [(fold(ServiceState("shop"), events[log]), then[log]) for log in events]


def same(then: Any, now: Any, where: str) -> None:
    """Fields that were added since may have any value; no field may have another value than it had."""
    if isinstance(then, dict):
        assert isinstance(now, dict), where
        if then.get("@") != now.get("@"):
            return  # an upcast made another thing of it, on purpose
        for name, value in then.items():
            assert name in now, f"{where}.{name} is gone"
            same(value, now[name], f"{where}.{name}")
    elif isinstance(then, list):
        assert isinstance(now, list) and len(now) == len(then), where
        for n, value in enumerate(then):
            same(value, now[n], f"{where}[{n}]")
    else:
        assert now == then, where


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_line_is_still_read(file: Path) -> None:
    for n, (_, which, raw) in enumerate(read(file), 1):
        value = decoded(which, raw)
        same(raw, json.loads(CODECS[which].encode(value)), f"line {n}")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_log_still_leads_to_its_state(file: Path) -> None:
    for now, then in states(file):
        same(then, json.loads(STATES.encode(now)), "state")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_rollout_begun_by_an_older_version_can_be_rolled_back(file: Path) -> None:
    under_way = [state for state, _ in states(file) if (r := state.active) and r.touched]
    assert under_way, "the walks leave some under way"
    for state in under_way:
        assert state.rollout
        decision = decide(state, RollBack(EVE, "taken over"), T0 + 1e7, PLAN, BOT)
        assert isinstance(decision, Refusal) == (state.rollout.status is Status.ROLLING_BACK)


def test_every_kind_there_is_was_recorded() -> None:
    met: dict[str, set[type]] = defaultdict(set)
    for file in FILES:
        for _, which, raw in read(file):
            met[which].add(type(decoded(which, raw)))
    missing = (set(get_args(Event)) - met["event"]) | (set(get_args(Effect)) - met["effect"])
    names = ", ".join(sorted(kind.__name__ for kind in missing))
    assert not missing, f"{names}: record a new file: python -m tests.store.record NAME"
