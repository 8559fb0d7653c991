"""Files into a thread, and what is said where the server takes none."""

from __future__ import annotations

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.engine.ports.errors import Retryable
from bot.engine.ports.rendered import Attachment, Outgoing
from bot.sandbox.slack import SandboxServer, Workspace
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.models import Json
from bot.slack.chat import SlackChat
from bot.slack.messages import Messages
from tests.slack.conftest import RELEASES
from tests.slack.messages.samples import CARDS

HELLO = Outgoing("hello")
PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489")
FILES = (
    Attachment("chart.png", "10%", PNG),
    Attachment("report.zh.md", "发布报告", "# 报告\n一切正常\n".encode()),
)


@pytest.fixture
async def chat(client: AsyncWebClient) -> SlackChat:
    chat = SlackChat(client)
    await chat.check_token()
    return chat


def replies(ws: Workspace, card: str) -> list[Json]:
    return [m.to_slack() for m in ws.messages(RELEASES) if m.thread_ts == card and m.ts != card]


async def test_the_files_are_one_message_with_their_text(chat: SlackChat, ws: Workspace) -> None:
    _, card = await chat.post("card", RELEASES, HELLO)
    ids = await chat.upload("chart:R:7", RELEASES, card, FILES, "Stage 10% passed")
    (message,) = replies(ws, card)
    assert [f["id"] for f in message["files"]] == list(ids)
    assert [(f["name"], f["title"]) for f in message["files"]] == [("chart.png", "10%"), ("report.zh.md", "发布报告")]
    assert "Stage 10% passed" in str(message["blocks"])
    assert ws.files[ids[0]].data == PNG
    assert ws.files[ids[1]].data == FILES[1].data


async def test_an_upload_is_found_by_its_key_like_any_post(chat: SlackChat, ws: Workspace) -> None:
    _, card = await chat.post("card", RELEASES, HELLO)
    ws.faults.lose_responses["files.completeUploadExternal"] = 1
    with pytest.raises(Retryable):
        await chat.upload("chart:R:7", RELEASES, card, FILES, "")
    (message,) = replies(ws, card)
    assert await chat.find("chart:R:7", RELEASES, card) == (RELEASES, message["ts"])
    assert await chat.find("chart:R:8", RELEASES, card) is None


@pytest.mark.parametrize("how", ["no method", "no scope"])
async def test_without_files_what_they_say_is_posted_as_text_once(chat: SlackChat, ws: Workspace, how: str) -> None:
    if how == "no scope":
        ws.app.scopes -= {"files:write"}
    else:
        ws.faults.disable("files.getUploadURLExternal")
    _, card = await chat.post("card", RELEASES, HELLO)
    instead = Messages("zh", "Asia/Shanghai").report_as_text(CARDS["completed"][0], "# 报告\n" + "一切正常。\n" * 900)
    for _ in range(2):  # cut off and tried again: what was posted is not posted again
        if await chat.find("report:R:1", RELEASES, card) is None:
            assert await chat.upload("report:R:1", RELEASES, card, FILES, "", instead) == ()
    said = replies(ws, card)
    assert len(said) == len(instead) > 2
    assert "不接收文件" in said[0]["text"]
    assert "# 报告" in str(said[1]["blocks"])


async def test_pieces_that_were_posted_before_the_bot_was_cut_off_are_not_repeated(
    chat: SlackChat, ws: Workspace
) -> None:
    ws.faults.disable("files.getUploadURLExternal")
    _, card = await chat.post("card", RELEASES, HELLO)
    await chat.post("report:R:1:1", RELEASES, Outgoing("one"), thread_ts=card)
    await chat.upload("report:R:1", RELEASES, card, FILES, "", (Outgoing("one"), Outgoing("two")))
    assert [m["text"] for m in replies(ws, card)] == ["one", "two"]


async def test_a_server_that_refuses_the_text_as_blocks_gets_it_as_a_comment(
    chat: SlackChat, ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(blocks: object) -> None:
        raise SlackError("invalid_blocks")

    monkeypatch.setattr("bot.sandbox.slack.api.files.refuse_bad_blocks", refuse)
    _, card = await chat.post("card", RELEASES, HELLO)
    await chat.upload("chart:R:7", RELEASES, card, FILES, "Stage 10% passed")
    (message,) = replies(ws, card)
    assert message["text"] == "Stage 10% passed"


async def test_an_outage_is_tried_again(chat: SlackChat, ws: Workspace) -> None:
    _, card = await chat.post("card", RELEASES, HELLO)
    ws.faults.outage = "reset"
    with pytest.raises(Retryable):
        await chat.upload("chart:R:7", RELEASES, card, FILES, "", (Outgoing("instead"),))
    ws.faults.outage = ""
    assert not replies(ws, card)


async def test_a_reply_is_read_with_its_author_and_thread(
    chat: SlackChat, ws: Workspace, server: SandboxServer
) -> None:
    _, card = await chat.post("card", RELEASES, HELLO)
    theirs = await server.person("chen").post(RELEASES, "all <quiet>", thread_ts=card)
    read = await chat.read(RELEASES, theirs.ts)
    assert read and (read.user, read.thread_ts, read.bot) == (theirs.user, card, False)
    ours = await chat.read(RELEASES, card)
    assert ours and ours.bot
    assert await chat.read(RELEASES, "1.000001") is None
