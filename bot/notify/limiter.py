"""How much reaches one recipient, and what is told of the rest. Pure: a token bucket as data, `now` as an argument."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.notify.message import Notification, Severity
from config.channels import LimitSettings

KEPT = 50  # subjects a digest lists; beyond them it only counts
_ORDER: tuple[Severity, ...] = ("info", "warning", "critical")


@dataclass(frozen=True, slots=True)
class Held:
    """A notification that was held back. at: Unix seconds."""

    key: str
    severity: Severity
    subject: str
    at: float


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient of one channel. tokens: as of `at`. held: the oldest KEPT; more: how many beyond them."""

    tokens: float
    at: float
    held: tuple[Held, ...] = ()
    more: int = 0
    worst: Severity = "info"  # of all held, listed or not
    last_held: float = 0.0


@dataclass(frozen=True, slots=True)
class Allowed:
    """Send it now."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Do not send it: it is told in the digest, which may go at `digest_at` (Unix seconds)."""

    digest_at: float


@dataclass(frozen=True, slots=True)
class Digest:
    """What was held back between `since` and `until`. count: all of it; held: what is listed."""

    held: tuple[Held, ...]
    count: int
    severity: Severity
    since: float
    until: float


def fresh(limit: LimitSettings, now: float) -> Recipient:
    """Somebody who was sent nothing lately."""
    return Recipient(float(limit.burst), now)


def offer(
    recipient: Recipient, limit: LimitSettings, notification: Notification, now: float
) -> tuple[Recipient, Allowed | HeldBack]:
    """Whether it goes now. The last `reserved` tokens are for Critical alone.

    While a digest waits, everything but Critical joins it, so that people read things in their order.
    """
    filled = _filled(recipient, limit, now)
    critical = notification.severity == "critical"
    floor = 0 if critical else limit.reserved
    if filled.tokens - 1 >= floor and (critical or not filled.held):
        return replace(filled, tokens=filled.tokens - 1), Allowed()
    held = Held(notification.key, notification.severity, notification.subject, now)
    full = len(filled.held) >= KEPT
    after = replace(
        filled,
        held=filled.held if full else (*filled.held, held),
        more=filled.more + full,
        worst=max(filled.worst, notification.severity, key=_ORDER.index),
        last_held=now,
    )
    return after, HeldBack(_digest_at(after, limit))


def digest_due(recipient: Recipient, limit: LimitSettings, now: float) -> float | None:
    """When a digest may go (Unix seconds, `now` at the earliest); None = nothing was held back."""
    if not recipient.held:
        return None
    return max(now, _digest_at(_filled(recipient, limit, now), limit))


def release(recipient: Recipient, limit: LimitSettings, now: float) -> tuple[Recipient, Digest | None]:
    """The digest of all that was held back, at the price of one token; None where it is not due yet."""
    filled = _filled(recipient, limit, now)
    if not filled.held or filled.tokens < _price(filled, limit):
        return filled, None
    digest = Digest(filled.held, len(filled.held) + filled.more, filled.worst, filled.held[0].at, filled.last_held)
    return Recipient(filled.tokens - 1, filled.at), digest


def _filled(recipient: Recipient, limit: LimitSettings, now: float) -> Recipient:
    """With what came in since. A clock that was set back gives nothing, and counts from there on."""
    gained = max(0.0, now - recipient.at) / limit.every
    return replace(recipient, tokens=min(float(limit.burst), recipient.tokens + gained), at=now)


def _price(recipient: Recipient, limit: LimitSettings) -> float:
    """Tokens there must be for its digest."""
    return 1.0 if recipient.worst == "critical" else 1.0 + limit.reserved


def _digest_at(recipient: Recipient, limit: LimitSettings) -> float:
    # A millisecond more than the sum says: what is rounded down would come a moment too early, for nothing.
    lacking = _price(recipient, limit) - recipient.tokens
    return recipient.at + (lacking * limit.every + 0.001 if lacking > 0 else 0.0)
