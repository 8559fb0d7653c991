"""Whether a group has something new to say. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bot.alerts.group import due
from bot.alerts.model import Alert, Group, Why
from bot.alerts.plan import Route


@dataclass(frozen=True, slots=True)
class Say:
    """Something is to be told."""

    why: Why
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    still: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing now: `waiting` (until), `told` already, `acknowledged`, `nothing` that may be told."""

    why: str
    until: float | None = None


def judge(group: Group, route: Route, alerts: tuple[Alert, ...], tellable: tuple[Alert, ...], now: float) -> Say | Wait:
    """alerts: all of the group. tellable: those that fire and that nothing mutes."""
    new = tuple(a.fingerprint for a in tellable if a.fingerprint not in group.told)
    firing = {a.fingerprint for a in alerts if a.firing}
    gone = tuple(f for f in group.told if f not in firing)
    still = tuple(a.fingerprint for a in tellable if a.fingerprint in group.told)
    if new or gone:
        when = due(group, route)
        if now < when:
            return Wait("waiting", when)
        return Say(_why(group, new, gone), new, gone, still)
    if not still:
        return Wait("nothing")
    if group.acked_at is not None:
        return Wait("acknowledged")
    again = (group.said_at or now) + route.repeat_interval
    return Say("repeat", still=still) if now >= again else Wait("told", again)


def _why(group: Group, new: tuple[str, ...], gone: tuple[str, ...]) -> Why:
    if new:
        return "more" if len(group.told) > len(gone) else "new"
    return "resolved" if len(gone) == len(group.told) else "some_resolved"
