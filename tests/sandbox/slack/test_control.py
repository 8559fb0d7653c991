"""The control API and the page, as another process or a browser uses them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import PEOPLE, Extension, PageOptions, SandboxServer, Usage, Workspace
from bot.sandbox.slack.control.page import FOLDER
from bot.sandbox.slack.eventlog import EventLog

from .conftest import RELEASES, bolt_app, connected

Json = dict[str, Any]


class Remote:
    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session = session
        self._base = base

    async def get(self, path: str, **query: Any) -> Json:
        async with self._session.get(self._base + path, params=query) as answer:
            return dict(await answer.json())

    async def post(self, path: str, **body: Any) -> Json:
        async with self._session.post(self._base + path, json=body) as answer:
            return dict(await answer.json())


@pytest.fixture
async def remote(server: SandboxServer) -> AsyncIterator[Remote]:
    async with aiohttp.ClientSession() as session:
        yield Remote(session, server.control_url)


async def test_acting_and_reading(remote: Remote, server: SandboxServer, client: AsyncWebClient) -> None:
    posted = (await remote.post("post", **{"as": "lin"}, channel="releases", text="<b>& @"))["message"]
    assert posted["text"] == "&lt;b&gt;&amp; @"
    ts = posted["ts"]
    assert (await remote.post("react", **{"as": "wang"}, channel="releases", ts=ts, name="x"))["ok"]
    again = await remote.post("react", **{"as": "wang"}, channel="releases", ts=ts, name="x")
    assert not again["ok"] and again["error"] == "already_reacted"
    assert (await remote.post("unreact", **{"as": "wang"}, channel="releases", ts=ts, name="x"))["ok"]
    await client.chat_postEphemeral(channel=RELEASES, user=PEOPLE["lin"], text="psst")
    await remote.post("post", **{"as": "zhao"}, channel="releases", text="reply", thread_ts=ts)
    seen = (await remote.get("messages", channel="releases", **{"as": "lin"}))["messages"]
    assert [m["text"] for m in seen] == [posted["text"], "psst", "reply"]
    thread = (await remote.get("messages", channel="releases", thread=ts))["messages"]
    assert [m["text"] for m in thread] == [posted["text"], "reply"]
    newest = (await remote.get("messages", channel="releases", newest=1, **{"as": "lin"}))["messages"]
    assert [m["text"] for m in newest] == ["psst"]
    state = await remote.get("state")
    assert {c["name"] for c in state["channels"]} >= {"releases", "war-room"} and state["groups"][0]["users"]
    assert (await remote.get("counters"))["total_posts"] == 2
    assert (await remote.get("views"))["views"] == [] and (await remote.get("deliveries"))["deliveries"]
    assert (await remote.get("emoji"))["emoji"]["white_check_mark"] == "✅"
    denied = await remote.post("post", **{"as": "gone"}, channel="releases", text="x")
    assert denied["error"] == "account_inactive"
    assert (await remote.post("post", **{"as": "nobody"}, channel="releases", text="x"))["error"] == "user_not_found"
    assert (await remote.post("post", **{"as": "lin"}, channel="releases"))["error"] == "invalid_arguments"
    hidden = await remote.post("post", **{"as": "zhao"}, channel="war-room", text="x")
    assert hidden["error"] == "channel_not_found"
    assert (await remote.post("delete", **{"as": "lin"}, channel="releases", ts=ts))["ok"]


async def test_commands_buttons_and_home_over_http(
    remote: Remote, server: SandboxServer, client: AsyncWebClient
) -> None:
    app = bolt_app(server)

    @app.command("/rollout")
    async def rollout(ack: Any, respond: Any) -> None:
        await ack()
        await respond("no rollout is active")

    @app.action("go")
    async def go(ack: Any) -> None:
        await ack()

    button = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go"}
    words = {name: {"type": "plain_text", "text": "x"} for name in ("title", "text", "confirm", "deny")}
    blocks = [{"type": "actions", "elements": [button | {"confirm": words}]}]
    async with connected(server, app):
        result = await remote.post("command", **{"as": "lin"}, channel="releases", text="/rollout status")
        assert result["ok"] and result["text"] == "no rollout is active"
        ts = (await client.chat_postMessage(channel=RELEASES, text="card", blocks=blocks))["ts"]
        press = {"as": "lin", "channel": RELEASES, "ts": ts, "action_id": "go"}
        refused = await remote.post("click", **press)
        assert refused["error"] == "confirmation_required" and refused["confirm"]["title"]
        assert (await remote.post("click", **press, confirmed=True))["ok"]
        assert (await remote.post("click", **press | {"action_id": "no"}))["error"] == "action_not_found"
        assert (await remote.post("home", **{"as": "lin"}))["ok"]
        assert (await remote.post("disconnect", reason="warning"))["connections"] == 1


async def test_waiting_with_a_cursor(remote: Remote, server: SandboxServer) -> None:
    cursor = (await remote.get("state"))["cursor"]
    waiting = asyncio.create_task(remote.get("wait", cursor=cursor, kind="message.", timeout=5))
    await server.person("lin").post("releases", "now")
    answer = await waiting
    assert [e["text"] for e in answer["entries"]] == ["now"] and answer["cursor"] > cursor
    empty = await remote.get("wait", cursor=answer["cursor"], kind="message.", timeout=0)
    assert empty["entries"] == []


async def test_faults_over_http(remote: Remote, ws: Workspace, client: AsyncWebClient) -> None:
    rule = {"chat.postMessage": {"retry_after": 2, "times": 1}}
    set_ = await remote.post("faults", rate_limits=rule, delay=1, repeat=True, missing_scopes=["reactions:read"])
    assert set_["faults"]["rate_limits"]["chat.postMessage"]["retry_after"] == 2
    assert set_["missing_scopes"] == ["reactions:read"] and ws.faults.delay == 1.0 and ws.faults.repeat
    assert (await remote.post("faults", nonsense=1))["error"] == "invalid_arguments"
    assert (await remote.post("faults", outage="maybe"))["error"] == "invalid_arguments"
    cleared = await remote.post("faults", clear=True)
    assert not cleared["faults"]["rate_limits"] and cleared["missing_scopes"] == []
    assert (await remote.post("user", user="wang", deleted=True))["user"]["deleted"]
    assert (await client.users_info(user=PEOPLE["wang"]))["user"]["deleted"]
    assert (await remote.post("invite", channel="war-room", user=ws.app.bot_user))["ok"]


async def test_foreign_pages_are_kept_out(server: SandboxServer) -> None:
    async with aiohttp.ClientSession() as session:
        url = server.control_url + "post"
        body = {"as": "lin", "channel": "releases", "text": "x"}
        async with session.post(url, json=body, headers={"Origin": "https://evil.example"}) as answer:
            assert answer.status == 403
        async with session.post(url, json=body, headers={"Host": "evil.example"}) as answer:
            assert answer.status == 403
        async with session.post(url, data='{"as": "lin"}') as answer:
            assert (await answer.json())["error"] == "unsupported_media_type"
        async with session.get(server.page_url + "page/..%2Fserver.py") as answer:
            assert answer.status == 404


async def test_the_page_and_its_live_log(server: SandboxServer) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(server.page_url) as answer:
            page = await answer.text()
            assert "not Slack" in page and "script-src" not in page
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
        names = sorted(path.name for path in FOLDER.iterdir())
        assert {"app.js", "mrkdwn.js", "base.css"} <= set(names)
        for name in names:
            async with session.get(f"{server.page_url}page/{name}") as answer:
                assert answer.status == 200 and "innerHTML" not in await answer.text()
        async with session.ws_connect(server.control_url + "ws?cursor=0") as socket:
            await server.person("lin").post("releases", "live")
            assert (await socket.receive_json())["text"] == "live"


async def test_an_extension_is_served_from_its_own_folder_alone(ws: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "ext"
    folder.mkdir()
    (folder / "main.js").write_text("export default () => null;\n")
    (tmp_path / "secret.txt").write_text("not for the page")
    options = PageOptions(
        usages=[Usage("/rollout status", "status", "where it is")], extensions=[Extension("mine", folder)]
    )
    server = SandboxServer(ws, page=options)
    await server.start()
    try:
        async with aiohttp.ClientSession() as session:
            state = await Remote(session, server.control_url).get("state")
            assert state["extensions"] == ["/ext/mine/main.js"]
            assert state["usages"] == [{"command": "/rollout status", "usage": "status", "summary": "where it is"}]
            statuses = {}
            for path in ("mine/main.js", "mine/..%2Fsecret.txt", "mine/none.js", "other/main.js"):
                async with session.get(f"{server.page_url}ext/{path}") as answer:
                    statuses[path] = answer.status
            assert statuses == {
                "mine/main.js": 200,
                "mine/..%2Fsecret.txt": 404,
                "mine/none.js": 404,
                "other/main.js": 404,
            }
    finally:
        await server.stop()


async def test_the_log_forgets_the_oldest_and_names_what_it_has_when_nothing_comes() -> None:
    log = EventLog(lambda: 0.0, size=3)
    for number in range(5):
        log.append("n", number=number)
    assert [e["number"] for e in log.since(0)] == [2, 3, 4] and [e["number"] for e in log.since(4)] == [4]
    with pytest.raises(TimeoutError, match="5 n"):
        await log.wait_for(lambda e: False, timeout=0.01)


def asking(value: str) -> list[Json]:
    button = {"type": "button", "action_id": "go", "value": value, "text": {"type": "plain_text", "text": "Go"}}
    return [{"type": "actions", "elements": [button]}]


async def test_a_button_is_still_meant_after_the_message_was_edited_unless_it_says_something_else(
    remote: Remote, server: SandboxServer, client: AsyncWebClient
) -> None:
    app, pressed = bolt_app(server), []

    @app.action("go")
    async def go(ack: Any, body: Json) -> None:
        pressed.append(body["actions"][0]["value"])
        await ack()

    async with connected(server, app):
        posted = await client.chat_postMessage(channel=RELEASES, text="card", blocks=asking("1%"))
        seen = posted["message"]["blocks"][0]["block_id"]
        press = {
            "as": "lin",
            "channel": RELEASES,
            "ts": posted["ts"],
            "action_id": "go",
            "block_id": seen,
            "value": "1%",
        }
        await client.chat_update(channel=RELEASES, ts=posted["ts"], text="card", blocks=asking("1%"))
        assert (await remote.post("click", **press))["ok"]
        await client.chat_update(channel=RELEASES, ts=posted["ts"], text="card", blocks=asking("10%"))
        assert (await remote.post("click", **press))["error"] == "action_not_found"
    assert pressed == ["1%"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("chart.png", "image/png"), ("report.html", "text/html"), ("gates.csv", "text/plain"), ("a.bin", "application")],
)
async def test_an_upload_can_be_looked_at_but_is_never_a_page_of_this_origin(
    client: AsyncWebClient, name: str, kind: str
) -> None:
    sent = await client.files_upload_v2(channel=RELEASES, filename=name, content=b"<script>1</script>", title="it")
    async with aiohttp.ClientSession() as session, session.get(sent["files"][0]["url_private"]) as answer:
        assert answer.headers["Content-Type"].startswith(kind)
        assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        assert await answer.read() == b"<script>1</script>"
