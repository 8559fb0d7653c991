"""Which rollout under way an alert most likely comes from, and why. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from bot.alerts.labels import value_of
from bot.alerts.model import Alert
from bot.rollout.model import Rollout

RECENT = 3600.0  # seconds between a shift and an alert that make one the likely cause of the other
Reason = Literal["instance", "service", "recent", "before"]


@dataclass(frozen=True, slots=True)
class Suspect:
    """reasons: the strongest first. `before`: it fired before traffic was shifted, which speaks against it.

    ago: seconds from the last shift before the alert to the alert; None = there was none.
    """

    rollout: str
    service: str
    score: int
    reasons: tuple[Reason, ...]
    ago: float | None = None


def suspects(alert: Alert, rollouts: Iterable[Rollout]) -> tuple[Suspect, ...]:
    """The likeliest first; those that nothing ties to the alert are left out."""
    return tuple(sorted((s for r in rollouts if (s := _suspect(alert, r)) and s.score > 0), key=_order))


def ranked(alerts: Iterable[Alert], rollouts: Collection[Rollout]) -> tuple[Suspect, ...]:
    """For alerts that are told together, of which those that fire count: each rollout once, by its strongest tie."""
    best: dict[str, Suspect] = {}
    if not rollouts:
        return ()
    for suspect in (s for alert in alerts if alert.firing for s in suspects(alert, rollouts)):
        known = best.get(suspect.rollout)
        if known is None or _order(suspect) < _order(known):
            best[suspect.rollout] = suspect
    return tuple(sorted(best.values(), key=_order))


def _order(suspect: Suspect) -> tuple[float, float, str]:
    """Of two with equal ties the one that shifted last."""
    return -suspect.score, suspect.ago if suspect.ago is not None else math.inf, suspect.rollout


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
    earlier = [s.shifted_at for s in rollout.stages if s.shifted_at is not None and s.shifted_at <= alert.started_at]
    ago = alert.started_at - max(earlier) if earlier else None
    if ago is not None and ago <= RECENT:
        reasons.append("recent")
        score += 2
    if score and ago is None:
        reasons.append("before")
        score -= 3
    return Suspect(rollout.id, rollout.service, score, tuple(reasons), ago) if reasons else None
