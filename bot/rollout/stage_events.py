"""What happens to a stage while it is watched. Part of `events`, which everything else imports."""

from __future__ import annotations

from dataclasses import dataclass

from bot.rollout.model import GateResult, Hold, Verdict


@dataclass(frozen=True, slots=True)
class VerdictChanged:
    stage: str
    gate: GateResult
    before: Verdict | None
    at: float


@dataclass(frozen=True, slots=True)
class BakeProlonged:
    stage: str
    until: float
    at: float


@dataclass(frozen=True, slots=True)
class SightLost:
    """The metrics have been unreadable for longer than `blind_warning`."""

    stage: str
    since: float
    error: str
    at: float


@dataclass(frozen=True, slots=True)
class SightRegained:
    stage: str
    blind_for: float
    at: float


@dataclass(frozen=True, slots=True)
class ShareAstray:
    """The canary has not got its share for longer than the plan's `warn_after`; nothing counts until it does."""

    stage: str
    share: float | None  # percent measured; None = nothing could be measured
    target: float
    requests: float
    since: float
    at: float


@dataclass(frozen=True, slots=True)
class ShareSettled:
    """The canary gets its share: the bake begins."""

    stage: str
    share: float
    target: float
    requests: float
    at: float


@dataclass(frozen=True, slots=True)
class StagePassed:
    stage: str
    gates: tuple[GateResult, ...]
    share: float | None
    baked: float
    at: float


@dataclass(frozen=True, slots=True)
class StageForced:
    stage: str
    by: str
    reason: str
    gates: tuple[GateResult, ...]
    share: float | None
    baked: float
    at: float


@dataclass(frozen=True, slots=True)
class StageHeld:
    stage: str
    hold: Hold
    detail: str
    gates: tuple[GateResult, ...]
    at: float


@dataclass(frozen=True, slots=True)
class BakeRestarted:
    stage: str
    by: str
    at: float
