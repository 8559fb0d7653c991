"""Emoji reactions: who reacted with what to which message."""

from __future__ import annotations

from bot.sandbox.slack.emoji import is_known
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.models import Message
from bot.sandbox.slack.workspace import Workspace


def add(ws: Workspace, message: Message, user: str, name: str) -> None:
    """Raises SlackError invalid_name, already_reacted."""
    if not is_known(name, ws.custom_emoji):
        raise SlackError("invalid_name")
    people = message.reactions.setdefault(name, [])
    if user in people:
        raise SlackError("already_reacted")
    people.append(user)
    _tell(ws, "added", message, user, name)


def remove(ws: Workspace, message: Message, user: str, name: str) -> None:
    """Raises SlackError no_reaction when this user has no such reaction there."""
    people = message.reactions.get(name, [])
    if user not in people:
        raise SlackError("no_reaction")
    people.remove(user)
    if not people:
        del message.reactions[name]
    _tell(ws, "removed", message, user, name)


def _tell(ws: Workspace, what: str, message: Message, user: str, name: str) -> None:
    ws.log.append(f"reaction.{what}", channel=message.channel, ts=message.ts, user=user, name=name)
    event = {
        "type": f"reaction_{what}",
        "user": user,
        "reaction": name,
        "item": {"type": "message", "channel": message.channel, "ts": message.ts},
        "item_user": message.user,
        "event_ts": ws.next_ts(),
    }
    ws.emit(event, channel=ws.channel(message.channel))
