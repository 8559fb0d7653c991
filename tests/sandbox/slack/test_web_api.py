"""The Web API as AsyncWebClient sees it: shapes and error codes."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import CHANNELS, PEOPLE, RELEASE_MANAGERS, SandboxServer, Workspace

from .conftest import RELEASES, Clock, refusal, refused

METADATA = {"event_type": "card", "event_payload": {"key": "k1"}}


async def test_auth(client: AsyncWebClient, server: SandboxServer) -> None:
    me = await client.auth_test()
    assert me["user_id"] == "U0BOT00001" and me["bot_id"] and me["team_id"] and me["url"] == server.page_url
    assert await refused(AsyncWebClient(base_url=server.api_url).auth_test()) == "not_authed"
    assert await refused(AsyncWebClient(token="xoxb-no", base_url=server.api_url).auth_test()) == "invalid_auth"
    assert await refused(client.apps_connections_open(app_token=server.bot_token)) == "not_allowed_token_type"
    assert await refused(client.api_call("no.such")) == "unknown_method"
    assert (await client.api_test())["ok"]
    assert (await client.team_info())["team"]["id"] == me["team_id"]
    assert (await client.bots_info(bot=me["bot_id"]))["bot"]["user_id"] == me["user_id"]


async def test_token_and_arguments_may_come_as_form_json_or_query(server: SandboxServer) -> None:
    url, token = server.api_url + "chat.postMessage", server.bot_token
    blocks = '[{"type": "divider"}]'
    async with aiohttp.ClientSession() as session:
        form = {"token": token, "channel": "#releases", "text": "form", "blocks": blocks}
        async with session.post(url, data=form) as answer:
            assert (await answer.json())["message"]["blocks"][0]["type"] == "divider"
        async with session.post(url, json={"token": token, "channel": "releases", "text": "json"}) as answer:
            assert (await answer.json())["ok"]
        async with session.get(url, params={"token": token, "channel": RELEASES, "text": "query"}) as answer:
            assert (await answer.json())["ok"]
        async with session.post(url, data=form | {"blocks": "[{"}) as answer:
            assert (await answer.json())["error"] == "invalid_blocks_format"


async def test_post_update_delete(client: AsyncWebClient, ws: Workspace) -> None:
    posted = await client.chat_postMessage(channel="releases", text="hi", metadata=METADATA)
    message = posted["message"]
    assert posted["channel"] == RELEASES and message["ts"] == posted["ts"]
    assert message["user"] == ws.app.bot_user and message["bot_id"] == ws.app.bot_id and message["app_id"] == ws.app.id
    assert message["team"] == ws.team.id and message["metadata"] == METADATA
    second = await client.chat_postMessage(channel=RELEASES, text="later")
    assert second["ts"] > posted["ts"]
    changed = await client.chat_update(channel=RELEASES, ts=posted["ts"], text="ho")
    assert changed["text"] == "ho" and changed["message"]["edited"]["user"] == ws.app.bot_user
    assert changed["message"]["metadata"] == METADATA
    await client.chat_delete(channel=RELEASES, ts=second["ts"])
    assert [m["text"] for m in (await client.conversations_history(channel=RELEASES))["messages"]] == ["ho"]
    assert ws.posts[RELEASES] == 2 and ws.calls["chat.update"] == 1


async def test_refusals_of_posting(client: AsyncWebClient, server: SandboxServer) -> None:
    post = client.chat_postMessage
    assert await refused(post(channel="C0NOWHERE1", text="x")) == "channel_not_found"
    assert await refused(post(channel=CHANNELS["private"], text="x")) == "channel_not_found"
    with pytest.warns(UserWarning, match="text"):
        assert await refused(post(channel=RELEASES, text="")) == "no_text"
    assert await refused(post(channel=RELEASES, text="x", thread_ts="1.000001")) == "thread_not_found"
    bad = {"event_type": "x"}
    assert await refused(post(channel=RELEASES, text="x", metadata=bad)) == "invalid_metadata_schema"
    server.workspace.channel(RELEASES).members.remove("U0BOT00001")
    assert await refused(post(channel=RELEASES, text="x")) == "not_in_channel"
    assert await refused(client.conversations_history(channel=RELEASES)) == "not_in_channel"
    await client.conversations_join(channel=RELEASES)
    long = await post(channel=RELEASES, text="x" * 40_001)
    assert len(long["message"]["text"]) == 40_000
    assert await refused(client.chat_update(channel=RELEASES, ts=long["ts"], text="x" * 4_001)) == "msg_too_long"
    assert await refused(client.chat_update(channel=RELEASES, ts="1.000001", text="x")) == "message_not_found"
    theirs = await server.person("lin").post("releases", "mine")
    assert await refused(client.chat_update(channel=RELEASES, ts=theirs.ts, text="x")) == "cant_update_message"
    assert await refused(client.chat_delete(channel=RELEASES, ts=theirs.ts)) == "cant_delete_message"


async def test_threads_history_and_metadata(client: AsyncWebClient) -> None:
    parent = (await client.chat_postMessage(channel=RELEASES, text="p", metadata=METADATA))["ts"]
    first = await client.chat_postMessage(channel=RELEASES, text="r1", thread_ts=parent)
    shown = await client.chat_postMessage(channel=RELEASES, text="r2", thread_ts=parent, reply_broadcast=True)
    assert first["message"]["thread_ts"] == parent
    history = (await client.conversations_history(channel=RELEASES))["messages"]
    assert [m["text"] for m in history] == ["r2", "p"] and "metadata" not in history[1]
    assert history[1]["reply_count"] == 2 and history[1]["latest_reply"] == shown["ts"]
    assert history[0]["subtype"] == "thread_broadcast"
    full = await client.conversations_history(channel=RELEASES, include_all_metadata=True, limit=1)
    assert full["has_more"]
    rest = await client.conversations_history(
        channel=RELEASES, include_all_metadata=True, limit=1, cursor=full["response_metadata"]["next_cursor"]
    )
    assert rest["messages"][0]["metadata"] == METADATA and not rest["has_more"]
    newer = await client.conversations_history(channel=RELEASES, oldest=parent)
    assert [m["text"] for m in newer["messages"]] == ["r2"]
    exact = await client.conversations_history(channel=RELEASES, oldest=parent, latest=parent, inclusive=True)
    assert [m["text"] for m in exact["messages"]] == ["p"]
    replies = (await client.conversations_replies(channel=RELEASES, ts=parent))["messages"]
    assert [m["text"] for m in replies] == ["p", "r1", "r2"] and replies[1]["parent_user_id"]
    assert await refused(client.conversations_replies(channel=RELEASES, ts="1.1")) == "thread_not_found"
    assert await refused(client.conversations_history(channel=RELEASES, cursor="?")) == "invalid_cursor"
    link = (await client.chat_getPermalink(channel=RELEASES, message_ts=first["ts"]))["permalink"]
    assert f"thread_ts={parent}" in link


async def test_ephemeral_is_for_one_member_and_not_in_the_history(
    client: AsyncWebClient, server: SandboxServer, ws: Workspace
) -> None:
    answer = await client.chat_postEphemeral(channel=RELEASES, user=PEOPLE["lin"], text="psst")
    assert answer["message_ts"]
    assert (await client.conversations_history(channel=RELEASES))["messages"] == []
    assert server.person("lin").sees("releases")[0]["is_ephemeral"] and not server.person("wang").sees("releases")
    ephemeral = client.chat_postEphemeral(channel=RELEASES, user=PEOPLE["gone"], text="x")
    assert await refused(ephemeral) == "user_not_in_channel"
    update = client.chat_update(channel=RELEASES, ts=answer["message_ts"], text="x")
    assert await refused(update) == "message_not_found"


async def test_reactions(client: AsyncWebClient, server: SandboxServer) -> None:
    ts = (await client.chat_postMessage(channel=RELEASES, text="approve?"))["ts"]
    where: dict[str, Any] = {"channel": RELEASES, "timestamp": ts}
    await client.reactions_add(name="white_check_mark", **where)
    assert await refused(client.reactions_add(name="white_check_mark", **where)) == "already_reacted"
    assert await refused(client.reactions_add(name="no_such_emoji", **where)) == "invalid_name"
    assert await refused(client.reactions_add(name="x", channel=RELEASES, timestamp="1.1")) == "message_not_found"
    assert await refused(client.reactions_remove(name="x", **where)) == "no_reaction"
    await server.person("lin").react("releases", ts, "white_check_mark")
    await server.person("lin").react("releases", ts, "+1::skin-tone-3")
    got = (await client.reactions_get(full=True, **where))["message"]["reactions"]
    assert got[0] == {"name": "white_check_mark", "users": ["U0BOT00001", PEOPLE["lin"]], "count": 2}
    assert got[1]["name"] == "+1::skin-tone-3"
    await client.reactions_remove(name="white_check_mark", **where)
    assert len((await client.reactions_list(user=PEOPLE["lin"]))["items"]) == 1
    await client.pins_add(channel=RELEASES, timestamp=ts)
    assert await refused(client.pins_add(channel=RELEASES, timestamp=ts)) == "already_pinned"


async def test_people_and_groups(client: AsyncWebClient) -> None:
    async def user(name: str) -> Any:
        return (await client.users_info(user=PEOPLE[name]))["user"]

    lin = await user("lin")
    assert not lin["is_bot"] and not lin["deleted"] and lin["tz"] == "Asia/Shanghai" and lin["profile"]["email"]
    assert (await user("guest"))["is_restricted"] and (await user("gone"))["deleted"]
    external = await user("external")
    assert external["is_stranger"] and external["team_id"] != lin["team_id"]
    assert (await client.users_info(user="U0BOT00001"))["user"]["is_bot"]
    assert await refused(client.users_info(user="U0NOBODY01")) == "user_not_found"
    assert (await client.users_lookupByEmail(email="lin@example.com"))["user"]["id"] == PEOPLE["lin"]
    assert await refused(client.users_lookupByEmail(email="no@example.com")) == "users_not_found"
    listed = [m["id"] for m in (await client.users_list())["members"]]
    assert PEOPLE["gone"] in listed and PEOPLE["external"] not in listed
    group = (await client.usergroups_list(include_users=True))["usergroups"][0]
    assert group["handle"] == "release-managers" and group["id"] == RELEASE_MANAGERS
    users = (await client.usergroups_users_list(usergroup=RELEASE_MANAGERS))["users"]
    assert users == [PEOPLE["lin"], PEOPLE["wang"], PEOPLE["zhao"]] == group["users"]
    assert await refused(client.usergroups_users_list(usergroup="S0NONE")) == "no_such_subteam"
    assert (await client.users_profile_get(user=PEOPLE["lin"]))["profile"]["display_name"] == "lin"


async def test_conversations(client: AsyncWebClient, ws: Workspace) -> None:
    names = [c["name"] for c in (await client.conversations_list())["channels"]]
    assert names == ["releases", "warnings", "critical"]
    first = await client.conversations_list(limit=2)
    second = await client.conversations_list(limit=2, cursor=first["response_metadata"]["next_cursor"])
    assert len(first["channels"]) == 2 and [c["name"] for c in second["channels"]] == ["critical"]
    assert (await client.conversations_info(channel=RELEASES))["channel"]["is_member"]
    assert PEOPLE["lin"] in (await client.conversations_members(channel=RELEASES))["members"]
    assert await refused(client.conversations_info(channel=CHANNELS["private"])) == "channel_not_found"
    ws.invite(CHANNELS["private"], ws.app.bot_user)
    private = (await client.conversations_list(types="private_channel"))["channels"]
    assert [c["name"] for c in private] == ["war-room"]
    direct = (await client.conversations_open(users=PEOPLE["lin"]))["channel"]["id"]
    assert direct.startswith("D")
    assert (await client.chat_postMessage(channel=PEOPLE["lin"], text="hi"))["channel"] == direct


async def test_files_go_up_in_three_steps(client: AsyncWebClient, server: SandboxServer) -> None:
    ts = (await client.chat_postMessage(channel=RELEASES, text="report"))["ts"]
    answer = await client.files_upload_v2(
        filename="p95.png", content=b"\x89PNG..", title="p95", channel=RELEASES, thread_ts=ts, initial_comment="chart"
    )
    stored = answer["file"]
    assert (await client.files_info(file=stored["id"]))["file"]["title"] == "p95"
    replies = (await client.conversations_replies(channel=RELEASES, ts=ts))["messages"]
    assert replies[1]["files"][0]["id"] == stored["id"] and replies[1]["text"] == "chart"
    async with aiohttp.ClientSession() as session, session.get(stored["url_private"]) as answer_:
        assert await answer_.read() == b"\x89PNG.."
    assert await refused(client.files_info(file="F0NONE")) == "file_not_found"
    missing = client.files_completeUploadExternal(files=[{"id": "F0NONE"}])
    assert await refused(missing) == "file_not_found"


async def test_scopes_can_be_taken_away(client: AsyncWebClient, ws: Workspace) -> None:
    ws.app.scopes.discard("reactions:read")
    response = await refusal(client.reactions_get(channel=RELEASES, timestamp="1.1"))
    assert response["error"] == "missing_scope" and response["needed"] == "reactions:read"
    ws.invite(CHANNELS["private"], ws.app.bot_user)
    ws.app.scopes.discard("groups:history")
    response = await refusal(client.conversations_history(channel=CHANNELS["private"]))
    assert response["needed"] == "groups:history"
    assert (await client.conversations_history(channel=RELEASES))["ok"]
    ws.app.scopes.discard("channels:read")
    assert (await refusal(client.conversations_list()))["needed"] == "channels:read"


async def test_trigger_ids_live_three_seconds_and_serve_once(
    client: AsyncWebClient, ws: Workspace, clock: Clock
) -> None:
    view = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": [{"type": "divider"}]}
    assert await refused(client.views_open(trigger_id="1.2.3", view=view)) == "invalid_trigger_id"
    trigger = ws.trigger_of(PEOPLE["lin"])
    opened = (await client.views_open(trigger_id=trigger, view=view))["view"]
    assert opened["id"].startswith("V") and opened["root_view_id"] == opened["id"] and opened["state"] == {"values": {}}
    assert await refused(client.views_open(trigger_id=trigger, view=view)) == "exchanged_trigger_id"
    late = ws.trigger_of(PEOPLE["lin"])
    clock.ahead = 3.1
    assert await refused(client.views_open(trigger_id=late, view=view)) == "expired_trigger_id"
    changed = (await client.views_update(view_id=opened["id"], view=view, hash=opened["hash"]))["view"]
    stale = client.views_update(view_id=opened["id"], view=view, hash=opened["hash"])
    assert changed["hash"] != opened["hash"] and await refused(stale) == "hash_conflict"
    pushed = (await client.views_push(trigger_id=ws.trigger_of(PEOPLE["lin"]), view=view))["view"]
    assert pushed["previous_view_id"] == opened["id"] and pushed["root_view_id"] == opened["id"]
    await client.views_push(trigger_id=ws.trigger_of(PEOPLE["lin"]), view=view)
    fourth = client.views_push(trigger_id=ws.trigger_of(PEOPLE["lin"]), view=view)
    assert await refused(fourth) == "push_limit_reached"
    assert await refused(client.views_update(view_id="V0", view=view)) == "not_found"


@pytest.mark.parametrize("mode", ["503", "reset"])
async def test_an_outage_answers_nothing_useful(client: AsyncWebClient, ws: Workspace, mode: Any) -> None:
    ws.faults.outage = mode
    expected: type[Exception] = SlackApiError if mode == "503" else aiohttp.ClientError
    client.retry_handlers.clear()
    with pytest.raises(expected):
        await client.chat_postMessage(channel=RELEASES, text="x")
    ws.faults.clear()
    assert (await client.chat_postMessage(channel=RELEASES, text="x"))["ok"]
    assert ws.posts.total() == 1


async def test_rate_limits_lost_answers_and_disabled_methods(client: AsyncWebClient, ws: Workspace) -> None:
    client.retry_handlers.clear()
    ws.faults.rate_limit("chat.postMessage", retry_after=7, times=1)
    response = await refusal(client.chat_postMessage(channel=RELEASES, text="x"))
    assert response.status_code == 429 and response.headers["Retry-After"] == "7" and response["error"] == "ratelimited"
    assert (await client.chat_postMessage(channel=RELEASES, text="x"))["ok"]
    ws.faults.rate_limit("chat.postMessage", retry_after=0, times=1)
    patient = AsyncWebClient(token=client.token, base_url=client.base_url)
    patient.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    assert (await patient.chat_postMessage(channel=RELEASES, text="x"))["ok"]
    ws.faults.rate_limit("*", every=2)
    assert (await client.auth_test())["ok"] and await refused(client.auth_test()) == "ratelimited"
    ws.faults.clear()
    ws.faults.lose_responses["chat.postMessage"] = 1
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=RELEASES, text="posted, but who knows")
    assert ws.posts.total() == 3
    ws.faults.disable("files.getUploadURLExternal", "usergroups.users.list")
    assert await refused(client.usergroups_users_list(usergroup=RELEASE_MANAGERS)) == "unknown_method"
    ws.faults.disable("pins.add", error="method_not_supported")
    assert await refused(client.pins_add(channel=RELEASES, timestamp="1.1")) == "method_not_supported"
