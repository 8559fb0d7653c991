"""Scripted people: they read the channel and act in it as colleagues would, through the workspace alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from bot.engine.ports.store import Store
from bot.rollout.events import Event
from bot.rollout.model import Board, Rollout, Status
from bot.sandbox.demo.stand import CHANNEL, SERVICE, Stand
from bot.sandbox.slack.models import Message
from bot.store.opening import open_store


class Witness:
    """Looks at the bot's database beside it, woken by whatever happens in the workspace."""

    def __init__(self, stand: Stand) -> None:
        self._stand = stand
        self._store: Store | None = None

    async def reader(self) -> Store:
        if self._store is None:
            self._store = await open_store(self._stand.database_url, read_only=True)
        return self._store

    async def rollout(self) -> Rollout | None:
        found = await (await self.reader()).rollouts(SERVICE, 1)
        return found[0] if found else None

    async def events(self) -> tuple[tuple[int, Event], ...]:
        return cast(tuple[tuple[int, Event], ...], await (await self.reader()).events(SERVICE))

    async def board(self, rollout: Rollout) -> Board | None:
        return await (await self.reader()).board(rollout.id, rollout.live_stage)

    async def until(self, wanted: Callable[[Rollout], bool], what: str, timeout: float) -> Rollout:
        """Until the newest rollout is as wanted. Raises TimeoutError saying what was waited for and what was there."""
        deadline = asyncio.get_running_loop().time() + timeout
        log = self._stand.workspace.log
        while True:
            cursor = log.cursor
            rollout = await self.rollout()
            if rollout and wanted(rollout):
                return rollout
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                raise TimeoutError(f"waited {timeout:g} s for {what}; the rollout is {_brief(rollout)}")
            await log.more(cursor, min(left, 1.0))

    async def close(self) -> None:
        if self._store:
            await self._store.close()


def _brief(rollout: Rollout | None) -> str:
    if rollout is None:
        return "not there"
    return f"{rollout.status} at {rollout.stage} (hold: {rollout.hold}, {rollout.hold_detail})"


class Team:
    """lin starts and promotes, wang approves. thinks: seconds before each act, so that somebody can watch."""

    def __init__(self, stand: Stand, witness: Witness, thinks: float = 0.0) -> None:
        self._stand = stand
        self._witness = witness
        self._thinks = thinks

    async def say(self, who: str, line: str) -> str:
        """Types a slash command; what the person privately saw. Raises RuntimeError when the bot did not take it."""
        await asyncio.sleep(self._thinks)
        outcome = await self._stand.slack.person(who).command(line, CHANNEL)
        if not outcome.ok:
            raise RuntimeError(f"{line}: {outcome.error}")
        return "\n".join(str(message["text"]) for message in outcome.private)

    async def asking(self, rollout: Rollout, stage: str, timeout: float = 30.0) -> Message:
        """The newest message that asks for a stage's approval, once it is there."""
        entry = f"approval:{rollout.id}:{stage}:"
        cursor = 0

        def found() -> list[Message]:
            messages = self._stand.workspace.messages(CHANNEL)
            return [m for m in messages if message_key(m).startswith(entry) and message_key(m).count(":") == 3]

        async with asyncio.timeout(timeout):
            while not found():
                entries = await self._stand.workspace.log.more(cursor, timeout)
                cursor = entries[-1]["seq"] if entries else cursor
        return found()[-1]

    async def keyed(self, key: str, timeout: float = 30.0) -> Message:
        """The message of this key, once it is there. Raises TimeoutError."""
        cursor = 0
        async with asyncio.timeout(timeout):
            while True:
                found = [m for m in self._stand.workspace.messages(CHANNEL) if message_key(m) == key]
                if found:
                    return found[-1]
                entries = await self._stand.workspace.log.more(cursor, timeout)
                cursor = entries[-1]["seq"] if entries else cursor

    async def approve(self, who: str, rollout: Rollout, stage: str) -> None:
        message = await self.asking(rollout, stage)
        await asyncio.sleep(self._thinks)
        await self._stand.slack.person(who).react(CHANNEL, message.ts, "white_check_mark")

    def cards(self, rollout: Rollout) -> list[Message]:
        messages = self._stand.workspace.messages(CHANNEL)
        return [m for m in messages if message_key(m) == f"card:{rollout.id}"]


def message_key(message: Message) -> str:
    """The effect's key that the bot put into the message's metadata; "" for anybody else's."""
    payload = (message.metadata or {}).get("event_payload", {})
    return str(payload.get("key", ""))


def ended(rollout: Rollout) -> bool:
    return rollout.status in (Status.COMPLETED, Status.ROLLED_BACK, Status.CANCELLED)
