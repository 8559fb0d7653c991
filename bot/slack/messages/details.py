"""The details that `decide` leaves in plain English with a hold, in the words of one language. Pure."""

from __future__ import annotations

import re

from bot.slack.messages.markup import Mrkdwn, code
from bot.slack.messages.numbers import number, weight
from bot.slack.messages.scene import Scene
from bot.slack.messages.words import Words

_MEASURED = re.compile(r"measured for (\d+) s of (\d+) s")  # bot.rollout.deciding.boards says it so
_ASTRAY = re.compile(r"share (?:([0-9.]+) %|not measured) of ([0-9.]+) %")  # likewise


def astray(detail: str) -> bool:
    """Whether the stage was held because the canary never got its share."""
    return bool(_ASTRAY.fullmatch(detail))


def of_target(w: Words, share: float | None, target: float) -> Mrkdwn:
    """`9.7 % of 10 %`, and where nothing was measured that it was not."""
    measured = w.say("word.unmeasured") if share is None else number(share, "percent")
    return w.say("share.of", share=measured, target=weight(target))


def known(w: Words, detail: str) -> Mrkdwn | None:
    """None: not one of these; a person, hosts with their errors, gates, plan hashes."""
    if found := _MEASURED.fullmatch(detail):
        return w.say("detail.measured", have=w.span(float(found[1])), want=w.span(float(found[2])))
    if found := _ASTRAY.fullmatch(detail):
        return w.say("detail.astray", share=of_target(w, float(found[1]) if found[1] else None, float(found[2])))
    if detail == "the stage is no longer in the plan":
        return w.say("detail.stage_gone")
    return None


def missing(s: Scene) -> list[Mrkdwn]:
    """The hosts that the last shift went without, and that have not caught up."""
    names = [code(host.name, 60) for host in s.plan.fleet.hosts if host.name in s.r.left_out]
    return [s.say("obstacle.left_out", hosts=s.w.some(names, 8))] if names else []
