"""Waves: a shift that goes to some hosts first, and to the others once those were watched for a while. Pure."""

from __future__ import annotations

import math
from dataclasses import replace

from bot.rollout.model import Rollout, Status
from bot.rollout.plan import ApprovalRule, Plan, Stage


def waves(plan: Plan) -> tuple[tuple[str, ...], ...]:
    """Names of the hosts, first wave first; () where all hosts go at once. A host without a wave is in the last."""
    numbers = sorted({host.wave for host in plan.fleet.hosts if host.wave})
    groups = [tuple(h.name for h in plan.fleet.hosts if h.wave == number) for number in (*numbers, 0)]
    found = tuple(group for group in groups if group)
    return found if len(found) > 1 else ()


def hosts_up_to(rollout: Rollout, wave: int) -> tuple[str, ...]:
    """Those of this wave and of all before it, which a failure puts back together; () = every host."""
    return tuple(name for group in rollout.waves[:wave] for name in group)


def watched_stage(plan: Plan, rollout: Rollout) -> Stage:
    """What measurements are judged by. Between waves that is the triggers alone: no gate counts, and no share.

    A stage that a changed plan no longer has keeps its traffic, and so its triggers; it has no gates to pass.
    """
    name, _ = rollout.watched
    stage = next((s for s in plan.stages if s.name == name), None)
    stage = stage or Stage(name, math.inf, math.inf, (), ApprovalRule())
    if rollout.status is Status.SHIFTING and rollout.waved:
        return replace(stage, gates=(), weight=0.0, bake=plan.fleet.wave_bake, max_bake=math.inf)
    return stage


def watched_since(rollout: Rollout) -> float | None:
    """When what is watched came in place; a board that began before it is of something else."""
    between = rollout.status is Status.SHIFTING and rollout.waved
    return rollout.wave_at if between else rollout.bake_started_at


def counting(rollout: Rollout) -> bool:
    """Whether time measured now counts, towards the bake or the wave's."""
    counts = rollout.status is Status.BAKING or rollout.baking_wave
    return counts and not rollout.paused_by and not rollout.drift
