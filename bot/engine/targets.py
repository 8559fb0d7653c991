"""From a rollout and its plan to what the fleet must make true, and from what was read to drift. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.fleet.target import HostReading, HostState, Target
from bot.rollout.model import DriftedHost, Rollout
from bot.rollout.plan import Plan, Stage

SILENT = (HostState.UNREACHABLE, HostState.DOWN)  # says nothing of what is there: unknown, which is not drift


def forward(rollout: Rollout, plan: Plan, stage: Stage, generation: int) -> Target:
    """The stage's own share and nothing more (DESIGN §6.1)."""
    whole = stage.weight >= 100
    return Target(
        service=rollout.service,
        rollout=rollout.id,
        generation=generation,
        traffic=replace(plan.traffic, stable=rollout.stable, canary=rollout.canary),
        mode="canary" if whole else "shift",
        weight=stage.weight,
        internal=not whole,
        salt=rollout.salt,
    )


def backward(rollout: Rollout, plan: Plan, generation: int) -> Target:
    """Everything to the pool that served before."""
    return Target(
        service=rollout.service,
        rollout=rollout.id,
        generation=generation,
        traffic=replace(plan.traffic, stable=rollout.stable, canary=rollout.canary),
        mode="stable",
        weight=0.0,
        internal=False,
        salt=rollout.salt,
    )


def drift(readings: Sequence[HostReading], expected_generation: int) -> tuple[DriftedHost, ...]:
    """Hosts that answered and are not as last ordered. One that did not answer is unknown, which is not drift."""
    found = []
    for reading in readings:
        if reading.state in SILENT:
            continue
        generation = reading.file.generation if reading.file else None
        if reading.state is HostState.OK and generation == expected_generation:
            continue
        found.append(DriftedHost(reading.host, reading.state.value, generation, reading.share, reading.digest))
    return tuple(sorted(found, key=lambda d: d.host))


def highest_generation(readings: Sequence[HostReading]) -> int:
    return max((s.generation for r in readings for s in (r.file, r.live) if s), default=0)
