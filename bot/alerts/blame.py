"""Which rollout under way an alert most likely comes from, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from bot.alerts.labels import value_of
from bot.alerts.model import Alert
from bot.rollout.model import Rollout

RECENT = 3600.0  # seconds between a shift and an alert that make one the likely cause of the other
Reason = Literal["instance", "service", "recent", "before"]


@dataclass(frozen=True, slots=True)
class Suspect:
    """reasons: the strongest first. `before`: it fired before traffic was shifted, which speaks against it."""

    rollout: str
    service: str
    score: int
    reasons: tuple[Reason, ...]


def suspects(alert: Alert, rollouts: Iterable[Rollout]) -> tuple[Suspect, ...]:
    """The likeliest first; those that nothing ties to the alert are left out."""
    found = [s for r in rollouts if (s := _suspect(alert, r)) and s.score > 0]
    return tuple(sorted(found, key=lambda s: (-s.score, s.rollout)))


def _suspect(alert: Alert, rollout: Rollout) -> Suspect | None:
    reasons: list[Reason] = []
    score = 0
    instance = value_of(alert.labels, "instance")
    if instance and instance in rollout.canary:
        reasons.append("instance")
        score += 8
    if alert.service == rollout.service:
        reasons.append("service")
        score += 4
    shifted = max((s.shifted_at for s in rollout.stages if s.shifted_at is not None), default=None)
    if shifted is not None and 0 <= alert.started_at - shifted <= RECENT:
        reasons.append("recent")
        score += 2
    first = min((s.shifted_at for s in rollout.stages if s.shifted_at is not None), default=None)
    if score and (first is None or alert.started_at < first):
        reasons.append("before")
        score -= 3
    return Suspect(rollout.id, rollout.service, score, tuple(reasons)) if reasons else None
