"""Why nothing was changed, and the mend: one sentence for every code of `decide` and `approval`. Pure."""

from __future__ import annotations

from bot.engine.ports.rendered import Outgoing
from bot.rollout.intents import Refusal
from bot.rollout.model import Rollout
from bot.rollout.plan import Plan
from bot.slack.messages import details
from bot.slack.messages.blocks import section
from bot.slack.messages.markup import USER, Mrkdwn, code, codes, emoji, mention, mentioned, outside
from bot.slack.messages.words import Words

CLOSED = {"hold": "hold", "status": "status", "how": "decided", "verb": "verb", "why": "rule", "phase": "phase"}
PEOPLE = frozenset({"by", "initiator"})
NAMES = frozenset({"roles", "hosts", "names", "items"})


def refusal(w: Words, refused: Refusal, rollout: Rollout | None, plan: Plan | None) -> Mrkdwn:
    """One sentence with the mend. A code without a sentence is shown as such: better than silence."""
    facts = {name: _fact(w, name, value) for name, value in refused.facts}
    service = facts.get("service") or outside(rollout.service if rollout else plan.service if plan else "", 60)
    facts["service"] = Mrkdwn(service or "…")
    if rollout:
        facts.setdefault("stage", outside(rollout.stage, 40))
        facts.setdefault("version", outside(rollout.version, 40))
    if refused.code in ("not_allowed", "may_not_start") and not refused.fact("roles"):
        facts["roles"] = w.say("who.nobody")
    key = f"refuse.{refused.code}"
    if refused.code == "may_not_start" and refused.fact("why") != "no_role":
        key = "refuse.may_not_start.rule"
    if refused.code == "unavailable":
        facts["why"] = w.translated(refused.fact("why"), 300) or w.say("error.unknown")
    if refused.code == "nothing_to_roll_back" and not refused.fact("version"):
        key = "refuse.nothing_to_roll_back.never"
    if refused.code == "not_allowed" and refused.fact("initiator"):
        key = "refuse.not_allowed.initiator"
    if not w.has(key):
        rest = w.join(Mrkdwn(f"{outside(k, 40)}={outside(v, 80)}") for k, v in refused.facts)
        return w.say("refuse.unknown", code=code(refused.code, 60), facts=rest)
    return w.say(key, **facts)


def _fact(w: Words, name: str, value: str) -> Mrkdwn:
    """A fact as people read it: `decide` gives codes, user ids and comma-separated names."""
    if name in CLOSED:
        return w.one_of(CLOSED[name], value) if value else w.say("word.nothing")
    if name in PEOPLE:
        users = mentioned(value) or ((value,) if value else ())
        return w.people(users) if users else w.say("who.somebody")
    if name in ("yes", "no"):
        return emoji(value)
    if name == "owner":
        return mention(value) if USER.fullmatch(value) else code(value, 60)
    if name == "detail":
        return details.shown(w, value, 200) or Mrkdwn("–")
    if name in NAMES:
        return codes(part for part in value.split(", ") if part) or Mrkdwn("–")
    return outside(value, 200) or Mrkdwn("–")


def whisper(w: Words, why: str, rollout: Rollout, plan: Plan, stage_name: str) -> Outgoing:
    """The rule against a reaction, and who can speak for the stage."""
    stage = next((s for s in plan.stages if s.name == stage_name), None)
    roles = codes(stage.approval.roles) if stage and stage.approval.roles else w.say("who.nobody")
    rule = w.say(f"rule.{why}") if w.has(f"rule.{why}") else w.say("rule.other", code=code(why, 60))
    said = w.say(
        "whisper",
        stage=outside(stage_name, 40),
        service=outside(rollout.service, 60),
        version=outside(rollout.version, 40),
        rule=rule,
        roles=roles,
    )
    return Outgoing(said, (section(said),))
