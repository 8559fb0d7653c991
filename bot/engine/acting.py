"""On whose behalf the running task writes: the actor of a service, with the epoch of its lead, or a person.

Ambient, so that no append of the actor can forget its guard: the worker and the ticks open it, the log and the
hosts' orders read it, and tasks begun inside inherit it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from bot.engine.ports.chat import Chat, MessageRead, ReactionRead
from bot.engine.ports.errors import Fenced
from bot.engine.ports.rendered import Attachment, Outgoing


@dataclass(frozen=True, slots=True)
class Acting:
    stream: str
    epoch: int


_ACTING: ContextVar[Acting | None] = ContextVar("acting", default=None)


@contextmanager
def acting(stream: str, epoch: int) -> Iterator[None]:
    """epoch 0: there is no lead to be guarded by (a claim made without one)."""
    token = _ACTING.set(Acting(stream, epoch) if epoch else None)
    try:
        yield
    finally:
        _ACTING.reset(token)


def acting_epoch(stream: str) -> int | None:
    """The epoch under which this task acts for the stream; None for a person's intent."""
    now = _ACTING.get()
    return now.epoch if now and now.stream == stream else None


class FencedChat:
    """A Chat that asks before each word of the actor's whether the lead still stands.

    Slack knows no fencing token: a process that was frozen and wakes must look at the clock before it speaks.
    """

    def __init__(self, chat: Chat, stands: Callable[[str, int], bool]) -> None:
        self._chat = chat
        self._stands = stands

    @property
    def user_id(self) -> str:
        return self._chat.user_id

    def _check(self) -> None:
        now = _ACTING.get()
        if now and not self._stands(now.stream, now.epoch):
            raise Fenced(f"{now.stream}: the lead of epoch {now.epoch} is over")

    async def post(
        self, key: str, channel: str, message: Outgoing, thread_ts: str = "", broadcast: bool = False
    ) -> tuple[str, str]:
        self._check()
        return await self._chat.post(key, channel, message, thread_ts, broadcast)

    async def find(self, key: str, channel: str, thread_ts: str = "") -> tuple[str, str] | None:
        return await self._chat.find(key, channel, thread_ts)

    async def update(self, channel: str, ts: str, message: Outgoing) -> None:
        self._check()
        await self._chat.update(channel, ts, message)

    async def whisper(self, channel: str, user: str, message: Outgoing, thread_ts: str = "") -> None:
        self._check()
        await self._chat.whisper(channel, user, message, thread_ts)

    async def seed(self, channel: str, ts: str, emoji: Sequence[str]) -> None:
        self._check()
        await self._chat.seed(channel, ts, emoji)

    async def reactions(self, channel: str, ts: str) -> tuple[ReactionRead, ...]:
        return await self._chat.reactions(channel, ts)

    async def permalink(self, channel: str, ts: str) -> str:
        return await self._chat.permalink(channel, ts)

    async def upload(
        self,
        key: str,
        channel: str,
        thread_ts: str,
        files: Sequence[Attachment],
        text: str,
        instead: Sequence[Outgoing] = (),
    ) -> tuple[str, ...]:
        self._check()
        return await self._chat.upload(key, channel, thread_ts, files, text, instead)

    async def read(self, channel: str, ts: str) -> MessageRead | None:
        return await self._chat.read(channel, ts)
