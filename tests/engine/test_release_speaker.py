"""The messages around the traffic: each once, anew where somebody deleted it, and what is read under them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.engine.ports.errors import Retryable
from bot.engine.release_speaker import ReleaseSpeaker
from bot.engine.speaker import Speaker
from bot.rollout.effects import ReadSignatures, ShowPreparation, ShowSignOff
from bot.rollout.intents import ReportSignatures, refuse
from bot.rollout.runbook import ReportRule, Runbook, SignRole
from bot.rollout.work import ReportState
from tests.engine.conftest import BOT, CHEN, SERVICE, WANG, PlainWords, Rig, a_plan

RULE = ReportRule(sign_off=(SignRole("运维", "DevOps", ("managers",)),))


class Signing:
    """A rollout whose report waits for its signatures."""

    def __init__(self) -> None:
        self.rig = Rig(a_plan(runbook=Runbook(report=RULE)))

    async def start(self, edition: int = 1) -> Signing:
        rig = self.rig
        rollout = await rig.start()
        state = rig.rollouts._states[SERVICE]
        reported = replace(rollout, report=ReportState(edition, rig.now, "digest", rig.now))
        rig.rollouts._states[SERVICE] = replace(state, rollout=reported)
        self.id, self.effect = rollout.id, ShowSignOff(rollout.id, edition)
        speaker = Speaker(rig.rollouts, rig.store, rig.chat, rig.people, PlainWords())
        self.speaker = ReleaseSpeaker(rig.rollouts, rig.store, rig.chat, speaker, PlainWords())
        return self

    async def read(self, user: str = "") -> ReportSignatures:
        return await self.speaker.read_signatures(SERVICE, ReadSignatures(self.id, self.effect.edition, user=user))

    def posted(self) -> list[str]:
        return [str(m["ts"]) for m in self.rig.chat.by_key("signoff:")]

    async def looks(self) -> int:
        return sum(isinstance(c.effect, ReadSignatures) for c in await self.rig.store.pending())


async def test_the_preparation_is_one_message_below_the_card() -> None:
    signing = await Signing().start()
    for _ in range(2):
        await signing.speaker.show_preparation(SERVICE, ShowPreparation(signing.id))
    (message,) = signing.rig.chat.by_key("preparation:")
    (card,) = signing.rig.chat.by_key("card:")
    assert float(card["ts"]) < float(message["ts"])
    assert message["thread"] == ""


async def test_a_sign_off_gets_its_emoji_and_a_first_look_once() -> None:
    signing = await Signing().start()
    for _ in range(2):
        await signing.speaker.show_sign_off(SERVICE, signing.effect)
    (ts,) = signing.posted()
    assert signing.rig.chat.marks[ts] == {(BOT, "white_check_mark")}
    assert await signing.looks() == 1


async def test_an_edition_that_was_void_before_anybody_saw_it_is_not_shown() -> None:
    signing = await Signing().start(edition=2)
    await signing.speaker.show_sign_off(SERVICE, ShowSignOff(signing.id, 1))
    assert not signing.posted()


async def test_a_report_that_nobody_signs_has_no_sign_off() -> None:
    signing = Signing()
    signing.rig.plan = a_plan(runbook=Runbook(report=ReportRule()))
    signing.rig.build()
    await signing.start()
    await signing.speaker.show_sign_off(SERVICE, signing.effect)
    assert not signing.posted()


async def test_reactions_are_read_with_who_they_are_of() -> None:
    signing = await Signing().start()
    with pytest.raises(Retryable):
        await signing.read()
    await signing.speaker.show_sign_off(SERVICE, signing.effect)
    (ts,) = signing.posted()
    signing.rig.chat.marks[ts].add((WANG.user, "white_check_mark"))
    report = await signing.read(WANG.user)
    assert (report.rollout, report.edition, report.actor) == (signing.id, 1, WANG)
    assert (WANG, "white_check_mark") in [(r.person, r.emoji) for r in report.reactions]
    assert (await signing.read(CHEN.user)).actor is None  # taken back meanwhile


async def test_a_deleted_sign_off_is_posted_anew_with_its_emoji() -> None:
    signing = await Signing().start()
    await signing.speaker.show_sign_off(SERVICE, signing.effect)
    (first,) = signing.posted()
    del signing.rig.chat.messages[first]
    assert (await signing.read()).reactions == ()
    (second,) = signing.posted()
    assert second != first
    assert signing.rig.chat.marks[second] == {(BOT, "white_check_mark")}


async def test_a_reaction_that_is_no_signature_is_explained_in_private() -> None:
    signing = await Signing().start()
    await signing.speaker.show_sign_off(SERVICE, signing.effect)
    refused = refuse("signature_not_asked", roles="managers")
    for user in (CHEN.user, ""):
        await signing.speaker.explain_signature(SERVICE, ReadSignatures(signing.id, 1, user=user), refused)
    assert [(who, text) for who, text in signing.rig.chat.whispers] == [(CHEN.user, "error: signature_not_asked")]
