"""The bot's HTTP: Slack's requests in HTTP mode, and what a supervisor asks."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp

log = structlog.get_logger()
LIMIT = 1024 * 1024  # bytes; Slack's payloads are far below
ALERTS_LIMIT = 8 * LIMIT  # of a group of thousands; Alertmanager gives up what is refused for its size
Problems = Callable[[], Awaitable[dict[str, str]]]


@dataclass(frozen=True, slots=True)
class AlertDoor:
    """take: commits a body of Alertmanager's and returns how many alerts it has; ValueError = it is none of those.

    token: None = nobody may post. refused: is told why a body of somebody with the token was not taken, and "" when one
    is again: Alertmanager gives up what it was refused.
    """

    take: Callable[[bytes], Awaitable[int]]
    token: str | None
    away: tuple[type[Exception], ...]  # what `take` raises when nothing was taken and it should come again
    refused: Callable[[str], Awaitable[None]] | None = None


class Web:
    """problems: what keeps the bot from doing its work now, by part; empty = ready. slack: None in Socket Mode."""

    def __init__(
        self, problems: Problems, registry: CollectorRegistry, slack: AsyncApp | None, alerts: AlertDoor | None = None
    ) -> None:
        self._problems = problems
        self._registry = registry
        self._slack = slack
        self._alerts = alerts
        self._runner: web.AppRunner | None = None

    def application(self) -> web.Application:
        app = web.Application(client_max_size=LIMIT)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        if self._alerts:
            app.router.add_post("/alerts", self._take_alerts)
        if self._slack:
            app.router.add_post("/slack/events", self._events)
        return app

    async def start(self, host: str, port: int) -> int:
        """The port it listens on. Raises OSError."""
        self._runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=2.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Bolt checks the signature, but reads the body before that: what cannot be read is refused here."""
        assert self._slack is not None
        try:
            asked = await to_bolt_request(request)
        except (ValueError, LookupError, TypeError, AttributeError):
            raise web.HTTPBadRequest(text="the body cannot be read") from None
        response: web.StreamResponse = await to_aiohttp_response(await self._slack.async_dispatch(asked))
        return response

    async def _take_alerts(self, request: web.Request) -> web.Response:
        """200 only once it is committed: whoever sends it sends it again until then."""
        door = self._alerts
        assert door is not None
        if door.token is None:
            raise web.HTTPForbidden(text="nobody may post alerts: set ALERTS_TOKEN")
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), door.token.encode()):
            log.warning("alerts were posted with a wrong token", sender=request.remote)
            raise web.HTTPUnauthorized(text="the token is wrong: send `Authorization: Bearer` with ALERTS_TOKEN")
        try:
            body = await request.clone(client_max_size=ALERTS_LIMIT).read()
            count = await door.take(body)
            await self._told(door, "")
            return web.json_response({"ok": True, "alerts": count})
        except web.HTTPRequestEntityTooLarge:
            what = f"a body above {ALERTS_LIMIT // LIMIT} MB: set max_alerts in Alertmanager's webhook_configs"
            await self._told(door, what)
            raise web.HTTPRequestEntityTooLarge(ALERTS_LIMIT, text=what) from None
        except ValueError as error:
            await self._told(door, str(error))
            raise web.HTTPBadRequest(text=str(error)) from None
        except door.away as error:
            raise web.HTTPServiceUnavailable(text=f"nothing was taken, send it again: {error}") from None

    async def _told(self, door: AlertDoor, why: str) -> None:
        if why:
            log.warning("alerts were posted and not taken", why=why)
        if door.refused:
            await door.refused(why)

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def _readyz(self, request: web.Request) -> web.Response:
        problems = await self._problems()
        return web.json_response({"ok": not problems, "problems": problems}, status=503 if problems else 200)

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": "text/plain; version=0.0.4"})
