"""Everything a demo needs, started together: the production, the workspace, and the bot as a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import aiohttp

import config
from bot.sandbox.demo.plans import SERVICE, Pace, write_config
from bot.sandbox.demo.production_page import production_routes
from bot.sandbox.production.children import Child
from bot.sandbox.production.ports import Ports
from bot.sandbox.production.world import Scale, World
from bot.sandbox.slack.control.panels import Panel
from bot.sandbox.slack.demo import demo_workspace
from bot.sandbox.slack.server import SandboxServer

CHANNEL = "releases"
Say = Callable[[str], None]


class Stand:
    """Enter to start, leave to end. root: an empty work directory; every log and the bot's database end up there.

    canary_version: what is deployed on the new pool. port: of the page, 0 = any.
    """

    bot_command: tuple[str, ...] = (sys.executable, "-m", "bot")
    bot_ready_within = 30.0  # seconds

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
    ) -> None:
        self.root = root.resolve()
        self.pace = pace or Pace()
        self.config_dir = self.root / "config"
        self.database = self.root / "rollout-bot.db"
        self._language = language
        self._delivery = delivery
        self._port = port
        self._say = say
        self._stack = AsyncExitStack()
        self._ports = Ports()
        self.http_port = 0
        scale = scale or Scale(hosts=2, rps=600, users=6000, internal_share=0.02, scrape_interval=1.0)
        self.world = World(self.root / "production", canary_version=canary_version, scale=scale)
        self.bot: Child | None = None

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
        shipped = Path(config.__file__).parent
        write_config(shipped, self.config_dir, self.world, self.pace, self._language)
        self.http_port = self._ports.take()
        self.workspace = demo_workspace()
        self.slack = SandboxServer(
            self.workspace,
            delivery=self._delivery,
            request_url=f"http://127.0.0.1:{self.http_port}/slack/events" if self._delivery == "http" else None,
            panels=[Panel("Traffic", "/production/traffic"), Panel("nginx hosts", "/production/hosts")],
            extra_routes=production_routes(self.world),
        )
        await self.slack.start(self._port)
        self._stack.push_async_callback(self.slack.stop)
        self._say("Starting the bot …")
        await self.start_bot()
        self._stack.push_async_callback(self.stop_bot)

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
            "PROMETHEUS_URL": self.world.prometheus.url,
            "HTTP_HOST": "127.0.0.1",
            "HTTP_PORT": str(http_port),
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
