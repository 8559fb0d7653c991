"""Socket Mode, with a watchdog for the connection that the library would retry with a dead ticket for ever."""

from __future__ import annotations

import asyncio
import contextlib

import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp

log = structlog.get_logger()
STALE_AFTER = 3  # looks without a connection, until the ticket is thrown away
RENEW_AFTER = 15  # looks, until the client is given up and a new one made: its own loops may have ended
CLOSE_WITHIN = 2.0  # seconds for the other side to say good-bye


class SocketRunner:
    """start() returns at once; the connection is made, watched and made anew until stop().

    look_every: seconds between looks. ping: seconds between pings, and between the library's own tries to connect.
    """

    def __init__(self, app: AsyncApp, app_token: str, *, look_every: float = 2.0, ping: float = 10.0) -> None:
        self._app = app
        self._app_token = app_token
        self._look_every = look_every
        self._ping = ping
        self._made: AsyncSocketModeHandler | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def _handler(self) -> AsyncSocketModeHandler:
        """Made when it is first needed: it opens a session and starts a task, which a start that fails would leave."""
        if self._made is None:
            self._made = AsyncSocketModeHandler(self._app, self._app_token, ping_interval=self._ping)
        return self._made

    def start(self) -> None:
        self._connecting = asyncio.create_task(self._connect(), name="socket mode")
        self._watching = asyncio.create_task(self._watch(), name="socket mode watchdog")

    async def stop(self) -> None:
        await _end(self._watching)
        if self._made is not None:
            await self._close()

    async def connected(self) -> bool:
        return self._made is not None and bool(await self._made.client.is_connected())

    async def _close(self) -> None:
        await _end(self._connecting)
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE_WITHIN):
                await self._handler.client.close()
        client = self._handler.client
        for task in (client.message_processor, client.current_session_monitor, client.message_receiver):
            if task is not None:
                task.cancel()
        with contextlib.suppress(Exception):
            await client.aiohttp_client_session.close()

    async def _connect(self) -> None:
        """The library gives up when the first ticket cannot be had; a bot outlives an outage of Slack."""
        wait = 0.5
        while True:
            try:
                await self._handler.client.connect()
                return
            except Exception as error:
                log.warning("Socket Mode cannot be opened yet", error=repr(error), again_in=wait)
                await asyncio.sleep(wait)
                wait = min(30.0, wait * 2)

    async def _watch(self) -> None:
        missed = 0
        while True:
            await asyncio.sleep(self._look_every)
            missed = 0 if await self.connected() else missed + 1
            if missed == RENEW_AFTER:
                log.warning("Socket Mode stays away; beginning anew")
                await self._close()
                self._made = None
                self._connecting = asyncio.create_task(self._connect(), name="socket mode")
                missed = 0
            elif missed and missed % STALE_AFTER == 0:
                log.warning("Socket Mode is away; asking for a new ticket", looks=missed)
                self._handler.client.wss_uri = None


async def _end(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
