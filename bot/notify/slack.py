"""Slack as one channel among others: to a channel of the workspace, or to a person."""

from __future__ import annotations

import re

from bot.engine.ports.chat import Chat
from bot.engine.ports.errors import Final
from bot.engine.ports.rendered import Outgoing
from bot.notify.message import Notification, clean

_PLACE = re.compile(r"[CGDUW][A-Z0-9]{6,}|#?[^\s#@,<>]{1,80}")
_MOST = 2900  # characters of a section; Slack takes 3000
_SIGNS = {"critical": ":rotating_light:", "warning": ":warning:", "info": ":information_source:"}


class SlackChannel:
    """chat: the bot's own, so that its pace, its words for refusals and its search for an earlier try hold here too."""

    def __init__(self, name: str, chat: Chat) -> None:
        self._name, self._chat = name, chat

    async def send(self, to: str, notification: Notification) -> str:
        """See Channel. `to`: #releases, a channel's id or a person's (U…). The result is `channel:ts`."""
        if not _PLACE.fullmatch(to):
            raise Final(f"`{to}` is neither a channel nor a person: write #releases, C0123456789 or U0123456789")
        key = f"notify:{notification.key}"
        found = await self._chat.find(key, to) or await self._chat.post(key, to, _rendered(clean(notification)))
        return ":".join(found)

    async def check(self) -> str:
        """Says nothing anywhere: the token was checked when the bot started."""
        if self._chat.user_id:
            return ""
        return f"{self._name}: Slack's token has not been checked yet: see SLACK_BOT_TOKEN and whether Slack is there"

    async def aclose(self) -> None:
        """The chat is not its own."""


def _rendered(notification: Notification) -> Outgoing:
    head = f"{_SIGNS[notification.severity]} *{_escaped(notification.subject, 500)}*"
    body = _escaped(notification.text, _MOST)
    blocks = tuple(
        {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}} for text in (head, body) if text
    )
    return Outgoing(f"{head}\n{_escaped(notification.short, 500)}", blocks)


def _escaped(text: str, most: int) -> str:
    """Nobody's label mentions a channel: what Slack reads as markup is written out, and nothing is cut inside it."""
    parts: list[str] = []
    length = 0
    for char in text.strip():
        part = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(char, char)
        length += len(part)
        if length > most - 1:
            parts.append("…")
            break
        parts.append(part)
    return "".join(parts)
