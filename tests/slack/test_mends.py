"""What Slack refuses until somebody mends it, or refuses for its looks: nothing is dropped for that (DESIGN §6.8)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.engine.ports.errors import Final, Retryable
from bot.engine.ports.rendered import Outgoing
from bot.rollout.model import Person
from bot.sandbox.slack import Workspace
from bot.slack import listeners as module
from bot.slack.chat import SlackChat, new_client
from bot.slack.directory import SlackDirectory
from bot.slack.errors import MEND_WAIT
from config.people import People, Role
from tests.slack.conftest import GROUP, PEOPLE, PRIVATE, RELEASES, WANG, Edge

HELLO = Outgoing("hello", ({"type": "section", "text": {"type": "mrkdwn", "text": "*hello*"}},))
UGLY = Outgoing("the truth", ({"type": "nonsense"},))
LONG = Outgoing(
    "the truth", tuple({"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2900}} for _ in range(6))
)


@pytest.fixture
def chat(client: AsyncWebClient) -> SlackChat:
    return SlackChat(client)


async def test_an_asking_waits_for_the_invitation(chat: SlackChat, ws: Workspace) -> None:
    for name in (PRIVATE, "war-room"):
        with pytest.raises(Retryable, match="/invite") as caught:
            await chat.post("approval:R1:10%:1", name, HELLO)
        assert caught.value.after == MEND_WAIT
    ws.invite(PRIVATE, ws.app.bot_user)
    assert (await chat.post("approval:R1:10%:1", "war-room", HELLO))[0] == PRIVATE


async def test_a_reaction_waits_for_the_scope_that_reads_it(chat: SlackChat, ws: Workspace) -> None:
    _, ts = await chat.post("k", RELEASES, HELLO)
    ws.app.scopes.remove("reactions:read")
    with pytest.raises(Retryable, match="add the scope reactions:read"):
        await chat.reactions(RELEASES, ts)
    ws.app.scopes.add("reactions:read")
    assert await chat.reactions(RELEASES, ts) == ()


async def test_a_token_that_was_revoked_holds_the_posts_back(chat: SlackChat, ws: Workspace) -> None:
    ws.faults.disable("chat.postMessage", "chat.update", error="token_revoked")
    with pytest.raises(Retryable, match="SLACK_BOT_TOKEN"):
        await chat.post("k", RELEASES, HELLO)
    ws.faults.clear()
    await chat.post("k", RELEASES, HELLO)


async def test_a_name_that_went_to_another_channel_is_followed(chat: SlackChat, ws: Workspace) -> None:
    _, ts = await chat.post("k", "releases", HELLO)
    old = ws.channel(RELEASES)
    old.is_archived, old.name = True, "releases-old"
    ws.add_channel("C0RELEASE2", "releases", [ws.app.bot_user])
    with pytest.raises(Retryable):
        await chat.post("k2", "releases", HELLO)
    assert (await chat.post("k2", "releases", HELLO))[0] == "C0RELEASE2"
    ws.faults.disable("chat.update", error="is_archived")
    with pytest.raises(Final):
        await chat.update(RELEASES, ts, HELLO)


async def test_what_nobody_can_mend_stays_final(chat: SlackChat, ws: Workspace) -> None:
    ws.faults.disable("chat.postMessage", error="msg_too_long")
    with pytest.raises(Final, match="msg_too_long"):
        await chat.post("k", RELEASES, HELLO)


async def test_blocks_that_are_too_long_in_all_are_sent_as_text(chat: SlackChat, ws: Workspace) -> None:
    _, ts = await chat.post("k", RELEASES, LONG)
    assert ws.message(RELEASES, ts).text == "the truth"


async def test_a_late_answer_whose_blocks_are_refused_is_sent_as_text(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.store.slow = 0.4
    monkeypatch.setattr(edge.words, "done", lambda *_, **__: UGLY)
    outcome = await edge.server.person("lin").command("/rollout start shop 2.0.0", RELEASES)
    assert outcome.text == "the truth"
    assert edge.ws.calls["response_url"] == 2


async def test_the_answer_to_a_mention_outlives_a_limit(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    class Time:
        sleep = staticmethod(wait)

    monkeypatch.setattr(module, "asyncio", Time)
    edge.ws.faults.rate_limit("chat.postEphemeral", retry_after=7, times=2)
    await edge.server.person("lin").post(RELEASES, f"<@{edge.ws.app.bot_user}> start shop 2.0.0")
    await edge.ws.wait_message("has started", channel=RELEASES)
    assert waited == [7.0, 7.0]


async def test_a_limit_does_not_cost_somebodys_word(client: AsyncWebClient, ws: Workspace) -> None:
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    directory = SlackDirectory(client, PEOPLE, lambda: ws.team.id, wait=wait)
    ws.faults.rate_limit("users.info", retry_after=3, times=1)
    assert (await directory.person(WANG, fresh=True)).roles == {"managers"}
    assert waited == [3.0]
    ws.faults.rate_limit("users.info", retry_after=3)
    assert not (await directory.person(WANG, fresh=True)).known
    assert not (await directory.person("U0ZHAO0001")).known  # a command does not wait
    assert waited == [3.0, 3.0]


@pytest.fixture
async def stranger() -> AsyncIterator[tuple[dict[str, Any], str]]:
    """A server that answers a method as the dict says, else `{"ok": true}`; its address."""
    answers: dict[str, Any] = {}

    async def handle(request: web.Request) -> web.Response:
        return web.json_response({"ok": True} | answers.get(request.path.strip("/"), {}))

    app = web.Application()
    app.router.add_route("*", "/{method}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield answers, f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


@pytest.mark.parametrize(
    ("answers", "person"),
    [
        ({}, Person("U1", known=False)),
        ({"users.info": {"user": None}}, Person("U1", known=False)),
        ({"users.info": {"user": ["U1"]}}, Person("U1", known=False)),
        ({"users.info": {"user": {"id": "U2"}}}, Person("U1", known=False)),
        ({"users.info": {"user": {"id": "U1", "team_id": "T2", "enterprise_user": None}}}, Person("U1", external=True)),
        ({"users.info": {"user": {"id": "U1"}}}, Person("U1")),
        ({"users.info": {"user": {"id": "U1"}}, "usergroups.users.list": {"users": None}}, Person("U1")),
        ({"users.info": {"user": {"id": "U1"}}, "usergroups.users.list": {"users": 1}}, Person("U1", known=False)),
    ],
    ids=str,
)
async def test_an_answer_of_another_shape_lets_nobody_through(
    stranger: tuple[dict[str, Any], str], answers: dict[str, Any], person: Person
) -> None:
    given, url = stranger
    given |= answers
    people = People({"managers": Role(frozenset(), frozenset({GROUP}))})
    directory = SlackDirectory(new_client("xoxb-1", url), people, lambda: "T1")
    for fresh in (False, True):
        assert await directory.person("U1", fresh=fresh) == person
