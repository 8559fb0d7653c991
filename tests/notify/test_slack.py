"""Slack as a channel, against the sandbox's own Slack."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.engine.ports.errors import Final, Retryable
from bot.notify.slack import SlackChannel
from bot.sandbox.slack import SandboxServer, Timing, demo_workspace
from bot.slack.chat import SlackChat, new_client
from tests.notify.conftest import a_notification

LIN = "U0LIN00001"


@pytest.fixture
async def server() -> AsyncIterator[SandboxServer]:
    server = SandboxServer(demo_workspace(timing=Timing(ack=0.6, retry_after=(0.01, 0.02, 0.03))))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def chat(server: SandboxServer) -> SlackChat:
    return SlackChat(new_client(server.bot_token, server.api_url))


async def test_ready_once_the_token_was_checked(chat: SlackChat) -> None:
    channel = SlackChannel("chat", chat)
    assert "SLACK_BOT_TOKEN" in await channel.check()
    await chat.check_token()
    assert await channel.check() == ""


@pytest.mark.parametrize("to", ["#releases", "C0RELEASE1", LIN])
async def test_a_channel_or_a_person_gets_it_once(chat: SlackChat, server: SandboxServer, to: str) -> None:
    await chat.check_token()
    channel = SlackChannel("chat", chat)
    first = await channel.send(to, a_notification())
    place, ts = first.split(":")
    assert place[0] == ("D" if to == LIN else "C")
    assert await channel.send(to, a_notification()) == first  # the same key after a lost answer
    other = await channel.send(to, a_notification("another"))
    assert other != first and other.startswith(place)
    assert ts


async def test_nobodys_label_mentions_the_channel(chat: SlackChat, server: SandboxServer) -> None:
    await chat.check_token()
    notification = a_notification(subject="<!channel> a & b", text="<@U0LIN00001> " + "<" * 5000)
    place, ts = (await SlackChannel("chat", chat).send("C0RELEASE1", notification)).split(":")
    shown = str(server.workspace.channel(place).messages[ts])
    assert "<!" not in shown and "<@" not in shown
    assert "&lt;!channel&gt; a &amp; b" in shown
    assert "&lt…" not in shown and "&l…" not in shown and "&lt;…" in shown


@pytest.mark.parametrize("to", ["", "two words", "<!channel>", "lin@example.com"])
async def test_what_is_no_place(chat: SlackChat, to: str) -> None:
    with pytest.raises(Final, match="write #releases"):
        await SlackChannel("chat", chat).send(to, a_notification())


async def test_a_channel_that_is_not_there_waits_for_its_mend(chat: SlackChat) -> None:
    await chat.check_token()
    with pytest.raises(Retryable, match="/invite"):
        await SlackChannel("chat", chat).send("#nowhere", a_notification())
