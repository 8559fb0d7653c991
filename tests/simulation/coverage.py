"""What must have been seen in a few hundred runs: where one is missing, the simulator looks past something."""

from __future__ import annotations

from collections import Counter
from typing import get_args

from bot.rollout.effects import Effect
from bot.rollout.events import Event
from bot.rollout.model import Status
from tests.simulation.disturb import NAMES
from tests.simulation.prometheus import EVERY

FAULTS = (
    "answer lost",
    "command lost",
    "commit answer lost",
    "commit refused",
    "delivered twice",
    "directory away",
    "edited",
    "event lost",
    "event redelivered",
    "late words",
    "question lost",
    "slack answer lost",
    "slack away",
    "slack refuses",
    "store away",
)
# What can be refused of what people type and press; the codes of bot.rollout, but for those named below.
REFUSALS = (
    "already_active",
    "already_serving",
    "awaiting_approval",
    "cannot_restore",
    "drift_above_approved",
    "drifted",
    "held",
    "held_gates",
    "may_not_roll_back",
    "may_not_start",
    "no_drift",
    "no_rollout",
    "not_allowed",
    "not_held",
    "not_paused",
    "nothing_to_promote",
    "nothing_to_roll_back",
    "paused",
    "plan_changed",
    "rolling_back_already",
    "serving_elsewhere",
    "stage_gone",
    "still_baking",
)
LATE = ("asking_over", "decided")  # of reactions that came too late
UNTYPED = ("empty_note",)  # the command line refuses an empty note itself


def expected() -> list[str]:
    """Every count that may not be zero."""
    return [
        *(f"fault:{name}" for name in FAULTS),
        *(f"happened:{name}" for name in NAMES.values() if name != "nothing"),
        *(f"mood:{name}" for name in EVERY),
        *(f"status:{status.value}" for status in Status),
        *(f"refusal:{code}" for code in (*REFUSALS, *LATE)),
        *(f"effect:{kind.__name__}" for kind in get_args(Effect)),
        *(f"event:{kind.__name__}" for kind in get_args(Event)),
        *(f"verb:{verb}" for verb in ("stage", "commit", "apply", "revert", "read")),
        *(f"verb refused:{code}" for code in ("fenced", "deposed")),
        *(f"end:{status}" for status in ("completed", "rolled_back", "cancelled")),
    ]


def missing(counts: Counter[str]) -> list[str]:
    return [name for name in expected() if not counts[name]]
