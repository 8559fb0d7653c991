"""Messages of ours in the chat, each once: posted if there is none of its key, edited if it says something else."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence

import structlog

from bot.engine.ports.chat import Chat
from bot.engine.ports.errors import Gone
from bot.engine.ports.records import MessageRef
from bot.engine.ports.rendered import Outgoing
from bot.engine.ports.store import Store

log = structlog.get_logger()


class Board:
    def __init__(self, store: Store, chat: Chat) -> None:
        self._store = store
        self._chat = chat
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def known(self, key: str) -> MessageRef | None:
        return await self._store.message(key)

    async def sync(self, key: str, channel: str, message: Outgoing) -> MessageRef:
        """Raises Retryable or Final. A message that somebody deleted is posted anew."""
        async with self._locks[key]:
            ref = await self._store.message(key)
            if ref is None and (found := await self._chat.find(key, channel)):
                ref = MessageRef(key, *found)  # posted by a try that was cut off; what it shows is not known
            if ref is None:
                return await self._put(key, *await self._chat.post(key, channel, message), message)
            if ref.digest == digest(message):
                return ref
            try:
                await self._chat.update(ref.channel, ref.ts, message)
            except Gone:
                log.warning("a message of ours was deleted; posting it anew", key=key)
                return await self._put(key, *await self._chat.post(key, channel, message), message)
            return await self._put(key, ref.channel, ref.ts, message)

    async def reply(self, key: str, to: MessageRef, message: Outgoing, *, broadcast: bool = False) -> None:
        """In the thread of `to`, once a key."""
        if await self._chat.find(key, to.channel, to.ts) is None:
            await self._chat.post(key, to.channel, message, to.ts, broadcast)

    async def _put(self, key: str, channel: str, ts: str, message: Outgoing) -> MessageRef:
        ref = MessageRef(key, channel, ts, digest(message))
        await self._store.put_message(ref)
        return ref


def digest(message: Outgoing) -> str:
    blocks: Sequence[object] = message.blocks
    return hashlib.sha256(json.dumps([message.text, list(blocks)], sort_keys=True).encode()).hexdigest()
