"""The way back of a target, as it is put ready on every host before the target goes live there. Pure.

Which generation a rollback will have is not known beforehand, so a stand-in is where it will be. A host takes an order
for the way back it tested only when every other byte is the same: what a superseded shift left there is not mistaken
for it.
"""

from __future__ import annotations

from dataclasses import replace

from bot.fleet.target import Target
from bot.fleet.valid import GENERATION_MAX

STAND_IN = GENERATION_MAX - 1  # host/main.sh has the same; no order comes so far


def way_back(target: Target) -> Target:
    """Everything to the stable pool, as a rollback of this target orders it, but for the generation."""
    return replace(target, mode="stable", weight=0.0, internal=False, generation=STAND_IN)
