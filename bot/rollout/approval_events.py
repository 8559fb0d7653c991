"""What happens to an asking for approval. Part of `events`, which everything else imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ApprovalAsked:
    stage: str
    attempt: int
    plan_hash: str
    expires_at: float
    by: str
    at: float


@dataclass(frozen=True, slots=True)
class ApproversChanged:
    stage: str
    attempt: int
    approvers: tuple[str, ...]
    at: float


@dataclass(frozen=True, slots=True)
class ReactionRefused:
    stage: str
    attempt: int
    user: str
    emoji: str
    code: str
    at: float


@dataclass(frozen=True, slots=True)
class StageApproved:
    stage: str
    attempt: int
    approvers: tuple[str, ...]
    at: float


@dataclass(frozen=True, slots=True)
class ApprovalClosed:
    """The asking ended without approval."""

    stage: str
    attempt: int
    how: Literal["vetoed", "expired", "voided"]
    by: str
    at: float
