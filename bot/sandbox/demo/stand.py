"""Everything a demo needs, started together: the production, the workspace, and the bot as a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import aiohttp

import config
from bot.rollout.plan import Pool
from bot.sandbox.demo.application import Application, around
from bot.sandbox.demo.front import page_options
from bot.sandbox.demo.inbox import Inbox, Letter
from bot.sandbox.demo.plans import SERVICE, Pace, write_config
from bot.sandbox.demo.production_page import Backstage
from bot.sandbox.demo.recorder import Recorder
from bot.sandbox.demo.rehearsal import Rehearsal, rehearsal_workspace
from bot.sandbox.demo.roles import Roles
from bot.sandbox.demo.switches import Switches
from bot.sandbox.demo.walk import Reader
from bot.sandbox.production.children import Child, ProductionError
from bot.sandbox.production.ports import Ports
from bot.sandbox.production.world import Scale, World
from bot.sandbox.slack.demo import demo_workspace
from bot.sandbox.slack.server import SandboxServer
from config.settings import Settings, check, format_problems

CHANNEL = "releases"
Say = Callable[[str], None]


class Stand:
    """Enter to start, leave to end. root: an empty work directory; every log and the bot's database end up there.

    canary_version: what is deployed on the new pool. port: of the page, 0 = any.
    rehearsal: somebody's own configuration in place of the shipped one; `pace` and `language` then do not count.
    booked: with checks, backup, steps and report around the traffic. reports: where a run leaves the report it saw.
    """

    bot_command: tuple[str, ...] = (sys.executable, "-m", "bot")
    bot_ready_within = 120.0  # seconds

    def __init__(
        self,
        root: Path,
        *,
        canary_version: str = "2.1.0",
        scale: Scale | None = None,
        pace: Pace | None = None,
        language: Literal["zh", "en"] = "en",
        delivery: Literal["socket", "http"] = "socket",
        port: int = 0,
        say: Say = lambda _: None,
        rehearsal: Rehearsal | None = None,
        booked: bool = False,
        reports: Path | None = None,
    ) -> None:
        self.root = root.resolve()
        self.pace = pace or Pace()
        self.rehearsal = rehearsal
        self.service = rehearsal.plan.service if rehearsal else SERVICE
        self.config_dir = self.root / "config"
        self.database = self.root / "rollout-bot.db"
        self._language = language
        self._delivery = delivery
        self._port = port
        self._say = say
        self._stack = AsyncExitStack()
        self._ports = Ports()
        self.http_port = 0
        self.smtp_port = 0
        self.world = World(
            self.root / "production",
            service=self.service,
            stable_version=(rehearsal.plan.traffic.stable_version or "2.0.0") if rehearsal else "2.0.0",
            canary_version=canary_version,
            scale=scale or Scale(hosts=2, rps=600, users=6000, internal_share=0.02, scrape_interval=1.0),
            host_names=rehearsal.hosts if rehearsal else (),
        )
        self.bot: Child | None = None
        self.application = Application(self.root / "application") if booked else None
        self.reports = reports or Path("build/report")

    @property
    def smtp_url(self) -> str:
        """Where the demo's mails go; for SMTP_URL."""
        return f"smtp://127.0.0.1:{self.smtp_port}?starttls=never"

    @property
    def sms_url(self) -> str:
        """The SMS gateway: POST {"to", "text"}."""
        return f"http://127.0.0.1:{self._port}/gateway/sms"

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.database}"

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _start(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self._stack.callback(self._ports.close)
        self._say("Starting nginx, Prometheus, two versions of the service, and users …")
        await self._stack.enter_async_context(self.world)
        if self.application:
            self.application.make()
            self._stack.enter_context(self.application)
        self.http_port, self.smtp_port = self._ports.take(), self._ports.take()
        self._port = self._port or self._ports.take()
        settings = self._configure()
        self.plan = settings.plans[self.service]
        self._say("Starting the workspace and its page …")
        await self._open_workspace(settings)
        self._say("Starting the bot …")
        await self.start_bot()
        self._stack.push_async_callback(self.stop_bot)

    def _configure(self) -> Settings:
        """Writes the bot's configuration and reads it as the bot will."""
        folder = self.rehearsal.folder if self.rehearsal else Path(config.__file__).parent
        pace = self.rehearsal.pace if self.rehearsal else self.pace
        language = None if self.rehearsal else self._language
        write_config(
            folder,
            self.config_dir,
            self.world,
            pace,
            language=language,
            sms_url=self.sms_url,
            service=self.service,
            book=around(self.application, self.world) if self.application else {},
        )
        settings, problems, _ = check(self.config_dir, {}, require_slack=False)
        if settings is None:
            raise ProductionError(f"the demo's configuration is not valid:\n{format_problems(problems)}")
        return settings

    async def _open_workspace(self, settings: Settings) -> None:
        self.workspace = rehearsal_workspace(self.rehearsal) if self.rehearsal else demo_workspace()
        self.inbox = Inbox(self._arrived)
        roles, reader = Roles(self.world), Reader(self.database, self.service)
        self._stack.push_async_callback(reader.close)
        self.recorder = Recorder(self.world, roles, reader)
        # The switches need the server, and the server the routes of what holds them.
        self.backstage = Backstage(self.world, roles, self.recorder, self.inbox, reader, self._about(settings))
        self.slack = SandboxServer(
            self.workspace,
            delivery=self._delivery,
            request_url=f"http://127.0.0.1:{self.http_port}/slack/events" if self._delivery == "http" else None,
            page=page_options(self.workspace, settings.people, settings.language),
            extra_routes=self.backstage.routes(),
        )
        self.backstage.switches = Switches(self.world, roles, self.slack)
        await self.slack.start(self._port)
        self._stack.push_async_callback(self.slack.stop)
        await self.inbox.start(self.smtp_port)
        self._stack.push_async_callback(self.inbox.stop)
        self.recorder.start()
        self._stack.push_async_callback(self.recorder.stop)

    def _arrived(self, letter: Letter) -> None:
        self.workspace.log.append(f"inbox.{letter.kind}", id=letter.id)

    def _about(self, settings: Settings) -> dict[str, Any]:
        plan = settings.plans[self.service]
        channel = next(c for c in self.workspace.channels.values() if plan.channel in (c.id, c.name))
        versions: dict[Pool, str] = {pool: backend.version for pool, backend in self.world.pools.items()}
        return {
            "service": self.service,
            "channel": channel.id,
            "stages": [stage.name for stage in plan.stages],
            "emoji": {"approve": plan.stages[0].approval.emoji, "veto": plan.stages[0].approval.veto},
            "versions": versions,
            "rehearsal": self.rehearsal is not None,
        }

    # The bot, a process that knows nothing of being in a demo

    async def start_bot(self) -> None:
        """Raises ProductionError when it does not become ready."""
        argv = (*self.bot_command, "run", "--config", str(self.config_dir))
        self.bot = Child("bot", argv, self.root / "bot.log", env=self.bot_env(self.http_port))
        await self.bot.start()
        await self.bot_ready(self.bot, self.http_port)

    def bot_env(self, http_port: int) -> dict[str, str]:
        """What a bot of this stand needs to be told, one of several as well."""
        secrets = {
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            **(
                {"SLACK_SIGNING_SECRET": self.slack.signing_secret}
                if self._delivery == "http"
                else {"SLACK_APP_TOKEN": self.slack.app_token}
            ),
        }
        return secrets | {
            "SLACK_API_URL": self.slack.api_url,
            "DATABASE_URL": self.database_url,
            "SMTP_URL": self.smtp_url,
            "PROMETHEUS_URL": self.world.prometheus.url,
            "HTTP_HOST": "127.0.0.1",
            "HTTP_PORT": str(http_port),
            # A machine remembers the steps it ran: those of a stand are no matter of its owner's.
            "XDG_STATE_HOME": str(self.root / "state"),
        }

    async def bot_ready(self, bot: Child, http_port: int) -> None:
        """Until /readyz says so. Raises ProductionError."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:

            async def ready() -> bool:
                try:
                    async with session.get(f"http://127.0.0.1:{http_port}/readyz") as answer:
                        return answer.status == 200
                except (aiohttp.ClientError, TimeoutError):
                    return False

            await bot.ready(ready, deadline=self.bot_ready_within)

    async def kill_bot(self) -> None:
        """SIGKILL, as a machine would lose it."""
        if self.bot:
            await self.bot.kill()

    async def stop_bot(self) -> None:
        if self.bot:
            await self.bot.stop()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()


__all__ = ["CHANNEL", "SERVICE", "Stand"]
