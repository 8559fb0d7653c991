"""The report and its pictures, built from the log and the measurements and put into the rollout's thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.engine.ports.chat import Chat
from bot.engine.ports.errors import Final, Gone
from bot.engine.ports.records import Claimed, MessageRef
from bot.engine.ports.rendered import Attachment, Outgoing
from bot.engine.ports.store import Store
from bot.engine.rollouts import Rollouts
from bot.engine.speaker import Speaker
from bot.rollout.effects import PostChart, PublishReport
from bot.rollout.intents import NoteReport
from bot.rollout.model import Rollout
from bot.rollout.plan import Plan


@dataclass(frozen=True, slots=True)
class Edition:
    """digest: of the content, the sign-off table left out. text: the whole in one language, where files are refused."""

    digest: str
    files: tuple[Attachment, ...]
    text: str


class Press(Protocol):
    """bot.release.report and bot.release.charts."""

    async def report(self, rollout: Rollout, plan: Plan, now: float) -> Edition: ...

    async def chart(self, rollout: Rollout, plan: Plan) -> Attachment | None:
        """None before anything was measured. Raises Retryable or Final."""
        ...


class Words(Protocol):
    """Rendering, pure: bot.slack.messages."""

    def report_line(self, rollout: Rollout, edition: int) -> str: ...

    def report_as_text(self, rollout: Rollout, markdown: str) -> tuple[Outgoing, ...]: ...

    def chart_line(self, rollout: Rollout, stage: str) -> str: ...

    def no_chart(self, rollout: Rollout) -> Outgoing: ...


class Publisher:
    def __init__(
        self, rollouts: Rollouts, store: Store, chat: Chat, speaker: Speaker, press: Press, words: Words
    ) -> None:
        self._rollouts = rollouts
        self._store = store
        self._chat = chat
        self._speaker = speaker
        self._press = press
        self._words = words

    async def chart(self, service: str, effect: PostChart, again: bool) -> None:
        rollout, plan = await self._speaker.rollout(service, effect.rollout), self._rollouts.plans[service]
        if rollout is None or plan.runbook.report is None or not rollout.touched:
            return
        if await self._store.message(effect.key):
            return
        picture = await self._press.chart(rollout, plan)
        if picture is not None:
            text, instead = self._words.chart_line(rollout, effect.stage), (self._words.no_chart(rollout),)
            await self._share(service, rollout, effect.key, (picture,), text, instead, again)

    async def report(self, claimed: Claimed, effect: PublishReport) -> bool:
        """Where it was noted already the outcome alone is left: the content is then built anew, for its digest."""
        service = claimed.stream
        rollout, plan = await self._speaker.rollout(service, effect.rollout), self._rollouts.plans[service]
        if rollout is None:
            raise Final(f"{effect.rollout} is not in the log")
        if effect.edition and (rollout.report is None or rollout.report.edition != effect.edition):
            return False  # a later edition is on its way
        now = self._rollouts.now()
        edition = await self._press.report(rollout, plan, now)
        if await self._store.message(effect.key) is None:
            text = self._words.report_line(rollout, effect.edition)
            pieces = self._words.report_as_text(rollout, edition.text)
            again = claimed.attempts > 0
            await self._share(service, rollout, effect.key, edition.files, text, pieces, again)
        if not effect.edition:
            return False
        noted = NoteReport(rollout.id, effect.edition, edition.digest, now)
        await self._rollouts.submit(service, noted, f"effect:{claimed.id}", finish=claimed.id)
        return True

    async def _share(
        self,
        service: str,
        rollout: Rollout,
        key: str,
        files: Sequence[Attachment],
        text: str,
        instead: Sequence[Outgoing],
        again: bool,
    ) -> None:
        card = await self._speaker.card_of(service, rollout)
        found = await self._chat.find(key, card.channel, card.ts) if again else None
        if found is None:
            try:
                await self._chat.upload(key, card.channel, card.ts, files, text, instead)
            except Gone:
                card = await self._speaker.card_anew(service, rollout, card)
                await self._chat.upload(key, card.channel, card.ts, files, text, instead)
        await self._store.put_message(MessageRef(key, card.channel, f"{card.ts}:{key}"))
