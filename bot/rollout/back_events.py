"""What happens on the way back. Part of `events`, which everything else imports."""

from __future__ import annotations

from dataclasses import dataclass

from bot.rollout.model import TriggerResult


@dataclass(frozen=True, slots=True)
class StepDownOrdered:
    generation: int
    weight: float
    step: int  # from 1
    steps: tuple[float, ...]
    every: float
    by: str
    reason: str
    stage: str
    at: float


@dataclass(frozen=True, slots=True)
class StepDownDone:
    """Every host serves the step's share."""

    generation: int
    weight: float
    step: int
    hosts: tuple[str, ...]
    duration: float
    at: float


@dataclass(frozen=True, slots=True)
class RollbackOrdered:
    generation: int
    by: str
    reason: str
    trigger: TriggerResult | None
    stage: str
    at: float


@dataclass(frozen=True, slots=True)
class HostsRestored:
    generation: int
    restored: tuple[str, ...]
    pending: tuple[tuple[str, str], ...]
    duration: float
    at: float


@dataclass(frozen=True, slots=True)
class RolledBack:
    rollout: str
    generation: int
    at: float
