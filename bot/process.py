"""The process around the bot: its log, its signals, the database that may be away at boot, its exit status."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys

import structlog

from bot.app import Bot, Role
from bot.engine.ports.errors import Final, Retryable
from bot.engine.ports.store import Store
from bot.store.opening import open_store
from config.settings import Settings

log = structlog.get_logger()
STORE_WAIT = 5.0  # seconds, at most, between looks whether the database is back, at boot


def set_up_logging(level: str) -> None:
    """One JSON object a line on stderr; libraries from WARNING up."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s %(levelname)s %(message)s")
    # It warns that the token is given twice, because it looks into the environment by itself.
    logging.getLogger("slack_bolt.AsyncApp").setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


async def serve(settings: Settings, role: Role = "all") -> int:
    """Runs until SIGTERM or SIGINT. The exit status: 0, or 1 where it could not start (said on stderr)."""
    set_up_logging(settings.log_level)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    try:
        store = await _opened(settings.database_url, stop)
        if store is None:
            return 0
        if role != "all" and not store.shared:
            await store.close()
            raise Final(f"--role {role} needs several processes on one database: set DATABASE_URL to a PostgreSQL")
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(store.close)
            starting = asyncio.create_task(stack.enter_async_context(Bot(settings, store, role)), name="start")
            stopping = asyncio.create_task(stop.wait(), name="stop")
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                starting.cancel()
                await asyncio.gather(starting, return_exceptions=True)
                return 0
            starting.result()
            await stopping
    except Final as error:
        print(f"rollout-bot: {error}", file=sys.stderr)
        return 1
    return 0


async def _opened(url: str, stop: asyncio.Event) -> Store | None:
    """Waits for a database that is away, as the bot does when it goes away later; None = told to stop meanwhile."""
    wait = 0.5
    while not stop.is_set():
        try:
            return await open_store(url)
        except Retryable as error:
            log.warning("the database does not answer yet", error=str(error), again_in=wait)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await stop.wait()
        wait = min(STORE_WAIT, wait * 2)
    return None
