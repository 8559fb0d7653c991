"""blue_green: whether the old version's pool must stay up, because the way back is a flip to it. Pure."""

from __future__ import annotations

from bot.rollout.model import Status
from bot.slack.messages.markup import Mrkdwn, code, outside
from bot.slack.messages.scene import Scene

FLIPPED = frozenset({Status.BAKING, Status.HELD, Status.PASSED, Status.WATCHING})


def warmth(s: Scene) -> list[Mrkdwn]:
    """One line from the flip on; before it the old version serves everybody, and nobody would take it down."""
    r, facts = s.r, {"version": outside(s.r.stable_version, 40), "pool": pool(s, s.r.stable)}
    if r.warm_until is not None:
        if r.released_at is not None:
            return [s.say("warm.over", **facts)]
        key = "warm.complete" if r.status is Status.COMPLETED else "warm.until"
        return [s.say(key, **facts, until=s.w.moment(r.warm_until, s.now))]
    flipped = r.status in FLIPPED and s.live is not None and s.live.weight >= 100
    return [s.say("warm.now", **facts)] if flipped and s.plan.traffic.strategy == "blue_green" else []


def pool(s: Scene, backends: tuple[str, ...]) -> Mrkdwn:
    return s.w.some([code(b, 80) for b in backends], 6) if backends else Mrkdwn("–")
