"""Who may let a stage start (DESIGN §6.2). Pure; judged on the whole set of reactions as Slack has it now."""

from __future__ import annotations

from dataclasses import dataclass

from bot.rollout.intents import Reaction
from bot.rollout.model import Person
from bot.rollout.plan import ApprovalRule

ALIASES = {"thumbsup": "+1", "thumbsdown": "-1"}


def canonical_emoji(name: str) -> str:
    """Slack's name without colons and skin tone: `+1::skin-tone-4` and `thumbsup` are both `+1`."""
    bare = name.strip(":").split("::", 1)[0]
    return ALIASES.get(bare, bare)


@dataclass(frozen=True, slots=True)
class Count:
    approvers: tuple[str, ...]
    vetoers: tuple[str, ...]
    refused: tuple[tuple[Reaction, str], ...]  # with the rule's code


def member(person: Person) -> str:
    """Empty for a full, active, human member, else the code of the first rule against. Unknown fails closed."""
    if not person.known:
        return "unknown_user"
    if person.bot:
        return "bot"
    if person.deactivated:
        return "deactivated"
    if person.external:
        return "external"
    if person.guest:
        return "guest"
    return ""


def standing(person: Person, roles: tuple[str, ...]) -> str:
    """Empty when the person may speak for a stage, else the code of the first rule against it."""
    return member(person) or ("" if person.roles & set(roles) else "no_role")


def count(rule: ApprovalRule, initiator: str, bot_user: str, reactions: tuple[Reaction, ...]) -> Count:
    """Tallies a message's reactions. The bot's own seeds and other emoji are nobody's word."""
    approve, veto = canonical_emoji(rule.emoji), canonical_emoji(rule.veto)
    approvers: set[str] = set()
    vetoers: set[str] = set()
    refused: list[tuple[Reaction, str]] = []
    for reaction in reactions:
        emoji = canonical_emoji(reaction.emoji)
        if reaction.person.user == bot_user or emoji not in (approve, veto):
            continue
        code = standing(reaction.person, rule.roles)
        if not code and emoji == approve and reaction.person.user == initiator:
            code = "own_rollout"
        if code:
            refused.append((reaction, code))
        else:
            (approvers if emoji == approve else vetoers).add(reaction.person.user)
    return Count(tuple(sorted(approvers)), tuple(sorted(vetoers)), tuple(refused))
