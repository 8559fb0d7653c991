"""Slack's requests in: what is committed, what is acknowledged, what is answered."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.engine.ports.errors import Away, Retryable
from bot.engine.ports.rendered import Outgoing
from bot.rollout.model import Person, Status
from bot.sandbox.slack.errors import SlackError
from tests.slack.conftest import LIN, RELEASES, WANG, Edge


async def test_a_command_is_committed_and_answered_in_private(edge: Edge) -> None:
    outcome = await edge.server.person("lin").command("/rollout start shop “2.0.0” the fix", RELEASES)
    assert outcome.ok
    assert "has started" in outcome.text
    assert not outcome.public
    assert (await edge.rollout()).reason == "the fix"
    assert edge.ws.calls["response_url"] == 0  # the acknowledgement carried it


async def test_the_first_request_needs_no_slack(edge: Edge) -> None:
    """Going back waits for nothing: not for auth.test either, which Bolt would ask for by itself."""
    await edge.desk.start("shop", "2.0.0", Person(LIN), "", None)
    edge.ws.calls.clear()
    edge.ws.faults.outage = "reset"
    outcome = await edge.server.person("chen").command("/rollout rollback", RELEASES, wait=0)
    assert outcome.ok
    assert (await edge.rollout()).status is Status.CANCELLED
    assert edge.ws.calls["auth.test"] == 0


async def test_a_command_that_comes_twice_is_done_once_and_answered_alike(edge: Edge) -> None:
    edge.ws.faults.repeat = True
    outcome = await edge.server.person("lin").command("/rollout start shop 2.0.0", RELEASES)
    assert outcome.ok
    sent = [e["id"] for e in edge.ws.log.since(0) if e["kind"] == "delivery.sent"]
    assert len(sent) == 2 and len(set(sent)) == 1
    assert "has started" in outcome.text
    first, second = await edge.acked("/rollout", 2)
    assert first == second
    assert len(await edge.desk.history("shop")) == 1


async def test_a_slow_answer_comes_by_the_response_url_once(edge: Edge) -> None:
    edge.store.slow = 0.4
    outcome = await edge.server.person("lin").command("/rollout start shop 2.0.0", RELEASES)
    assert outcome.ok and "has started" in outcome.text
    assert edge.ws.calls["response_url"] == 1


async def test_what_could_not_be_recorded_is_said_and_nothing_changed(edge: Edge) -> None:
    edge.store.broken = Retryable("the disk is full")
    outcome = await edge.server.person("lin").command("/rollout start shop 2.0.0", RELEASES)
    assert outcome.ok
    assert "the disk is full" in outcome.text and "Nothing was changed" in outcome.text
    edge.store.broken = None
    assert (await edge.desk.state("shop")).rollout is None


async def test_a_database_that_is_away_is_owned_up_to(edge: Edge) -> None:
    edge.store.broken = Away("connection refused at 10.0.0.5")
    outcome = await edge.server.person("lin").command("/rollout start shop 2.0.0", RELEASES)
    assert "database does not answer" in outcome.text and "/rollout status" in outcome.text
    assert "Nothing was changed" not in outcome.text  # a connection lost in the middle leaves that open
    assert "10.0.0.5" not in outcome.text


async def test_an_error_nobody_foresaw_claims_nothing(edge: Edge) -> None:
    edge.store.broken = KeyError("xoxb-secret")
    outcome = await edge.server.person("lin").command("/rollout start shop 2.0.0", RELEASES)
    assert "KeyError" in outcome.text
    assert "Nothing was changed" not in outcome.text and "secret" not in outcome.text


@pytest.mark.parametrize("who", ["guest", "external"])
async def test_who_may_not_is_told_so(edge: Edge, who: str) -> None:
    outcome = await edge.server.person(who).command("/rollout start shop 2.0.0", RELEASES)
    assert "may not start" in outcome.text
    assert (await edge.desk.state("shop")).rollout is None


async def test_a_button_is_the_command_of_its_card(edge: Edge) -> None:
    await edge.asking()
    card = await edge.ts_of(f"card:{(await edge.rollout()).id}")
    with pytest.raises(SlackError, match="confirmation_required"):
        await edge.server.person("chen").click(RELEASES, card, "rollout.rollback")
    outcome = await edge.server.person("chen").click(RELEASES, card, "rollout.rollback", confirmed=True, wait=2)
    assert outcome.ok and "is cancelled" in outcome.text
    assert (await edge.rollout()).status is Status.CANCELLED
    # The card is the worker's to change, and stays where it is.
    assert [m["ts"] for m in edge.server.person("lin").sees(RELEASES)].count(card) == 1


async def test_a_button_pressed_twice_by_slack_is_pressed_once(edge: Edge) -> None:
    await edge.asking()
    card = await edge.ts_of(f"card:{(await edge.rollout()).id}")
    edge.ws.faults.repeat = True
    outcome = await edge.server.person("lin").click(RELEASES, card, "rollout.pause", wait=2)
    assert "is paused" in outcome.text
    assert "already" not in outcome.text
    await edge.acked("rollout.pause", 2)
    assert (await edge.rollout()).paused_by == LIN


async def test_a_button_of_an_older_card_acts_on_nothing(edge: Edge) -> None:
    await edge.asking()
    first = await edge.rollout()
    card = await edge.ts_of(f"card:{first.id}")
    await edge.server.person("lin").command("/rollout rollback", RELEASES)
    await edge.server.person("lin").command("/rollout start shop 3.0.0", RELEASES)
    outcome = await edge.server.person("lin").click(RELEASES, card, "rollout.rollback", confirmed=True, wait=2)
    assert "earlier rollout" in outcome.text
    assert (await edge.rollout()).status is Status.AWAITING_APPROVAL


async def test_a_button_says_when_nothing_could_be_recorded(edge: Edge) -> None:
    await edge.asking()
    card = await edge.ts_of(f"card:{(await edge.rollout()).id}")
    edge.store.broken = Retryable("the disk is full")
    outcome = await edge.server.person("lin").click(RELEASES, card, "rollout.pause", wait=2)
    assert outcome.ok and "the disk is full" in outcome.text


async def test_a_reaction_on_the_asking_is_committed_once_an_event(edge: Edge) -> None:
    asking = await edge.asking()
    edge.ws.faults.repeat = True
    await edge.server.person("wang").react(RELEASES, asking, "white_check_mark")
    await edge.acked("reaction_added", 2)
    (read,) = await edge.reads()
    assert (read.user, read.emoji, read.stage, read.attempt) == (WANG, "white_check_mark", "10%", 1)


async def test_a_withdrawn_reaction_has_the_asking_read_again(edge: Edge) -> None:
    asking = await edge.asking()
    await edge.server.person("wang").react(RELEASES, asking, "white_check_mark")
    await edge.server.person("wang").unreact(RELEASES, asking, "white_check_mark")
    await edge.acked("reaction_removed")
    assert {r.user for r in await edge.reads()} == {WANG, ""}


async def test_a_reaction_that_could_not_be_recorded_comes_again(edge: Edge) -> None:
    edge.ws.timing.ack = 1.0  # how long it waits until it sends it again
    asking = await edge.asking()
    edge.store.broken = Retryable("locked")
    await edge.server.person("wang").react(RELEASES, asking, "white_check_mark")
    await edge.ws.wait_for(lambda e: e["kind"] == "delivery.sent" and e["attempt"] == 1)
    edge.store.broken = None
    await edge.acked("reaction_added")
    assert [r.user for r in await edge.reads()] == [WANG]


async def test_the_bots_own_emoji_are_nobodys_word(edge: Edge) -> None:
    asking = await edge.asking()
    await edge.chat.seed(RELEASES, asking, ("white_check_mark", "x"))
    await edge.acked("reaction_added", 2)
    assert not await edge.reads()


@pytest.mark.parametrize("where", ["card", "tell", "diff"])
async def test_an_approval_on_another_message_is_explained_once(edge: Edge, where: str) -> None:
    await edge.asking()
    rollout = await edge.rollout()
    key = {"card": f"card:{rollout.id}", "tell": f"tell:{rollout.id}:1"}.get(where, f"approval:{rollout.id}:10%:1:diff")
    ts = await edge.ts_of(key) if where == "card" else await edge.say(key, Outgoing("a line"))
    cursor = edge.ws.log.cursor
    wang = edge.server.person("wang")
    await wang.react(RELEASES, ts, "white_check_mark::skin-tone-3" if where == "tell" else "white_check_mark")
    entry = await edge.ws.wait_message("does not count", channel=RELEASES, since=cursor)
    assert entry["user"] == WANG
    await wang.react(RELEASES, ts, "x")
    await edge.acked("reaction_added", 2)
    await edge.listeners.stop()  # whatever was still to be said has been said
    assert len([m for m in wang.sees(RELEASES) if m.get("is_ephemeral") and "does not count" in m["text"]]) == 1
    assert not await edge.reads()


async def test_other_emoji_and_other_peoples_messages_are_let_be(edge: Edge) -> None:
    await edge.asking()
    card = await edge.ts_of(f"card:{(await edge.rollout()).id}")
    theirs = await edge.server.person("chen").post(RELEASES, "lunch?")
    cursor = edge.ws.log.cursor
    await edge.server.person("wang").react(RELEASES, card, "tada")
    await edge.server.person("wang").react(RELEASES, theirs.ts, "white_check_mark")
    await edge.acked("reaction_added", 2)
    assert not [e for e in edge.ws.log.since(cursor) if e["kind"] == "message.ephemeral"]
    assert not await edge.reads()


async def test_events_nobody_asked_for_are_acknowledged(edge: Edge) -> None:
    await edge.server.person("lin").post(RELEASES, "hello")
    await edge.acked("message")
    await edge.server.person("lin").open_home()
    await edge.acked("app_home_opened")
    assert not [e for e in edge.ws.log.since(0) if e["kind"] == "delivery.sent" and e["attempt"] > 0]


async def test_a_mention_is_the_command_answered_in_private(edge: Edge) -> None:
    lin = edge.server.person("lin")
    await lin.post(RELEASES, f"<@{edge.ws.app.bot_user}> start shop 2.0.0")
    entry = await edge.ws.wait_message("has started", channel=RELEASES)
    assert (entry["kind"], entry["user"]) == ("message.ephemeral", LIN)
    assert (await edge.rollout()).version == "2.0.0"


async def test_a_mention_that_comes_twice_is_done_once(edge: Edge) -> None:
    edge.ws.faults.repeat = True
    await edge.server.person("lin").post(RELEASES, f"<@{edge.ws.app.bot_user}> start shop 2.0.0")
    await edge.ws.wait_message("has started", channel=RELEASES)
    await edge.acked("app_mention")
    assert len(await edge.desk.history("shop")) == 1


async def test_after_the_stop_nothing_is_taken(edge: Edge) -> None:
    await edge.listeners.stop()
    outcome = await edge.server.person("lin").command("/rollout start shop 2.0.0", RELEASES)
    assert "being stopped" in outcome.text
    assert (await edge.desk.state("shop")).rollout is None


async def test_fifty_at_once_are_all_answered(edge: Edge) -> None:
    lin = edge.server.person("lin")
    outcomes = await asyncio.gather(*(lin.command("/rollout status", RELEASES) for _ in range(50)))
    assert all(o.ok for o in outcomes)
    assert edge.ws.calls["users.info"] <= 50


async def test_a_stage_named_with_a_colon_is_still_found(edge: Edge) -> None:
    await edge.asking()
    rollout = await edge.rollout()
    ts = await edge.say(f"approval:{rollout.id}:eu: 10%:2", Outgoing("asking"))
    await edge.server.person("wang").react(RELEASES, ts, "white_check_mark")
    await edge.acked("reaction_added")
    (read,) = await edge.reads()
    assert (read.stage, read.attempt) == ("eu: 10%", 2)
    assert replace(read, serial="").rollout == rollout.id
