"""Short private answers to what a person typed or pressed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bot.engine.ports.rendered import Outgoing
from bot.rollout.model import Rollout
from bot.rollout.plan import Plan
from bot.slack.messages.blocks import Block, context, header, lines, section
from bot.slack.messages.markup import Mrkdwn, code, mention, outside
from bot.slack.messages.words import Words

USERS = frozenset({"by", "user", "initiator"})


def said(text: Mrkdwn) -> Outgoing:
    return Outgoing(text, (section(text),))


def done(w: Words, kind: str, facts: dict[str, object]) -> Outgoing:
    """Facts that the sentence does not name are left out; one that it names and lacks takes the short sentence."""
    shown = {k: _fact(k, v) for k, v in facts.items() if v not in (None, "")}
    key = f"done.{kind}"
    if not w.has(key):
        return said(w.say("done.other", code=code(kind, 40)))
    full = w.say(key, **shown)
    return said(full if w.complete(key, shown) else w.say(f"{key}.short"))


def _fact(name: str, value: object) -> Mrkdwn:
    text = str(value)
    return mention(text) if name in USERS else outside(value if isinstance(value, Mrkdwn) else text, 200)


def did_you_mean(w: Words, word: str, suggestion: str, usage: str) -> Outgoing:
    shown = code(usage, 300)
    if suggestion:
        return said(w.say("usage.did_you_mean", word=code(word, 60), suggestion=code(suggestion, 60), usage=shown))
    return said(w.say("usage.unknown_word", word=code(word, 60), usage=shown))


def usage_error(w: Words, what: str, usage: str, facts: dict[str, object]) -> Outgoing:
    """`what`: a code of `usage.*`; an unknown one is shown as such."""
    shown = {k: _names(v) for k, v in facts.items() if v not in (None, "", (), [])}
    key = f"usage.{what}"
    if w.has(key):
        problem = w.say(key, **shown) if w.complete(key, shown) else w.say("usage.wrong")
    else:
        problem = w.say("usage.other", code=code(what, 60))
    return said(w.say("usage.line", problem=problem, usage=code(usage, 300)))


def _names(value: object) -> Mrkdwn:
    if isinstance(value, Collection) and not isinstance(value, str):
        every = [str(v) for v in value]
        return Mrkdwn(
            ", ".join(code(v, 60) for v in every[:12]) + (f" … (+{len(every) - 12})" if len(every) > 12 else "")
        )
    return outside(value if isinstance(value, Mrkdwn) else str(value), 200)


def unavailable(w: Words, why: str) -> Outgoing:
    if why == "database":
        return said(w.say("unavailable.database"))
    reason = w.say(f"unavailable.{why}") if w.has(f"unavailable.{why}") else w.translated(why, 300)
    return said(w.say("unavailable", why=reason or w.say("error.unknown")))


def outage(w: Words, rollout: Rollout, plan: Plan, since: float, until: float | None) -> Outgoing:
    facts = {"title": outside(plan.title, 60), "version": code(rollout.version, 40), "since": w.moment(since, until)}
    if until is None:
        return said(w.say("outage.away", **facts))
    return said(w.say("outage.back", **facts, lasted=w.span(until - since)))


def error(w: Words, text: str) -> Outgoing:
    return said(w.say("error", text=w.translated(text, 2500) or w.say("error.unknown")))


def help_(w: Words, commands: Sequence[tuple[str, str, str]]) -> Outgoing:
    """(name, usage, summary key): the key with or without `help.` before it; an unknown one is left out."""
    rows = [_command(w, *command) for command in commands]
    blocks: list[Block] = [header(w.say("help.header")), section(w.say("help.intro"))]
    blocks += [lines(rows[i : i + 10]) for i in range(0, len(rows), 10)]
    return Outgoing(w.say("help.text"), (*blocks, context([w.say("help.footer")])))


def _command(w: Words, name: str, usage: str, summary: str) -> Mrkdwn:
    keys = [k for k in (summary, f"help.{summary}", f"help.{name}") if w.has(k)]
    shown = code(usage or name, 200)
    return Mrkdwn(f"• {shown}  {w.say(keys[0])}" if keys else f"• {shown}")
