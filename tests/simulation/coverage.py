"""What must have been seen in a few hundred runs: where one is missing, the simulator looks past something."""

from __future__ import annotations

from collections import Counter
from typing import get_args

from bot.alerts.events import AlertEvent
from bot.alerts.model import Why
from bot.rollout.effects import Effect
from bot.rollout.events import Event
from bot.rollout.model import Status
from tests.simulation.disturb import ACTS
from tests.simulation.prometheus import EVERY

FAULTS = (
    "answer lost",
    "command lost",
    "commit answer lost",
    "commit refused",
    "delivered twice",
    "directory away",
    "edit undone",
    "edited",
    "event lost",
    "event redelivered",
    "late words",
    "notification refused",
    "notification's answer lost",
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
    "cannot_step_down",
    "drift_above_approved",
    "drifted",
    "held",
    "held_gates",
    "may_not_roll_back",
    "may_not_start",
    "no_drift",
    "no_rollout",
    "no_step_down",
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
    "step_down_without_reason",
    "stepping_down_already",
    "still_baking",
)
# Events of alerts that need silences, swaps, or an hour of quiet: the core's own tests have them.
UNSEEN = ("SilenceBegun", "SilenceEnded", "TurnSwapped", "GroupsClosed", "MutesChanged")
LATE = ("asking_over", "decided")  # of reactions that came too late
UNTYPED = ("empty_note",)  # the command line refuses an empty note itself


def expected() -> list[str]:
    """Every count that may not be zero."""
    return [
        *(f"fault:{name}" for name in FAULTS),
        *(f"happened:{name}" for name, _, _ in ACTS if name != "nothing"),
        *(f"mood:{name}" for name in EVERY),
        *(f"status:{status.value}" for status in Status),
        *(f"refusal:{code}" for code in (*REFUSALS, *LATE)),
        *(f"effect:{kind.__name__}" for kind in get_args(Effect)),
        *(f"event:{kind.__name__}" for kind in get_args(Event)),
        *(f"alert event:{kind.__name__}" for kind in get_args(AlertEvent) if kind.__name__ not in UNSEEN),
        *(f"told:{why}" for why in get_args(Why)),
        *(f"verb:{verb}" for verb in ("stage", "commit", "apply", "revert", "read")),
        *(f"verb refused:{code}" for code in ("fenced", "deposed")),
        *(f"end:{status}" for status in ("completed", "rolled_back", "cancelled")),
    ]


def missing(counts: Counter[str]) -> list[str]:
    return [name for name in expected() if not counts[name]]
