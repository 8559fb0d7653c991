"""Slack, as far as the engine needs it: what is said there, and who is who."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.engine.ports.rendered import Attachment, Outgoing
from bot.rollout.model import Person


@dataclass(frozen=True, slots=True)
class MessageRead:
    """Somebody's message as it is now. thread_ts: of the thread's first message, "" = in no thread."""

    user: str
    text: str
    thread_ts: str
    bot: bool


@dataclass(frozen=True, slots=True)
class ReactionRead:
    user: str
    emoji: str


class Chat(Protocol):
    """Slack, as far as the worker needs it. Raises Retryable or Final, nothing else."""

    async def post(
        self,
        key: str,
        channel: str,
        message: Outgoing,
        thread_ts: str = "",
        broadcast: bool = False,
    ) -> tuple[str, str]:
        """(channel id, ts). The key goes along in the message's metadata."""
        ...

    async def find(self, key: str, channel: str, thread_ts: str = "") -> tuple[str, str] | None:
        """The message an earlier, cut-off try may have posted: (channel id, ts)."""
        ...

    async def update(self, channel: str, ts: str, message: Outgoing) -> None: ...

    async def whisper(self, channel: str, user: str, message: Outgoing, thread_ts: str = "") -> None: ...

    async def seed(self, channel: str, ts: str, emoji: Sequence[str]) -> None: ...

    async def reactions(self, channel: str, ts: str) -> tuple[ReactionRead, ...]: ...

    async def permalink(self, channel: str, ts: str) -> str: ...

    async def upload(
        self,
        key: str,
        channel: str,
        thread_ts: str,
        files: Sequence[Attachment],
        text: str,
        instead: Sequence[Outgoing] = (),
    ) -> tuple[str, ...]:
        """Shares the files as one message with the text, to be found by its key like any other; their ids.

        channel: an id. instead: what is said where the server takes no files; then the answer is ().
        """
        ...

    async def read(self, channel: str, ts: str) -> MessageRead | None:
        """One message, in a thread or not; None = it is not there, or may not be read."""
        ...

    @property
    def user_id(self) -> str:
        """The bot's own user id; "" before the token was checked."""
        ...


class Directory(Protocol):
    async def person(self, user: str, fresh: bool = False) -> Person:
        """Roles and standing. Never raises: what could not be checked has `known=False`. `fresh` skips the cache."""
        ...
