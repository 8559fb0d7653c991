"""Says things in the channel, each once: the card, the askings, the timeline, the private sentences."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from bot.alerts.model import Alert
from bot.engine.ports.chat import Chat, Directory
from bot.engine.ports.errors import Final, Gone, Retryable
from bot.engine.ports.records import MessageRef
from bot.engine.ports.rendered import Outgoing
from bot.engine.ports.store import Store
from bot.engine.rollouts import Rollouts
from bot.rollout.approval import canonical_emoji
from bot.rollout.effects import ReadReactions, ShowApproval, ShowCard, Tell, Whisper
from bot.rollout.events import Event
from bot.rollout.intents import Reaction, Refusal, ReportReactions
from bot.rollout.model import Board, Rollout
from bot.rollout.plan import Plan

log = structlog.get_logger()
DELETED = "deleted"  # in place of a digest: somebody took the message away, and its next writer posts it anew


class Words(Protocol):
    """Rendering, pure: bot.slack.messages."""

    def card(
        self, rollout: Rollout, plan: Plan, board: Board | None, now: float, alerts: Sequence[Alert] = ()
    ) -> Outgoing: ...

    def approval(
        self, rollout: Rollout, plan: Plan, stage_name: str, attempt: int, now: float, board: Board | None
    ) -> Outgoing: ...

    def diff(self, per_host: dict[str, str]) -> Outgoing: ...

    def tell(self, event: Event, rollout: Rollout, plan: Plan) -> Outgoing: ...

    def whisper(self, code: str, rollout: Rollout, plan: Plan, stage: str) -> Outgoing: ...

    def refusal(self, refusal: Refusal, rollout: Rollout | None, plan: Plan | None) -> str: ...

    def error(self, text: str) -> Outgoing: ...


class Speaker:
    def __init__(
        self,
        rollouts: Rollouts,
        store: Store,
        chat: Chat,
        directory: Directory,
        words: Words,
        firing: Callable[[str], Sequence[Alert]] = lambda _: (),
    ) -> None:
        self._rollouts = rollouts
        self._store = store
        self._chat = chat
        self._directory = directory
        self._words = words
        self._firing = firing
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def show_card(self, service: str, rollout_id: str) -> MessageRef | None:
        rollout = await self.rollout(service, rollout_id)
        if rollout is None:
            return None
        plan = self._rollouts.plans[service]
        board = await self._store.board(rollout.id, rollout.watched[0]) if rollout.watched[0] else None
        firing = self._firing(service) if rollout.active else ()
        message = self._words.card(rollout, plan, board, self._rollouts.now(), firing)
        return await self.sync(ShowCard(rollout_id).key, plan.channel, message)

    async def show_approval(self, service: str, effect: ShowApproval) -> None:
        rollout = await self.rollout(service, effect.rollout)
        if rollout is None:
            return
        plan = self._rollouts.plans[service]
        await self.card_of(service, rollout)  # a card comes before the first asking
        board = await self._store.board(rollout.id, rollout.watched[0]) if rollout.watched[0] else None
        now = self._rollouts.now()
        message = self._words.approval(rollout, plan, effect.stage, effect.attempt, now, board)
        before = await self._store.message(effect.key)
        ref = await self.sync(effect.key, plan.channel, message)
        if before is None or before.digest == DELETED or await self._store.message(f"{effect.key}:open") is None:
            try:
                await self._open(service, rollout, plan, effect, ref)
            except Gone as error:  # deleted in this very moment: the next try posts it anew
                raise Retryable(str(error)) from error

    async def _open(self, service: str, rollout: Rollout, plan: Plan, effect: ShowApproval, ref: MessageRef) -> None:
        """What follows a new asking: its emoji, the diff in its thread, and a first look at who was quicker."""
        stage = next((s for s in plan.stages if s.name == effect.stage), None)
        if stage is None:
            return
        await self._chat.seed(ref.channel, ref.ts, (stage.approval.emoji, stage.approval.veto))
        await self._diff(rollout, effect, ref)
        await self._store.put_message(MessageRef(f"{effect.key}:open", ref.channel, f"{ref.ts}:open"))
        read = ReadReactions(rollout.id, effect.stage, effect.attempt, serial="opened")
        await self._rollouts.record(service, None, (read,))

    async def _diff(self, rollout: Rollout, effect: ShowApproval, ref: MessageRef) -> None:
        key = f"{effect.key}:diff"
        if await self._store.message(key):
            return
        try:
            message = self._words.diff(dict(await self._rollouts.stage_diff(rollout, effect.stage)))
        except (Retryable, Final) as error:
            message = self._words.error(str(error))
        found = await self._chat.find(key, ref.channel, ref.ts)
        channel, ts = found or await self._chat.post(key, ref.channel, message, thread_ts=ref.ts)
        await self._store.put_message(MessageRef(key, channel, ts))

    async def tell(self, service: str, effect: Tell, again: bool) -> None:
        rollout = await self.rollout(service, effect.rollout)
        if rollout is None or await self._store.message(effect.key):
            return
        card = await self.card_of(service, rollout)
        message = self._words.tell(effect.event, rollout, self._rollouts.plans[service])
        try:
            channel, ts = await self._line(effect, message, card, again)
        except Gone:
            card = await self.card_anew(service, rollout, card)
            channel, ts = await self._line(effect, message, card, again)
        await self._store.put_message(MessageRef(effect.key, channel, ts))

    async def _line(self, effect: Tell, message: Outgoing, card: MessageRef, again: bool) -> tuple[str, str]:
        found = await self._chat.find(effect.key, card.channel, card.ts) if again else None
        return found or await self._chat.post(
            effect.key, card.channel, message, thread_ts=card.ts, broadcast=effect.broadcast
        )

    async def whisper(self, service: str, effect: Whisper) -> None:
        rollout = await self.rollout(service, effect.rollout)
        asking = await self._store.message(ShowApproval(effect.rollout, effect.stage, effect.attempt).key)
        if rollout is None or asking is None:
            return
        plan = self._rollouts.plans[service]
        message = self._words.whisper(effect.code, rollout, plan, effect.stage)
        await self._chat.whisper(asking.channel, effect.user, message)

    async def explain(self, service: str, effect: ReadReactions, refusal: Refusal) -> None:
        """A reaction that came to nothing for a reason that is nobody's standing: decided, over, expired."""
        asking = await self._store.message(ShowApproval(effect.rollout, effect.stage, effect.attempt).key)
        if asking is None:
            return
        rollout = await self.rollout(service, effect.rollout)
        text = self._words.refusal(refusal, rollout, self._rollouts.plans[service])
        await self._chat.whisper(asking.channel, effect.user, self._words.error(text))

    async def read_reactions(self, service: str, effect: ReadReactions) -> ReportReactions:
        """Everybody's reactions with who they are, read now; a person who cannot be checked is not known.

        Without the message nobody can approve any more: one that was deleted is posted anew.
        """
        asking = await self._store.message(ShowApproval(effect.rollout, effect.stage, effect.attempt).key)
        if asking is None:
            raise Retryable("the asking is not posted yet", 0.5)
        try:
            reactions = await self.reacted(asking.channel, asking.ts)
        except Gone:
            log.warning("the asking was deleted; posting it anew", key=asking.key)
            await self.note_deleted(asking)
            await self.show_approval(service, ShowApproval(effect.rollout, effect.stage, effect.attempt))
            reactions = ()
        actor = next((r.person for r in reactions if effect.user and r.person.user == effect.user), None)
        emoji = canonical_emoji(effect.emoji) if effect.emoji else ""
        return ReportReactions(effect.rollout, effect.stage, effect.attempt, reactions, actor, emoji)

    async def reacted(self, channel: str, ts: str) -> tuple[Reaction, ...]:
        """Everybody's reactions with who they are, read now. Raises Gone where the message was deleted."""
        found = await self._chat.reactions(channel, ts)
        people = {user: await self._directory.person(user, fresh=True) for user in dict.fromkeys(r.user for r in found)}
        return tuple(Reaction(people[r.user], r.emoji) for r in found)

    async def rollout(self, service: str, id: str) -> Rollout | None:
        current = (await self._rollouts.settled(service)).rollout  # an effect may be claimed before its commit returns
        return current if current and current.id == id else await self._store.rollout(id)

    async def card_of(self, service: str, rollout: Rollout) -> MessageRef:
        card = await self._store.message(ShowCard(rollout.id).key)
        card = card or await self.show_card(service, rollout.id)
        if card is None:
            raise Final(f"{rollout.id} is not in the log")
        return card

    async def card_anew(self, service: str, rollout: Rollout, card: MessageRef) -> MessageRef:
        """One that somebody deleted, and its thread with it. Raises Retryable where that is not seen everywhere yet."""
        log.warning("the card was deleted; posting it anew", rollout=rollout.id)
        await self.note_deleted(card)
        anew = await self.show_card(service, rollout.id)
        if anew is None or anew.ts == card.ts:
            raise Retryable("the card was deleted, and is not posted anew yet", 0.5)
        return anew

    async def note_deleted(self, ref: MessageRef) -> None:
        """Behind an edit under way: one that came through just before would note the message as there."""
        async with self._locks[ref.key]:
            await self._store.put_message(replace(ref, digest=DELETED))

    async def sync(self, key: str, channel: str, message: Outgoing) -> MessageRef:
        """Posts the message of this key if there is none, edits it if it says something else.

        One at a time for a key: an asking brings its card along while the card's own effect may be on its way.
        """
        async with self._locks[key]:
            ref = await self._store.message(key)
            if ref is None or ref.digest == DELETED:
                # Posted by a try that was cut off, or anew while it was noted as deleted; what it shows is not known.
                found = await self._chat.find(key, channel)
                ref = MessageRef(key, *found) if found else None
            try:
                return await self._bring(key, channel, message, ref)
            except Gone:
                log.warning("a message of ours was deleted; posting it anew", key=key)
                found = await self._chat.find(key, channel)  # a try that was cut off may have posted it anew already
                return await self._bring(key, channel, message, MessageRef(key, *found) if found else None)

    async def _bring(self, key: str, channel: str, message: Outgoing, ref: MessageRef | None) -> MessageRef:
        digest = _digest(message)
        if ref and ref.digest == digest:
            return ref
        if ref:
            await self._chat.update(ref.channel, ref.ts, message)
            ref = MessageRef(key, ref.channel, ref.ts, digest)
        else:
            ref = MessageRef(key, *await self._chat.post(key, channel, message), digest)
        await self._store.put_message(ref)
        return ref


def _digest(message: Outgoing) -> str:
    blocks: Sequence[object] = message.blocks
    return hashlib.sha256(json.dumps([message.text, list(blocks)], sort_keys=True).encode()).hexdigest()
