"""The details that are left in plain English with a hold or a rollback, in the words of one language. Pure."""

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
    """What is said with more than words, as lengths of time and shares; None: not one of these."""
    if found := _MEASURED.fullmatch(detail):
        return w.say("detail.measured", have=w.span(float(found[1])), want=w.span(float(found[2])))
    if found := _ASTRAY.fullmatch(detail):
        return w.say("detail.astray", share=of_target(w, float(found[1]) if found[1] else None, float(found[2])))
    return None


def shown(w: Words, detail: str, most: int) -> Mrkdwn:
    """The detail for people, whatever it is: a sentence of the bot's, hosts with their errors, a person's words."""
    found = known(w, detail)
    return w.translated(detail, most) if found is None else found


def of_policy(s: Scene, reason: str) -> Mrkdwn:
    """Why the plan's own policy rolled back."""
    return s.say("reason.blind") if reason == "blind" else s.w.translated(reason, 300) or s.say("reason.none")


def missing(s: Scene) -> list[Mrkdwn]:
    """The hosts that the last shift went without, and that have not caught up."""
    names = [code(host.name, 60) for host in s.plan.fleet.hosts if host.name in s.r.left_out]
    return [s.say("obstacle.left_out", hosts=s.w.some(names, 8))] if names else []
