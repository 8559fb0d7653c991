"""The card and what hangs on it, in memory: Slack is away, and messages are deleted at bad moments."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.engine.ports.errors import Gone, Retryable
from bot.rollout.effects import Tell
from bot.rollout.intents import AddNote, RollBack
from bot.rollout.model import Status
from tests.engine.conftest import BOT, LIN, SERVICE, WANG, Rig


async def test_slack_being_away_stops_no_rollback(rig: Rig) -> None:
    await rig.start()
    await rig.react(WANG.user)
    rig.chat.fail = [Retryable("away", 1.0) for _ in range(20)]
    await rig.rollouts.submit(SERVICE, RollBack(LIN, ""))
    await rig.work()
    assert rig.shares() == {0.0}
    rig.chat.fail = []
    rig.now += 60
    await rig.work()
    assert "rolled_back" in rig.chat.by_key("card:")[0]["text"]


async def test_a_deleted_card_is_posted_anew(rig: Rig) -> None:
    await rig.start()
    card = rig.chat.by_key("card:")[0]["ts"]
    del rig.chat.messages[card]
    await rig.react(WANG.user)
    await rig.tick(4)
    assert len(rig.chat.by_key("card:")) == 1


async def test_a_line_for_a_deleted_card_brings_the_card_back(rig: Rig) -> None:
    await rig.start()
    card = rig.chat.by_key("card:")[0]["ts"]
    del rig.chat.messages[card]
    await rig.rollouts.submit(SERVICE, AddNote(LIN, "looking into it"))
    rig.chat.fail = [Gone("thread_not_found")]
    claimed = [c for c in await rig.store.claim("me", rig.now, 15.0, 16) if isinstance(c.effect, Tell)]
    await rig.worker._run(claimed[0])
    cards = rig.chat.by_key("card:")
    assert len(cards) == 1
    assert [m["thread"] for m in rig.chat.by_key(claimed[0].key)] == [cards[0]["ts"]]


async def test_a_card_deleted_behind_an_edit_under_way_is_posted_anew_for_the_line(rig: Rig) -> None:
    """The edit came through just before, and its end must not pass for a card that is there."""
    rollout = await rig.start()
    card = rig.chat.by_key("card:")[0]["ts"]
    await rig.rollouts.submit(SERVICE, AddNote(LIN, "looking into it"))
    update, edited, on = rig.chat.update, asyncio.Event(), asyncio.Event()

    async def update_slowly(*args: object) -> None:
        await update(*args)  # type: ignore[arg-type]
        edited.set()
        await on.wait()

    rig.chat.update = update_slowly  # type: ignore[method-assign, assignment]
    known = await rig.store.message(f"card:{rollout.id}")
    assert known
    await rig.store.put_message(replace(known, digest="of what it said before"))
    claimed = [c for c in await rig.store.claim("me", rig.now, 15.0, 16) if isinstance(c.effect, Tell)]
    showing = asyncio.create_task(rig.speaker.show_card(SERVICE, rollout.id))
    await asyncio.wait_for(edited.wait(), 10)
    del rig.chat.messages[card]
    rig.chat.update = update  # type: ignore[method-assign]
    rig.chat.fail = [Gone("thread_not_found")]
    telling = asyncio.create_task(rig.worker._run(claimed[0]))
    for _ in range(50):  # turns of the loop: the line has met the deleted card, and can go no further
        await asyncio.sleep(0)
    assert not rig.chat.fail
    on.set()
    await asyncio.wait_for(asyncio.gather(showing, telling), 10)
    cards = rig.chat.by_key("card:")
    assert len(cards) == 1 and cards[0]["ts"] != card
    assert [m["thread"] for m in rig.chat.by_key(claimed[0].key)] == [cards[0]["ts"]]


async def test_an_asking_that_was_deleted_is_asked_again(rig: Rig) -> None:
    await rig.start()
    asking = rig.chat.by_key("approval:")[0]["ts"]
    del rig.chat.messages[asking]
    await rig.tick(40)
    again = [m for m in rig.chat.by_key("approval:") if not m["thread"]]
    assert len(again) == 1 and again[0]["ts"] != asking
    assert rig.chat.marks[again[0]["ts"]] >= {(BOT, "white_check_mark"), (BOT, "x")}
    await rig.react(WANG.user)
    assert (await rig.rollout()).status is Status.SHIFTING or rig.shares() == {10.0}


async def test_a_deleted_card_is_posted_anew_once_though_the_answer_to_it_is_lost(rig: Rig) -> None:
    await rig.start()
    del rig.chat.messages[rig.chat.by_key("card:")[0]["ts"]]
    post, lost = rig.chat.post, []

    async def post_and_lose(key: str, *args: object, **facts: object) -> tuple[str, str]:
        where = await post(key, *args, **facts)  # type: ignore[arg-type]
        if key.startswith("card:") and not lost:
            lost.append(where)
            raise Retryable("the answer was lost", 0.0)
        return where

    rig.chat.post = post_and_lose  # type: ignore[method-assign, assignment]
    await rig.react(WANG.user)
    await rig.tick(4)
    assert lost
    assert len(rig.chat.by_key("card:")) == 1
