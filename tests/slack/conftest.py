"""The Slack edge against a real Slack-compatible server, over both transports; the engine behind it is in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry
from slack_sdk.web.async_client import AsyncWebClient

from bot.engine.alerting import Alerting
from bot.engine.intake import Intake
from bot.engine.ports.records import MessageRef
from bot.engine.ports.rendered import Outgoing
from bot.engine.rollouts import Rollouts
from bot.fleet.fake import FakeFleet
from bot.rollout.effects import ReadReactions
from bot.rollout.model import Rollout
from bot.rollout.plan import Plan
from bot.sandbox.slack import SandboxServer, Timing, Workspace, demo_workspace
from bot.slack.chat import SlackChat, new_client
from bot.slack.directory import SlackDirectory
from bot.slack.listeners import Listeners, build_app
from bot.slack.messages import Messages
from bot.slack.socket import SocketRunner
from bot.store.memory import MemoryStore
from bot.web import Web
from config.people import People, Role
from tests.alerts.kit import a_plan as a_alert_plan
from tests.engine.conftest import a_plan

RELEASES, PRIVATE = "C0RELEASE1", "C0PRIVATE1"
LIN, WANG, ZHAO, CHEN = "U0LIN00001", "U0WANG0001", "U0ZHAO0001", "U0CHEN0001"
GROUP = "S0RELMGR01"
PEOPLE = People({"managers": Role(frozenset({LIN, WANG}), frozenset({GROUP}))})


@pytest.fixture(scope="module", autouse=True)
def _plain_log() -> Iterator[None]:
    """structlog's own default draws tracebacks with every local variable, which takes longer than Slack waits."""
    before = structlog.get_config()
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()])
    yield
    structlog.configure(**before)


@pytest.fixture
def ws() -> Workspace:
    return demo_workspace(timing=Timing(ack=60.0, retry_after=(0.01, 0.02, 0.03)))


@pytest.fixture
async def server(ws: Workspace) -> AsyncIterator[SandboxServer]:
    server = SandboxServer(ws)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def client(server: SandboxServer) -> AsyncWebClient:
    return new_client(server.bot_token, server.api_url)


class BrokenStore(MemoryStore):
    """Raises `broken` at every commit and every look-up, while there is one."""

    broken: Exception | None = None
    slow: float = 0.0

    async def commit(self, commit: Any) -> Any:
        if self.slow:
            await asyncio.sleep(self.slow)
        if self.broken:
            raise self.broken
        return await super().commit(commit)

    async def message_at(self, channel: str, ts: str) -> MessageRef | None:
        if self.broken:
            raise self.broken
        return await super().message_at(channel, ts)


class Edge:
    """The listeners wired to a real engine in memory; `mode` says how Slack's requests come."""

    def __init__(self, ws: Workspace, mode: str, patience: float, plan: Plan | None = None) -> None:
        self.ws, self.mode, self._patience = ws, mode, patience
        self.store = BrokenStore()
        self.plan = plan or a_plan()
        fleets = {"shop": FakeFleet(self.plan.fleet.hosts)}
        self.desk = Rollouts(self.store, {"shop": self.plan}, fleets, bot_user=lambda: ws.app.bot_user)

    async def start(self) -> None:
        self.server = SandboxServer(self.ws)
        await self.server.start()
        client = new_client(self.server.bot_token, self.server.api_url)
        self.chat = SlackChat(client)
        await self.chat.check_token()
        self.directory = SlackDirectory(client, PEOPLE, lambda: self.chat.team_id)
        self.words = Messages("en", "UTC")
        intake = Intake(self.desk, self.store)
        self.alerts = Alerting(self.store, a_alert_plan())
        self.listeners = Listeners(
            self.desk, self.words, self.directory, intake, self.store, self.chat, self._patience, self.alerts, self.chat
        )
        self.app = build_app(client, self.server.signing_secret if self.mode == "http" else "")
        self.listeners.register(self.app)
        self.web: Web | None = None
        self.sockets: SocketRunner | None = None
        if self.mode == "http":
            await self._over_http()
        else:
            self.sockets = SocketRunner(self.app, self.server.app_token, look_every=0.05, ping=0.2)
            self.sockets.start()
            await self.server.wait_connected()

    async def _over_http(self) -> None:
        """Each side has to know the other's address: the server comes back on its own port once it knows the bot's."""
        self.web = Web(self.no_problems, CollectorRegistry(), self.app)
        port = await self.web.start("127.0.0.1", 0)
        await self.server.stop()
        taken = self.server.port
        self.server = SandboxServer(self.ws, delivery="http", request_url=f"http://127.0.0.1:{port}/slack/events")
        await self.server.start(taken)

    @staticmethod
    async def no_problems() -> dict[str, str]:
        return {}

    async def stop(self) -> None:
        await self.listeners.stop()
        if self.sockets:
            await self.sockets.stop()
        if self.web:
            await self.web.stop()
        await self.server.stop()

    async def rollout(self) -> Rollout:
        found = (await self.desk.state("shop")).rollout
        assert found is not None
        return found

    async def asking(self) -> str:
        """A rollout of lin's with its card and its asking in the channel; the asking's ts."""
        outcome = await self.server.person("lin").command("/rollout start shop 2.0.0", RELEASES)
        assert outcome.ok, outcome
        rollout = await self.rollout()
        card = self.words.card(rollout, self.plan, None, self.desk.now())
        await self.say(f"card:{rollout.id}", card)
        asking = self.words.approval(rollout, self.plan, rollout.stage, 1, self.desk.now())
        return await self.say(f"approval:{rollout.id}:{rollout.stage}:1", asking)

    async def say(self, key: str, message: Outgoing) -> str:
        channel, ts = await self.chat.post(key, RELEASES, message)
        await self.store.put_message(MessageRef(key, channel, ts))
        return ts

    async def ts_of(self, key: str) -> str:
        ref = await self.store.message(key)
        assert ref is not None
        return ref.ts

    async def reads(self) -> list[ReadReactions]:
        return [c.effect for c in await self.store.pending() if isinstance(c.effect, ReadReactions)]

    async def acked(self, name: str, times: int = 1, since: int = 0) -> list[Any]:
        """Until deliveries of this name (event type, command, action id) were acknowledged so often; with what."""
        found = []
        for _ in range(times):
            entry = await self.ws.wait_for(lambda e: e["kind"] == "delivery.acked" and e["name"] == name, since=since)
            since = entry["seq"]
            found.append(entry["response"])
        return found


@pytest.fixture(params=["socket", "http"])
async def edge(request: pytest.FixtureRequest, ws: Workspace) -> AsyncIterator[Edge]:
    edge = Edge(ws, request.param, patience=0.3)
    await edge.start()
    yield edge
    await edge.stop()
