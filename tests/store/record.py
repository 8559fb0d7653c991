"""Records logs for later versions to read: `python -m tests.store.record NAME` writes tests/store/recorded/NAME.jsonl.

It holds walks through the model world until every kind of event was met, what `follow` made of them, the state each log
leads to, and one of each kind that no walk meets. A recorded file is never changed, as a published migration is not.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from hypothesis import find
from hypothesis import strategies as st

from bot.rollout.effects import Effect
from bot.rollout.events import Event
from bot.rollout.evolve import evolve
from bot.rollout.follow import follow
from bot.rollout.model import ServiceState
from bot.store.codec import BOARDS, EFFECTS, EVENTS, ROLLOUTS, STATES
from tests.rollout.walker import walk

FOLDER = Path(__file__).with_name("recorded")
SEEDS = range(400)
STEPS = 40


def lines() -> Iterator[dict[str, Any]]:
    """{"log": n, "event" | "effect" | "state" | "rollout" | "board": its JSON}; log 0 = of no log."""
    events, effects = set(get_args(Event)), set(get_args(Effect))
    log = 0
    for seed in SEEDS:
        world = walk(seed, STEPS)
        if not events.intersection(map(type, world.log)):
            continue
        log += 1
        state = ServiceState("shop")
        for event in world.log:
            state = evolve(state, event)
            yield {"log": log, "event": json.loads(EVENTS.encode(event))}
            for effect in follow(event, state):
                yield {"log": log, "effect": json.loads(EFFECTS.encode(effect))}
                effects.discard(type(effect))
        events.difference_update(map(type, world.log))
        yield {"log": log, "state": json.loads(STATES.encode(state))}
        if state.rollout:
            yield {"log": log, "rollout": json.loads(ROLLOUTS.encode(state.rollout))}
        if world.board:
            yield {"log": log, "board": json.loads(BOARDS.encode(world.board))}
    for kind in sorted(events, key=lambda kind: kind.__name__):
        yield {"log": 0, "event": json.loads(EVENTS.encode(_least(kind)))}
    for kind in sorted(effects, key=lambda kind: kind.__name__):
        yield {"log": 0, "effect": json.loads(EFFECTS.encode(_least(kind)))}


def _least(kind: type) -> Any:
    return find(st.from_type(kind), lambda _: True)


def main() -> int:
    (name,) = sys.argv[1:]
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / f"{name}.jsonl").open("x", encoding="utf-8") as file:
        for line in lines():
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
