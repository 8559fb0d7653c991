"""Every situation a rollout can be in, walked to by the kit's hand."""

from __future__ import annotations

from collections.abc import Callable

from bot.rollout import intents as it
from bot.rollout.intents import Reaction
from tests.rollout.kit import ANN, BAD, EVE, FEW, NO, OTHER_PLAN, STEPPED, WAVES, Flow


def _held_gates() -> Flow:
    return Flow().to_baking("few").bake(BAD)


def _held_data() -> Flow:
    return Flow().to_baking("few").bake(FEW)


def _held_shift() -> Flow:
    flow = Flow().to_baking("internal").bake()
    flow.act(it.Promote(ANN))
    flow.approve()
    flow.shifted(ok=False)
    return flow


def _awaiting_second() -> Flow:
    flow = Flow().to_baking("internal").bake()
    flow.act(it.Promote(ANN))
    return flow


def _held_vetoed() -> Flow:
    flow = _awaiting_second()
    flow.act(flow.reactions(Reaction(ANN, NO)))
    return flow


def _held_expired() -> Flow:
    flow = _awaiting_second()
    flow.tick(4 * 3600)
    return flow


def _held_plan() -> Flow:
    flow = Flow().to_baking("few")
    flow.change_plan(OTHER_PLAN)
    return flow


def _shifting() -> Flow:
    flow = Flow().start()
    flow.approve()
    return flow


def _wave() -> Flow:
    flow = Flow(plan=WAVES).start()
    flow.approve()
    flow.shifted()
    return flow


def _shifting_second() -> Flow:
    flow = _awaiting_second()
    flow.approve()
    return flow


def _rolling_back() -> Flow:
    flow = Flow().to_baking("few")
    flow.act(it.RollBack(EVE, "it smells"))
    return flow


def _stepping_down() -> Flow:
    flow = Flow(plan=STEPPED).to_baking("all")
    flow.act(it.RollBack(EVE, "slowly", gradual=True))
    return flow


def _rolled_back() -> Flow:
    flow = _rolling_back()
    flow.restored()
    return flow


def _cancelled() -> Flow:
    flow = Flow().start()
    flow.act(it.RollBack(EVE, "not today"))
    return flow


def _completed() -> Flow:
    flow = Flow().to_baking("all").bake()
    flow.tick(600)
    return flow


SITUATIONS: dict[str, Callable[[], Flow]] = {
    "none": Flow,
    "awaiting": lambda: Flow().start(),
    "awaiting_2nd": _awaiting_second,
    "shifting": _shifting,
    "shifting_2nd": _shifting_second,
    "wave": _wave,
    "baking": lambda: Flow().to_baking("few"),
    "passed": lambda: Flow().to_baking("few").bake(),
    "held_gates": _held_gates,
    "held_data": _held_data,
    "held_shift": _held_shift,
    "held_vetoed": _held_vetoed,
    "held_expired": _held_expired,
    "held_plan": _held_plan,
    "watching": lambda: Flow().to_baking("all").bake(),
    "stepping_down": _stepping_down,
    "rolling_back": _rolling_back,
    "rolled_back": _rolled_back,
    "cancelled": _cancelled,
    "completed": _completed,
}
TOUCHED = tuple(n for n in SITUATIONS if n not in ("none", "awaiting", "rolled_back", "cancelled", "rolling_back"))
ACTIVE = tuple(n for n in SITUATIONS if n not in ("none", "rolled_back", "cancelled", "completed"))


def situation(name: str) -> Flow:
    return SITUATIONS[name]()
