"""An outage, a limit, an answer that is not Slack's: all of it is put off, and the pace is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.engine.ports.errors import Retryable
from bot.engine.ports.rendered import Outgoing
from bot.sandbox.slack import SandboxServer, Workspace
from bot.slack.chat import SlackChat, new_client
from tests.slack.conftest import LIN, RELEASES

HELLO = Outgoing("hello", ({"type": "section", "text": {"type": "mrkdwn", "text": "*hello*"}},))


@pytest.fixture
def chat(client: AsyncWebClient) -> SlackChat:
    return SlackChat(client)


async def everything(chat: SlackChat) -> list[Callable[[], Awaitable[Any]]]:
    _, ts = await chat.post("k", RELEASES, HELLO)
    return [
        chat.check_token,
        lambda: chat.post("k2", RELEASES, HELLO),
        lambda: chat.find("k", RELEASES),
        lambda: chat.update(RELEASES, ts, HELLO),
        lambda: chat.whisper(RELEASES, LIN, HELLO),
        lambda: chat.seed(RELEASES, ts, ("x",)),
        lambda: chat.reactions(RELEASES, ts),
        lambda: chat.permalink(RELEASES, ts),
    ]


@pytest.mark.parametrize("outage", ["503", "reset"])
async def test_an_outage_is_retryable_whatever_was_asked(chat: SlackChat, ws: Workspace, outage: str) -> None:
    asked = await everything(chat)
    ws.faults.apply({"outage": outage})
    for ask in asked:
        with pytest.raises(Retryable):
            await ask()


async def test_a_limit_is_retryable_with_slacks_own_wish(chat: SlackChat, ws: Workspace) -> None:
    asked = await everything(chat)
    ws.faults.rate_limit("*", retry_after=7)
    for ask in asked:
        with pytest.raises(Retryable) as caught:
            await ask()
        assert caught.value.after == 7.0


async def test_a_server_that_is_gone_is_retryable(chat: SlackChat, server: SandboxServer) -> None:
    asked = await everything(chat)
    await server.stop()
    for ask in asked:
        with pytest.raises(Retryable):
            await ask()


@pytest.fixture
async def odd() -> AsyncIterator[Callable[..., Awaitable[SlackChat]]]:
    """A server that answers everything with one body."""
    runners: list[web.AppRunner] = []

    async def serve(**answer: Any) -> SlackChat:
        async def handle(request: web.Request) -> web.Response:
            return web.Response(**answer)

        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", handle)
        runners.append(web.AppRunner(app))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
        return SlackChat(new_client("xoxb-1", f"http://127.0.0.1:{runners[-1].addresses[0][1]}/"))

    yield serve
    for runner in runners:
        await runner.cleanup()


@pytest.mark.parametrize(
    "answer",
    [
        {"text": "<html>proxy</html>", "content_type": "text/html"},
        {"text": "<html>proxy</html>", "content_type": "application/json"},
        {"text": "<html>proxy</html>", "content_type": "application/json", "status": 502},
        {"text": "gateway", "content_type": "text/plain", "status": 504},
        {"text": "null", "content_type": "application/json"},
        {"text": '{"ok": false}', "content_type": "application/json"},
        {"text": '{"ok": false, "error": "internal_error"}', "content_type": "application/json"},
        {"text": "", "status": 500},
        {"text": "", "status": 429, "headers": {"Retry-After": "soon"}},
    ],
    ids=str,
)
async def test_an_answer_that_is_not_slacks_is_retryable(
    odd: Callable[..., Awaitable[SlackChat]], answer: dict[str, Any]
) -> None:
    chat = await odd(**answer)
    with pytest.raises(Retryable):
        await chat.check_token()
    with pytest.raises(Retryable):
        await chat.post("k", RELEASES, HELLO)


async def test_a_limit_without_a_body_keeps_slacks_wish(odd: Callable[..., Awaitable[SlackChat]]) -> None:
    chat = await odd(text="", status=429, headers={"Retry-After": "9"})
    with pytest.raises(Retryable) as caught:
        await chat.check_token()
    assert caught.value.after == 9.0


# -- the pace --------------------------------------------------------------------------------------------------------


async def test_posts_are_paced_a_channel_and_nothing_waits_within_the_budget(client: AsyncWebClient) -> None:
    now, waited = [0.0], list[float]()

    async def wait(seconds: float) -> None:
        waited.append(seconds)
        now[0] += seconds

    chat = SlackChat(client, clock=lambda: now[0], wait=wait)
    for n in range(4):
        await chat.post(f"k{n}", RELEASES, HELLO)
    assert waited == []
    for n in range(6):
        await chat.post(f"m{n}", RELEASES, HELLO)
    assert sum(waited) == pytest.approx(6.0)
    await chat.post("other", "critical", HELLO)
    assert len(waited) == 6


async def test_edits_keep_to_fifty_a_minute(client: AsyncWebClient) -> None:
    now = [0.0]

    async def wait(seconds: float) -> None:
        now[0] += seconds

    chat = SlackChat(client, clock=lambda: now[0], wait=wait)
    _, ts = await chat.post("k", RELEASES, HELLO)
    for _ in range(106):
        await chat.update(RELEASES, ts, HELLO)
    assert now[0] == pytest.approx(120.0, rel=0.01)
