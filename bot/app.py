"""The sole composition root: builds every part, starts them in order, and ends them in the other."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from contextlib import AsyncExitStack
from functools import partial
from typing import Literal

import structlog
from prometheus_client import CollectorRegistry
from slack_bolt.async_app import AsyncApp

from bot.alert_parts import AlertParts, build_alerts
from bot.alerts.model import STREAM, AlertsState
from bot.engine.acting import FencedChat
from bot.engine.firing import Firing
from bot.engine.intake import Intake
from bot.engine.leads import Leads, StoreClock
from bot.engine.observer import Observer
from bot.engine.outage import Outage
from bot.engine.own_series import OwnSeries
from bot.engine.performers import Performers
from bot.engine.ports.chat import Chat
from bot.engine.ports.errors import Conflict, Final, Retryable
from bot.engine.ports.store import Store
from bot.engine.rollouts import Rollouts
from bot.engine.speaker import Speaker
from bot.engine.ticks import Ticks
from bot.engine.worker import Worker
from bot.notify.heartbeat import Heartbeat
from bot.prometheus import Prometheus
from bot.release_parts import build_release
from bot.slack.chat import SlackChat, new_client
from bot.slack.directory import SlackDirectory
from bot.slack.listeners import Listeners, build_app
from bot.slack.messages import Messages
from bot.slack.socket import SocketRunner
from bot.telemetry import Telemetry
from bot.web import AlertDoor, Web
from bot.wiring import build_fleets
from config.settings import Settings

log = structlog.get_logger()
TOKEN_WAIT = 30.0  # seconds, at most, between looks whether Slack is back, at boot
DRAIN = 8.0  # seconds that what is under way has to end with its outcome written, when the bot is told to stop

Role = Literal["all", "web", "worker"]


class Bot:
    """Every part, wired. Enter to run, leave to end. Raises Final with the mend where it cannot start.

    role: `web` takes what Slack sends, `worker` acts, `all` does both. Only the replica that holds a service's lead
    acts for it.
    """

    def __init__(self, settings: Settings, store: Store, role: Role = "all") -> None:
        self._settings = settings
        self._store = store
        self._takes = role != "worker"
        self._acts = role != "web"
        slack = settings.slack
        assert slack.bot_token is not None
        client = new_client(slack.bot_token.reveal(), slack.api_url)
        self.chat = SlackChat(client)
        messages = Messages(settings.language, settings.timezone, settings.people.holders)
        directory = SlackDirectory(client, settings.people, lambda: self.chat.team_id)
        self.fleets = build_fleets(settings.plans)
        self.metrics = Prometheus(settings.prometheus_url)
        clock = StoreClock()
        # Containers often have one host name and process id for ever: only the random part tells their lives apart.
        owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        streams = (*settings.plans, *((STREAM,) if settings.alerts else ()))
        self.leads = Leads(store, streams, owner, clock, gained=self._gained, lost=self._lost)
        self.rollouts = Rollouts(
            store,
            settings.plans,
            self.fleets,
            bot_user=lambda: self.chat.user_id,
            wake=lambda: self.worker.wake(),
            clock=clock,
            timezone=settings.timezone,
        )
        chat = FencedChat(self.chat, self.leads.stands)
        firing = Firing(self._known_alerts)
        speaker = Speaker(self.rollouts, store, chat, directory, messages, firing)
        self.alerts = self._alerts(chat, messages, clock) if settings.alerts else None
        own = OwnSeries(self.metrics, self.alerts.alerting.state if self.alerts else None, clock)
        observer = Observer(self.rollouts, store, own, self.fleets, clock, firing)
        self.release = build_release(
            settings, store, self.rollouts, self.fleets, self.metrics, chat, speaker, messages, clock
        )
        alerts = self.alerts.sender.perform if self.alerts else None
        performers = Performers(self.rollouts, self.fleets, speaker, observer, self.release.release, alerts)
        self.worker = Worker(store, performers.perform, clock, owner, epochs=self.leads.epochs, fenced=self.leads.drop)
        self.ticks = Ticks(observer, store, settings.plans, self.leads, clock)
        if self.alerts:
            self.ticks.every(1.0, "evaluate alerts", self.alerts.watch.evaluate, STREAM)
            self.ticks.every(1.0, "tick alerts", self.alerts.watch.tick, STREAM)
            self.ticks.every(1.0, "hosts not back", self.alerts.unreached.tick, STREAM)
        self.outage = Outage(store, self.rollouts, self.chat, messages, clock, self.leads.epochs)
        intake = Intake(self.rollouts, store)
        self.listeners = Listeners(
            self.rollouts,
            messages,
            directory,
            intake,
            store,
            self.chat,
            alerts=self.alerts.alerting if self.alerts else None,
            homes=self.chat,
        )
        self.slack_app: AsyncApp = build_app(client, slack.signing_secret.reveal() if slack.signing_secret else "")
        self.listeners.register(self.slack_app)
        self.sockets = (
            SocketRunner(self.slack_app, slack.app_token.reveal()) if self._takes and slack.app_token else None
        )
        registry = CollectorRegistry()
        registry.register(Telemetry(self.rollouts, settings.plans, self._known_alerts, clock))
        slack_app = self.slack_app if self._takes and not self.sockets else None
        self.web = Web(self.problems, registry, slack_app, self._door() if self._takes else None)
        self._refreshing: set[asyncio.Task[None]] = set()
        beat = settings.channels.heartbeat
        self.heartbeat = Heartbeat(beat, self.problems, self._beat_failed) if beat and self._acts else None
        self._stack = AsyncExitStack()

    async def _beat_failed(self, problem: str) -> None:
        """The heartbeat logs by itself; "" = it gets through again."""
        if self.alerts:
            await self.alerts.watch.own("HeartbeatFailing", problem)

    def _door(self) -> AlertDoor | None:
        """Whoever may post alerts comes in here."""
        if self.alerts is None:
            return None
        token = self._settings.alerts_token
        refused = partial(self.alerts.watch.own, "AlertsRefused")
        away = (Retryable, Final, Conflict)
        return AlertDoor(self.alerts.intake.take, token.reveal() if token else None, away, refused)

    def _known_alerts(self) -> AlertsState | None:
        return self.alerts.alerting.known if self.alerts else None

    def _alerts(self, chat: Chat, messages: Messages, clock: StoreClock) -> AlertParts:
        assert self._settings.alerts is not None
        return build_alerts(
            self._settings,
            self._settings.alerts,
            self._store,
            self.metrics,
            chat,
            self.rollouts,
            messages,
            wake=lambda: self.worker.wake(),
            clock=clock,
        )

    async def __aenter__(self) -> Bot:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        if self._store.shared:
            await self._store.listen(self._changed)
        for service in self._settings.plans:
            await self.rollouts.state(service)
            self._stack.push_async_callback(self.fleets[service].aclose)
        if self.alerts:
            await self.alerts.alerting.state()
            self._stack.push_async_callback(self.alerts.aclose)
        self._stack.callback(self.metrics.close)
        self._stack.push_async_callback(self.release.aclose)
        port = await self._listen()
        # What needs no Slack begins at once: a rollback must not wait for a token to be checked.
        if self._acts:
            await self._begin_acting()
        if self.heartbeat:
            self.heartbeat.start()
            self._stack.push_async_callback(self.heartbeat.stop)
        await self._check_token()
        if self.sockets:
            self.sockets.start()
            self._stack.push_async_callback(self.sockets.stop)
        self._stack.push_async_callback(self.listeners.stop)
        log.info("started", mode=self._settings.slack.mode, port=port, leads=self.leads.epochs())

    async def _begin_acting(self) -> None:
        """Ends in the other order: no ticks, no claims, what is under way has its outcome written, leads given up."""
        self._stack.push_async_callback(self.leads.stop)
        await self.leads.start()
        self.worker.start()
        self._stack.push_async_callback(self.worker.stop)
        self.outage.start()
        self._stack.push_async_callback(self.outage.stop)
        self._stack.push_async_callback(self.worker.drain, DRAIN)
        self.ticks.start()
        self._stack.callback(self.ticks.stop)

    def _gained(self, service: str) -> None:
        self.worker.wake()

    def _lost(self, service: str) -> None:
        self.worker.abandon(service)

    def _changed(self, stream: str) -> None:
        """A commit of any replica's; "" = perhaps many were missed."""
        self.worker.wake()
        self.leads.poke(stream)
        for service in [stream] if stream else [*self._settings.plans, STREAM]:
            task = asyncio.create_task(self._refresh(service), name=f"refresh {service}")
            self._refreshing.add(task)
            task.add_done_callback(self._refreshing.discard)

    async def _refresh(self, service: str) -> None:
        try:
            if service != STREAM:
                await self.rollouts.refresh(service)
            elif self.alerts:
                await self.alerts.alerting.refresh()
        except Retryable as error:
            log.warning("the newest state could not be read", service=service, error=str(error))

    async def _listen(self) -> int:
        host, port = self._settings.http_host, self._settings.http_port
        try:
            port = await self.web.start(host, port)
        except OSError as error:
            raise Final(f"cannot listen on {host}:{port} ({error.strerror}): set HTTP_PORT to a free one") from error
        self._stack.push_async_callback(self.web.stop)
        return port

    async def _check_token(self) -> None:
        """A wrong token ends the start with its mend; a Slack that is away is waited for."""
        wait = 0.5
        while True:
            try:
                return await self.chat.check_token()
            except Retryable as error:
                log.warning("Slack cannot be asked about the token yet", error=str(error), again_in=wait)
                await asyncio.sleep(error.after or wait)
                wait = min(TOKEN_WAIT, wait * 2)

    async def problems(self) -> dict[str, str]:
        """What keeps the bot from its work now, for /readyz; empty = ready."""
        found: dict[str, str] = {}
        if self._acts and (not self.worker.alive or self.worker.failing):
            found["worker"] = self.worker.failing or "not running"
        if self.leads.failing:
            found["leads"] = self.leads.failing
        if self.outage.since is not None:
            found["database"] = "it does not answer"
        if not self.chat.user_id:
            found["slack"] = "the token has not been checked yet"
        elif self.sockets and not await self.sockets.connected():
            found["slack"] = "Socket Mode is not connected"
        if self.ticks.failing:
            found["ticks"] = ", ".join(sorted(self.ticks.failing))
        return found
