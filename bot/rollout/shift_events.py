"""What happens to a shift, on all hosts at once or in waves. Part of `events`, which everything else imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ShiftOrdered:
    stage: str
    generation: int
    weight: float
    why: Literal["stage", "retry", "restore"]
    by: str
    at: float
    answered: tuple[tuple[str, str], ...] = ()  # (host, digest) that was there and shown when `by` had it overwritten
    waves: tuple[tuple[str, ...], ...] = ()  # hosts, first wave first; () = all at once


@dataclass(frozen=True, slots=True)
class WaveDone:
    """The hosts of a wave, and those of the waves before it, serve the new share. The last wave's is a ShiftDone."""

    stage: str
    generation: int
    wave: int
    waves: int  # how many there are
    hosts: tuple[str, ...]
    duration: float
    at: float


@dataclass(frozen=True, slots=True)
class WaveOrdered:
    stage: str
    generation: int
    wave: int
    at: float


@dataclass(frozen=True, slots=True)
class ShiftDone:
    stage: str
    generation: int
    hosts: tuple[str, ...]
    duration: float
    at: float
    left_out: tuple[tuple[str, str], ...] = ()  # (host, why) that the plan's max_unavailable let it go without


@dataclass(frozen=True, slots=True)
class ShiftFailed:
    stage: str
    generation: int
    outcome: str
    failed: tuple[tuple[str, str], ...]
    at: float
