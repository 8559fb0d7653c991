"""The messages around the traffic, each once: what comes before the start, and the sign-off with its signatures."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import structlog

from bot.engine.ports.chat import Chat
from bot.engine.ports.errors import Gone, Retryable
from bot.engine.ports.records import MessageRef
from bot.engine.ports.rendered import Outgoing
from bot.engine.ports.store import Store
from bot.engine.rollouts import Rollouts
from bot.engine.speaker import Speaker
from bot.rollout.effects import ReadSignatures, ShowPreparation, ShowSignOff
from bot.rollout.intents import Refusal, ReportSignatures
from bot.rollout.model import Rollout
from bot.rollout.plan import Plan

log = structlog.get_logger()


class Words(Protocol):
    """Rendering, pure: bot.slack.messages."""

    def preparation(self, rollout: Rollout, plan: Plan, now: float) -> Outgoing: ...

    def sign_off(self, rollout: Rollout, plan: Plan, edition: int, now: float) -> Outgoing: ...

    def refusal(self, refusal: Refusal, rollout: Rollout | None, plan: Plan | None) -> str: ...

    def error(self, text: str) -> Outgoing: ...


class ReleaseSpeaker:
    def __init__(self, rollouts: Rollouts, store: Store, chat: Chat, speaker: Speaker, words: Words) -> None:
        self._rollouts = rollouts
        self._store = store
        self._chat = chat
        self._speaker = speaker
        self._words = words

    async def show_preparation(self, service: str, effect: ShowPreparation) -> None:
        rollout = await self._speaker.rollout(service, effect.rollout)
        if rollout is None:
            return
        plan = self._rollouts.plans[service]
        await self._speaker.card_of(service, rollout)  # the card comes first
        message = self._words.preparation(rollout, plan, self._rollouts.now())
        await self._speaker.sync(effect.key, plan.channel, message)

    async def show_sign_off(self, service: str, effect: ShowSignOff) -> None:
        """Once posted, its emoji is put under it and its reactions are read: somebody may have been quicker."""
        rollout = await self._speaker.rollout(service, effect.rollout)
        rule = self._rollouts.plans[service].runbook.report
        known = await self._store.message(effect.key)
        if rollout is None or rule is None or (not rule.sign_off and known is None):
            return
        plan = self._rollouts.plans[service]
        if known is None and (rollout.report is None or rollout.report.edition != effect.edition):
            return  # void before anybody saw it
        message = self._words.sign_off(rollout, plan, effect.edition, self._rollouts.now())
        ref = await self._speaker.sync(effect.key, plan.channel, message)
        opened = await self._store.message(f"{effect.key}:open")
        if opened and opened.ts == _opened(ref).ts:
            return
        if rollout.report and rollout.report.edition == effect.edition:
            await self._chat.seed(ref.channel, ref.ts, (rule.emoji,))
            read = ReadSignatures(rollout.id, effect.edition, serial="opened")
            await self._rollouts.record(service, None, (read,))
        await self._store.put_message(replace(_opened(ref), key=f"{effect.key}:open"))

    async def read_signatures(self, service: str, effect: ReadSignatures) -> ReportSignatures:
        """Everybody's reactions with who they are, read now. A message that was deleted is posted anew: nobody could
        sign any more.
        """
        asked = await self._store.message(ShowSignOff(effect.rollout, effect.edition).key)
        if asked is None:
            raise Retryable("the sign-off is not posted yet", 0.5)
        try:
            reactions = await self._speaker.reacted(asked.channel, asked.ts)
        except Gone:
            log.warning("the sign-off was deleted; posting it anew", key=asked.key)
            await self._speaker.note_deleted(asked)
            await self.show_sign_off(service, ShowSignOff(effect.rollout, effect.edition))
            reactions = ()
        actor = next((r.person for r in reactions if effect.user and r.person.user == effect.user), None)
        return ReportSignatures(effect.rollout, effect.edition, reactions, actor)

    async def explain_signature(self, service: str, effect: ReadSignatures, refusal: Refusal) -> None:
        """A reaction under the report that is no signature, to whom it came from, in private."""
        asked = await self._store.message(ShowSignOff(effect.rollout, effect.edition).key)
        if asked is None or not effect.user:
            return
        rollout = await self._speaker.rollout(service, effect.rollout)
        text = self._words.refusal(refusal, rollout, self._rollouts.plans[service])
        await self._chat.whisper(asked.channel, effect.user, self._words.error(text))


def _opened(ref: MessageRef) -> MessageRef:
    """Where it is noted that a message was opened. Its ts is no message's own: `message_at` must not find it."""
    return MessageRef(ref.key, ref.channel, f"{ref.ts}:open")
