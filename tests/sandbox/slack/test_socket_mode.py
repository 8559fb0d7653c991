"""The real slack-bolt app over Socket Mode."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import PEOPLE, SandboxServer, Workspace

from .conftest import RELEASES, bolt_app, connected


async def test_a_slash_command_reaches_the_app_and_its_ack_is_seen_by_that_person_alone(
    server: SandboxServer, ws: Workspace
) -> None:
    app = bolt_app(server)
    seen: list[dict[str, Any]] = []

    @app.command("/rollout")
    async def rollout(ack: Any, command: dict[str, Any]) -> None:
        seen.append(command)
        await ack("at 10 %")

    async with connected(server, app):
        outcome = await server.person("lin").command("/rollout status now", "releases")
    assert outcome.ok and outcome.text == "at 10 %"
    assert seen[0]["text"] == "status now" and seen[0]["user_id"] == PEOPLE["lin"]
    assert seen[0]["channel_name"] == "releases" and seen[0]["api_app_id"] == ws.app.id
    assert [m["text"] for m in server.person("lin").sees("releases")] == ["at 10 %"]
    assert server.person("wang").sees("releases") == []
    assert sum(ws.posts.values()) == 0


async def test_messages_mentions_and_reactions_arrive_as_events(server: SandboxServer, ws: Workspace) -> None:
    app = bolt_app(server)
    seen: list[dict[str, Any]] = []

    @app.event("app_mention")
    @app.event("message")
    @app.event("reaction_added")
    @app.event("reaction_removed")
    async def note(event: dict[str, Any], body: dict[str, Any]) -> None:
        assert body["type"] == "event_callback" and body["authorizations"][0]["user_id"] == ws.app.bot_user
        seen.append(event)

    lin = server.person("lin")
    async with connected(server, app):
        first = await lin.post("releases", f"hello <@{ws.app.bot_user}> 1 < 2")
        await lin.post("releases", "in the thread", thread_ts=first.ts)
        await server.person("wang").react("releases", first.ts, "white_check_mark")
        await server.person("wang").unreact("releases", first.ts, "white_check_mark")
        await ws.wait_for(lambda e: e["kind"] == "delivery.acked" and e["name"] == "reaction_removed")
    by_type: dict[str, list[dict[str, Any]]] = {}
    for event in seen:
        by_type.setdefault(event["type"], []).append(event)
    assert {kind: len(events) for kind, events in by_type.items()} == {
        "message": 2,
        "app_mention": 1,
        "reaction_added": 1,
        "reaction_removed": 1,
    }
    top, reply = sorted(by_type["message"], key=lambda e: e["ts"])
    assert top["text"] == f"hello <@{ws.app.bot_user}> 1 &lt; 2" and top["channel_type"] == "channel"
    assert reply["thread_ts"] == first.ts and reply["parent_user_id"] == PEOPLE["lin"]
    reaction = by_type["reaction_added"][0]
    assert reaction["item"] == {"type": "message", "channel": RELEASES, "ts": first.ts}
    assert reaction["user"] == PEOPLE["wang"] and reaction["item_user"] == PEOPLE["lin"] and reaction["event_ts"]


async def test_a_button_opens_a_modal_whose_errors_come_back_and_whose_values_arrive(
    server: SandboxServer, client: AsyncWebClient
) -> None:
    app = bolt_app(server)
    payloads: dict[str, Any] = {}
    modal = {
        "type": "modal",
        "callback_id": "why",
        "title": {"type": "plain_text", "text": "Roll back"},
        "submit": {"type": "plain_text", "text": "Yes"},
        "notify_on_close": True,
        "blocks": [
            {
                "type": "input",
                "block_id": "reason",
                "label": {"type": "plain_text", "text": "Why"},
                "element": {"type": "plain_text_input", "action_id": "text"},
            }
        ],
    }

    @app.action("rollback")
    async def pressed(ack: Any, body: dict[str, Any]) -> None:
        payloads["action"] = body
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal)

    @app.view("why")
    async def submitted(ack: Any, view: dict[str, Any]) -> None:
        text = view["state"]["values"]["reason"]["text"]["value"]
        payloads["text"] = text
        await (ack(response_action="errors", errors={"reason": "too short"}) if len(text) < 3 else ack())

    @app.view_closed("why")
    async def closed(ack: Any, view: dict[str, Any]) -> None:
        payloads["closed"] = view["id"]
        await ack()

    dialog = {
        "title": {"type": "plain_text", "text": "Sure?"},
        "text": {"type": "mrkdwn", "text": "*really*"},
        "confirm": {"type": "plain_text", "text": "Yes"},
        "deny": {"type": "plain_text", "text": "No"},
    }
    button = {"type": "button", "text": {"type": "plain_text", "text": "Roll back"}, "action_id": "rollback"}
    blocks = [{"type": "actions", "elements": [button | {"value": "R-1", "confirm": dialog}]}]
    lin = server.person("lin")
    async with connected(server, app):
        posted = await client.chat_postMessage(channel=RELEASES, text="card", blocks=blocks)
        with pytest.raises(Exception, match="confirmation_required"):
            await lin.click(RELEASES, posted["ts"], "rollback")
        outcome = await lin.click(RELEASES, posted["ts"], "rollback", confirmed=True, wait=2)
        view = outcome.views[0]
        action = payloads["action"]
        assert action["actions"][0]["value"] == "R-1" and action["container"]["message_ts"] == posted["ts"]
        assert action["channel"]["id"] == RELEASES and action["message"]["bot_id"] and action["response_url"]
        assert (await lin.submit(view["id"], {"reason": {"text": "x"}})).errors == {"reason": "too short"}
        with pytest.raises(Exception, match="missing_input"):
            await lin.submit(view["id"])
        assert (await lin.submit(view["id"], {"reason": {"text": "errors at 12 %"}})).ok
        assert payloads["text"] == "errors at 12 %"
        again = (await lin.click(RELEASES, posted["ts"], "rollback", confirmed=True, wait=2)).views[0]
        await lin.close_view(again["id"])
        assert payloads["closed"] == again["id"]


async def test_the_app_home_is_opened_and_published(
    server: SandboxServer, client: AsyncWebClient, ws: Workspace
) -> None:
    app = bolt_app(server)

    @app.event("app_home_opened")
    async def opened(event: dict[str, Any]) -> None:
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": [{"type": "divider"}]})

    async with connected(server, app):
        await server.person("lin").open_home()
        entry = await ws.wait_for(lambda e: e["kind"] == "view.published")
    assert entry["user"] == PEOPLE["lin"] and entry["view"]["type"] == "home"


async def test_an_event_that_is_not_acked_comes_again_with_the_same_event_id(
    server: SandboxServer, ws: Workspace
) -> None:
    ticket = (
        await AsyncWebClient(token=server.app_token, base_url=server.api_url).apps_connections_open(
            app_token=server.app_token
        )
    )["url"]
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(ticket) as socket:
            assert (await socket.receive_json())["type"] == "hello"
            await server.person("lin").post("releases", "hi")
            envelopes = [await socket.receive_json() for _ in range(3)]
            await socket.send_json({"envelope_id": envelopes[2]["envelope_id"]})
            await ws.wait_for(lambda e: e["kind"] == "delivery.acked")
        assert [e["retry_attempt"] for e in envelopes] == [0, 1, 2]
        assert [e["retry_reason"] for e in envelopes] == ["", "timeout", "timeout"]
        assert len({e["payload"]["event_id"] for e in envelopes}) == 1
        assert len({e["envelope_id"] for e in envelopes}) == 3
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(ticket)


async def test_an_event_under_way_when_the_app_dies_comes_again_after_it_is_back(
    server: SandboxServer, ws: Workspace
) -> None:
    app_client = AsyncWebClient(token=server.app_token, base_url=server.api_url)

    async def address() -> str:
        return str((await app_client.apps_connections_open(app_token=server.app_token))["url"])

    ws.timing.retry_after = (0.0, 0.2)
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(await address()) as socket:
            await socket.receive_json()
            await server.person("lin").post("releases", "hi")
            first = await socket.receive_json()
        async with session.ws_connect(await address()) as socket:
            await socket.receive_json()
            again = await socket.receive_json()
            await socket.send_json({"envelope_id": again["envelope_id"]})
            await ws.wait_for(lambda e: e["kind"] == "delivery.acked")
    assert again["payload"] == first["payload"] and again["retry_attempt"] in (1, 2)
    assert again["retry_reason"] in ("connection_closed", "no_connection")


async def test_ten_connections_are_the_most(server: SandboxServer, ws: Workspace) -> None:
    app_client = AsyncWebClient(token=server.app_token, base_url=server.api_url)
    async with aiohttp.ClientSession() as session:
        kinds = []
        sockets = []
        for _ in range(11):
            url = (await app_client.apps_connections_open(app_token=server.app_token))["url"]
            sockets.append(await session.ws_connect(url))
            hello = await sockets[-1].receive_json()
            kinds.append(hello["type"] if hello["type"] == "hello" else hello["reason"])
        for socket in sockets:
            await socket.close()
    assert kinds == ["hello"] * 10 + ["too_many_websockets"]


async def test_a_command_without_ack_shows_a_timeout_and_is_not_repeated(server: SandboxServer, ws: Workspace) -> None:
    app = bolt_app(server)
    calls = []

    @app.command("/rollout")
    async def silent(command: dict[str, Any]) -> None:
        calls.append(command)

    app_without_ack = app
    async with connected(server, app_without_ack):
        outcome = await server.person("lin").command("/rollout", "releases")
    assert not outcome.ok and outcome.error in ("operation_timeout", "dispatch_failed") and len(calls) == 1
    assert (await server.person("lin").command("/rollout", "releases")).error == "dispatch_failed"
    with pytest.raises(Exception, match="unknown_command"):
        await server.person("lin").command("/other", "releases")


async def test_faults_repeat_reorder_delay_and_dropped_acks(server: SandboxServer, ws: Workspace) -> None:
    app = bolt_app(server)
    seen: list[tuple[str, str]] = []

    @app.event("message")
    async def note(event: dict[str, Any], body: dict[str, Any]) -> None:
        seen.append((event["text"], body["event_id"]))

    lin = server.person("lin")

    async def acked(count: int, since: int) -> None:
        for _ in range(count):
            since = (await ws.wait_for(lambda e: e["kind"] == "delivery.acked", since=since))["seq"]

    async with connected(server, app):
        ws.faults.repeat = True
        start = ws.log.cursor
        await lin.post("releases", "twice")
        await acked(2, start)
        assert len(seen) == 2 and len(set(seen)) == 1
        ws.faults.clear()
        ws.faults.reorder = True
        start = ws.log.cursor
        await lin.post("releases", "first")
        await lin.post("releases", "second")
        await acked(2, start)
        assert [text for text, _ in seen[2:]] == ["second", "first"]
        ws.faults.clear()
        ws.faults.drop_acks = 1
        start = ws.log.cursor
        await lin.post("releases", "again")
        await acked(1, start)
        assert len(seen) == 6 and seen[4] == seen[5]
        ws.faults.delay = 0.05
        start = ws.log.cursor
        await lin.post("releases", "late")
        assert not [e for e in ws.log.since(start) if e["kind"] == "delivery.sent"]
        await acked(1, start)


@pytest.mark.parametrize(("reason", "close"), [("refresh_requested", False), ("warning", False), ("", True)])
async def test_the_app_comes_back_after_a_disconnect(
    server: SandboxServer, ws: Workspace, reason: str, close: bool
) -> None:
    app = bolt_app(server)

    @app.command("/rollout")
    async def rollout(ack: Any) -> None:
        await ack("here")

    async with connected(server, app):
        start = ws.log.cursor
        assert await server.disconnect_sockets(reason, close=close) == 1
        await ws.wait_for(lambda e: e["kind"] == "socket.connected", since=start)
        assert (await server.person("lin").command("/rollout", "releases")).text == "here"


async def test_several_connections_share_the_deliveries(server: SandboxServer, ws: Workspace) -> None:
    counts = [0, 0]
    first, second = bolt_app(server), bolt_app(server)
    for number, app in enumerate((first, second)):

        def listen(app: Any = app, number: int = number) -> None:
            @app.event("message")
            async def note() -> None:
                counts[number] += 1

        listen()
    async with connected(server, first), connected(server, second):
        await asyncio.gather(*(server.person("lin").post("releases", f"m{n}") for n in range(4)))
        seen = 0
        for _ in range(4):
            seen = (await ws.wait_for(lambda e: e["kind"] == "delivery.acked", since=seen))["seq"]
    assert counts == [2, 2]
