"""Posting, editing and reading against a server that misbehaves."""

from __future__ import annotations

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.engine.ports.chat import ReactionRead
from bot.engine.ports.errors import Final, Gone, Retryable
from bot.engine.ports.rendered import Outgoing
from bot.sandbox.slack import SandboxServer, Workspace
from bot.slack.chat import SlackChat, new_client
from tests.slack.conftest import CHEN, LIN, PRIVATE, RELEASES, WANG

HELLO = Outgoing("hello", ({"type": "section", "text": {"type": "mrkdwn", "text": "*hello*"}},))


@pytest.fixture
def chat(client: AsyncWebClient) -> SlackChat:
    return SlackChat(client)


# -- the token -----------------------------------------------------------------------------------------------------


async def test_the_token_says_who_the_bot_is(chat: SlackChat, ws: Workspace) -> None:
    assert chat.user_id == ""
    await chat.check_token()
    assert (chat.user_id, chat.team_id) == (ws.app.bot_user, ws.team.id)


async def test_a_wrong_token_names_its_mend(server: SandboxServer) -> None:
    with pytest.raises(Final, match=r"invalid_auth: .*set SLACK_BOT_TOKEN"):
        await SlackChat(new_client("xoxb-wrong", server.api_url)).check_token()


async def test_an_app_token_in_its_place_names_its_mend(server: SandboxServer) -> None:
    with pytest.raises(Final, match=r"not_allowed_token_type: .*xoxb-"):
        await SlackChat(new_client(server.app_token, server.api_url)).check_token()


async def test_a_token_without_a_needed_scope_is_refused_at_boot(chat: SlackChat, ws: Workspace) -> None:
    ws.app.scopes -= {"reactions:read", "users:read"}
    with pytest.raises(Final, match="lacks reactions:read, users:read: add them"):
        await chat.check_token()


async def test_a_token_without_a_wanted_scope_only_degrades(chat: SlackChat, ws: Workspace) -> None:
    ws.app.scopes -= {"usergroups:read"}
    await chat.check_token()
    assert chat.user_id


# -- posting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["releases", "#releases", RELEASES])
async def test_a_post_carries_its_key_and_says_where_it_is(chat: SlackChat, ws: Workspace, name: str) -> None:
    channel, ts = await chat.post("card:R1", name, HELLO)
    assert channel == RELEASES
    message = ws.message(RELEASES, ts)
    assert message.text == "hello" and message.blocks[0]["type"] == "section"
    assert message.metadata == {"event_type": "rollout_bot", "event_payload": {"key": "card:R1"}}


async def test_a_reply_stays_in_its_thread_and_is_broadcast_only_where_asked(chat: SlackChat, ws: Workspace) -> None:
    _, ts = await chat.post("card", RELEASES, HELLO)
    _, quiet = await chat.post("tell:1", RELEASES, HELLO, thread_ts=ts)
    _, loud = await chat.post("tell:2", RELEASES, HELLO, thread_ts=ts, broadcast=True)
    assert not ws.message(RELEASES, quiet).broadcast
    assert ws.message(RELEASES, loud).broadcast


async def test_a_channel_that_is_not_there_names_the_mend(chat: SlackChat) -> None:
    with pytest.raises(Retryable, match="correct `channel:`"):
        await chat.post("k", "nowhere", HELLO)
    with pytest.raises(Retryable, match=r"channel_not_found: .*/invite"):
        await chat.post("k", PRIVATE, HELLO)


async def test_names_are_looked_up_once(chat: SlackChat, ws: Workspace) -> None:
    for n in range(3):
        await chat.post(f"k{n}", "releases", HELLO)
    assert ws.calls["conversations.list"] == 1


async def test_a_server_that_lists_no_channels_gets_the_name(chat: SlackChat, ws: Workspace) -> None:
    ws.faults.disable("conversations.list")
    assert (await chat.post("k", "releases", HELLO))[0] == RELEASES


async def test_without_the_scope_for_private_channels_the_public_ones_are_found(chat: SlackChat, ws: Workspace) -> None:
    ws.app.scopes -= {"groups:read"}
    assert (await chat.post("k", "releases", HELLO))[0] == RELEASES


async def test_a_public_channel_is_joined_once_where_that_is_needed(chat: SlackChat, ws: Workspace) -> None:
    ws.channel(RELEASES).members.remove(ws.app.bot_user)
    await chat.post("k", RELEASES, HELLO)
    assert ws.app.bot_user in ws.channel(RELEASES).members
    assert ws.calls["conversations.join"] == 1


async def test_where_it_cannot_join_the_mend_is_an_invitation(chat: SlackChat, ws: Workspace) -> None:
    ws.app.scopes -= {"channels:join"}
    ws.channel(RELEASES).members.remove(ws.app.bot_user)
    for _ in range(2):
        with pytest.raises(Retryable, match=r"not_in_channel: .*/invite"):
            await chat.post("k", RELEASES, HELLO)
    assert ws.calls["conversations.join"] == 1


async def test_refused_blocks_are_sent_as_text(chat: SlackChat, ws: Workspace) -> None:
    _, ts = await chat.post("k", RELEASES, Outgoing("the truth", ({"type": "nonsense"},)))
    assert ws.message(RELEASES, ts).text == "the truth"
    await chat.update(RELEASES, ts, Outgoing("the new truth", ({"type": "nonsense"},)))
    assert ws.message(RELEASES, ts).text == "the new truth" and not ws.message(RELEASES, ts).blocks


# -- finding what a cut-off try posted -------------------------------------------------------------------------------


async def test_a_post_whose_answer_was_lost_is_found_and_not_repeated(chat: SlackChat, ws: Workspace) -> None:
    await chat.check_token()
    ws.faults.lose_responses["chat.postMessage"] = 1
    with pytest.raises(Retryable):
        await chat.post("card:R1", "releases", HELLO)
    found = await chat.find("card:R1", "releases")
    assert found and ws.message(*found).text == "hello"
    assert await chat.find("card:R2", "releases") is None


async def test_it_is_found_at_the_end_of_a_long_thread(chat: SlackChat, ws: Workspace, server: SandboxServer) -> None:
    await chat.check_token()
    _, card = await chat.post("card", RELEASES, HELLO)
    for n in range(450):
        await server.person("chen").post(RELEASES, f"{n}", thread_ts=card)
    channel, ts = await chat.post("tell:1", RELEASES, HELLO, thread_ts=card)
    assert await chat.find("tell:1", RELEASES, card) == (channel, ts)
    assert await chat.find("tell:2", RELEASES, card) is None


async def test_somebody_elses_metadata_is_not_ours(
    chat: SlackChat, client: AsyncWebClient, server: SandboxServer
) -> None:
    await chat.check_token()
    theirs = await server.person("chen").post(RELEASES, "hello")
    theirs.metadata = {"event_type": "rollout_bot", "event_payload": {"key": "card:R1"}}
    other = {"event_type": "another", "event_payload": {"key": "card:R1"}}
    await client.chat_postMessage(channel=RELEASES, text="hello", metadata=other)
    assert await chat.find("card:R1", RELEASES) is None


async def test_where_history_cannot_be_read_nothing_is_found(chat: SlackChat, ws: Workspace) -> None:
    ws.faults.disable("conversations.history")
    await chat.post("k", RELEASES, HELLO)
    assert await chat.find("k", RELEASES) is None


# -- editing -------------------------------------------------------------------------------------------------------


async def test_an_edit_keeps_the_key(chat: SlackChat, ws: Workspace) -> None:
    _, ts = await chat.post("k", RELEASES, HELLO)
    await chat.update(RELEASES, ts, Outgoing("bye"))
    assert ws.message(RELEASES, ts).text == "bye"
    assert await chat.find("k", RELEASES) == (RELEASES, ts)


@pytest.mark.parametrize("code", ["message_not_found", "cant_update_message", "edit_window_closed"])
async def test_a_message_that_cannot_be_edited_is_gone(chat: SlackChat, ws: Workspace, code: str) -> None:
    _, ts = await chat.post("k", RELEASES, HELLO)
    ws.faults.disable("chat.update", error=code)
    with pytest.raises(Gone):
        await chat.update(RELEASES, ts, HELLO)


# -- whispers, emoji, reactions --------------------------------------------------------------------------------------


async def test_a_whisper_is_private(chat: SlackChat, ws: Workspace) -> None:
    await chat.whisper(RELEASES, CHEN, HELLO)
    assert [m.visible_to for m in ws.messages(RELEASES, viewer=CHEN)] == [CHEN]
    assert not ws.messages(RELEASES, viewer=LIN)


async def test_who_has_left_is_not_whispered_to_and_nobody_is_stopped(chat: SlackChat, ws: Workspace) -> None:
    ws.channel(RELEASES).members.remove(CHEN)
    await chat.whisper(RELEASES, CHEN, HELLO)


async def test_seeding_twice_is_seeding_once(chat: SlackChat, ws: Workspace) -> None:
    _, ts = await chat.post("k", RELEASES, HELLO)
    for _ in range(2):
        await chat.seed(RELEASES, ts, ("white_check_mark", "x"))
    assert set(await chat.reactions(RELEASES, ts)) == {
        ReactionRead(ws.app.bot_user, "white_check_mark"),
        ReactionRead(ws.app.bot_user, "x"),
    }


async def test_a_server_without_reactions_add_is_let_be_and_an_outage_is_not(chat: SlackChat, ws: Workspace) -> None:
    _, ts = await chat.post("k", RELEASES, HELLO)
    ws.faults.disable("reactions.add")
    await chat.seed(RELEASES, ts, ("white_check_mark",))
    ws.faults.clear()
    ws.faults.outage = "reset"
    with pytest.raises(Retryable):
        await chat.seed(RELEASES, ts, ("white_check_mark",))


async def test_everybody_who_reacted_is_read(chat: SlackChat, ws: Workspace, server: SandboxServer) -> None:
    _, ts = await chat.post("k", RELEASES, HELLO)
    assert await chat.reactions(RELEASES, ts) == ()
    for name in ("lin", "wang", "zhao", "chen", "guest", "external"):  # the server cuts lists at five unless asked
        await server.person(name).react(RELEASES, ts, "white_check_mark")
    read = await chat.reactions(RELEASES, ts)
    assert len(read) == 6 and ReactionRead(WANG, "white_check_mark") in read


async def test_links_where_there_are_links(chat: SlackChat, ws: Workspace) -> None:
    _, ts = await chat.post("k", RELEASES, HELLO)
    assert ts.replace(".", "") in await chat.permalink(RELEASES, ts)
    ws.faults.disable("chat.getPermalink")
    assert await chat.permalink(RELEASES, ts) == ""
