"""The dead man's switch: an address is called as long as the bot is well; whoever is behind it misses the call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from bot.engine.ports.errors import Final, Retryable
from bot.notify.http import Http
from config.channels import HeartbeatSettings

log = structlog.get_logger()
PATIENCE = 2  # calls that fail in a row until it is told: one alone is the network's business


class Heartbeat:
    """problems: what is wrong with the bot by name, empty = well; a bot that is not well does not call.

    tell: is given a sentence when the calls stopped getting through, and "" when they do again. wait: for tests.
    """

    def __init__(
        self,
        settings: HeartbeatSettings,
        problems: Callable[[], Awaitable[dict[str, str]]],
        tell: Callable[[str], Awaitable[None]],
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings, self._problems, self._tell, self._wait = settings, problems, tell, wait
        self._url = settings.url.reveal()
        self._http = Http("the heartbeat's address", settings.timeout, (self._url,))
        self._task: asyncio.Task[None] | None = None
        self._failed = 0
        self.failing = ""

    def start(self) -> None:
        self._task = asyncio.create_task(self._loop(), name="heartbeat")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._http.aclose()

    async def beat(self) -> None:
        """One call, or none while the bot is not well. Never raises."""
        try:
            problem = await self._beat()
        except Exception as error:  # the switch must outlive a fault in what it watches
            log.exception("the heartbeat failed")
            problem = f"the heartbeat failed: {error!r}"
        self._failed = self._failed + 1 if problem else 0
        if problem and self._failed < PATIENCE:
            log.warning("heartbeat", problem=problem)
            return
        if bool(problem) != bool(self.failing):
            await self._say(problem)
        self.failing = problem

    async def _beat(self) -> str:
        ill = await self._problems()
        if ill:
            return "the heartbeat is held back: " + "; ".join(f"{name}: {what}" for name, what in sorted(ill.items()))
        try:
            answer = await self._http.ask("GET", self._url, {}, None)
        except Retryable as error:
            return str(error)
        if 200 <= answer.status < 300:
            return ""
        refusal: Retryable | Final = self._http.refusal(answer, time.time())
        return str(refusal)

    async def _say(self, problem: str) -> None:
        log.warning("heartbeat", problem=problem or "gets through again")
        try:
            await self._tell(problem)
        except Exception:
            log.exception("the heartbeat's state could not be told")

    async def _loop(self) -> None:
        while True:
            await self.beat()
            await self._wait(self._settings.interval)
