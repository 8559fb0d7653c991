"""A message in a rollout's thread that somebody marks with the plan's emoji becomes a note of the rollout."""

from __future__ import annotations

from typing import Protocol

from bot.engine.ports.chat import Chat, Directory
from bot.engine.ports.records import MessageRef
from bot.engine.submitted import Submitted
from bot.rollout.approval import canonical_emoji
from bot.rollout.events import NoteKind
from bot.rollout.model import Person
from commands.desk import Desk
from commands.note import kind_of
from commands.words import tidy


class Intake(Protocol):
    async def note(
        self, service: str, channel: str, ts: str, actor: Person, author: str, text: str, kind: NoteKind
    ) -> Submitted: ...


class Ledger(Protocol):
    async def message(self, key: str) -> MessageRef | None: ...


class Noting:
    def __init__(self, desk: Desk, directory: Directory, intake: Intake, ledger: Ledger, chat: Chat) -> None:
        self._desk = desk
        self._directory = directory
        self._intake = intake
        self._ledger = ledger
        self._chat = chat

    async def marked(self, channel: str, ts: str, user: str, emoji: str) -> None:
        """Nothing where the message is not in the thread of a service's newest rollout. Raises Retryable.

        Slack is asked only for a message that may be meant: the emoji is the plan's, the channel the rollout's.
        """
        for service, card in await self._threads(channel, emoji):
            message = await self._chat.read(channel, ts)
            if message is None or message.bot:
                return
            if message.thread_ts == card.ts and message.text.strip():
                actor = await self._directory.person(user)
                kind, text = kind_of(tidy(message.text))
                await self._intake.note(service, channel, ts, actor, message.user, text, kind)
                return

    async def _threads(self, channel: str, emoji: str) -> list[tuple[str, MessageRef]]:
        found = []
        for service, plan in self._desk.plans.items():
            if canonical_emoji(emoji) != canonical_emoji(plan.runbook.emoji_note):
                continue
            rollout = (await self._desk.state(service)).rollout
            card = await self._ledger.message(f"card:{rollout.id}") if rollout else None
            if card and card.channel == channel:
                found.append((service, card))
        return found
