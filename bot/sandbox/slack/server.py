"""The local server: Web API, Socket Mode, response URLs, uploads, control API and page, on one loopback port."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Literal
from urllib.parse import urlsplit

from aiohttp import web

from bot.sandbox.slack.answering import answer
from bot.sandbox.slack.api.web import WebApi, outage, read_args
from bot.sandbox.slack.control.page import PageOptions
from bot.sandbox.slack.control.routes import Control
from bot.sandbox.slack.delivery.deliverer import Deliverer, Transport
from bot.sandbox.slack.delivery.http import HttpTransport
from bot.sandbox.slack.delivery.socket import SocketTransport
from bot.sandbox.slack.downloads import download
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.person import Person
from bot.sandbox.slack.workspace import Workspace

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class SandboxServer:
    """Serves one workspace on 127.0.0.1.

    `delivery` is `socket` (the app opens WebSockets) or `http` (needs `request_url`, the app's /slack/events).
    `page` is what the page shows besides the workspace; `extra_routes` are added to the same application.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        delivery: Literal["socket", "http"] = "socket",
        request_url: str | None = None,
        page: PageOptions | None = None,
        extra_routes: Iterable[web.AbstractRouteDef] = (),
    ) -> None:
        if delivery == "http" and not request_url:
            raise ValueError("delivery='http' needs request_url")
        self.workspace = workspace
        self.sockets = SocketTransport(workspace)
        self._http = HttpTransport(workspace, request_url) if delivery == "http" and request_url else None
        transport: Transport = self._http or self.sockets
        self._deliverer = Deliverer(workspace, transport)
        self._page = page or PageOptions()
        self._extra_routes = list(extra_routes)
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def api_url(self) -> str:
        """For SLACK_API_URL or AsyncWebClient(base_url=...); ends with a slash."""
        return f"{self.page_url}api/"

    @property
    def page_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def control_url(self) -> str:
        return f"{self.page_url}control/"

    @property
    def bot_token(self) -> str:
        return self.workspace.app.bot_token

    @property
    def app_token(self) -> str:
        return self.workspace.app.app_token

    @property
    def signing_secret(self) -> str:
        return self.workspace.app.signing_secret

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1; port 0 takes a free one, to be read from `port`."""
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        self.workspace.base_url = self.page_url.rstrip("/")
        self.workspace.deliver = self._deliverer.events

    async def stop(self) -> None:
        self.workspace.deliver = None
        await self._deliverer.stop()
        await self.sockets.disconnect("", close=True)
        if self._http is not None:
            await self._http.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def person(self, who: str) -> Person:
        """Somebody to act as, by id or by name. Raises SlackError user_not_found."""
        for user in self.workspace.users.values():
            if who in (user.id, user.name):
                return Person(self.workspace, self._deliverer, user.id)
        raise SlackError("user_not_found")

    async def wait_connected(self, timeout: float = 5.0) -> None:
        """Until the app holds at least one Socket Mode connection. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while not self.sockets.connections:
                await self.workspace.wait_for(
                    lambda entry: entry["kind"] == "socket.connected", timeout, since=self.workspace.log.cursor
                )

    async def verify_request_url(self) -> bool:
        """Whether the request URL answers the url_verification challenge; False also in Socket Mode."""
        return self._http is not None and await self._http.verify()

    async def disconnect_sockets(self, reason: str = "refresh_requested", *, close: bool = False) -> int:
        """Send `disconnect` (reason warning, refresh_requested, link_disabled; "" sends none) and maybe cut."""
        return await self.sockets.disconnect(reason, close=close)

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[_only_loopback], client_max_size=64 * 1024 * 1024)
        api = WebApi(self.workspace)
        app.router.add_route("GET", "/api/{method}", api.handle)
        app.router.add_route("POST", "/api/{method}", api.handle)
        app.router.add_get("/link/", self.sockets.handle)
        app.router.add_post("/commands/{team}/{key}", self._respond)
        app.router.add_post("/actions/{team}/{key}", self._respond)
        app.router.add_route("PUT", "/upload/v1/{file}", self._upload)
        app.router.add_route("POST", "/upload/v1/{file}", self._upload)
        app.router.add_get("/files/{file}", self._download)
        Control(self, self._page).add_to(app)
        app.add_routes(self._extra_routes)
        return app

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        """POST to a response_url. 404 with used_url or expired_url once it is spent."""
        ws = self.workspace
        ws.calls["response_url"] += 1
        if ws.faults.outage:
            return outage(ws, request)
        body = await read_args(request)
        try:
            place = ws.response_urls.use(request.match_info["key"])
        except SlackError as refusal:
            return web.json_response({"ok": False, "error": refusal.code}, status=404)
        try:
            answer(ws, place, body)
        except SlackError as refusal:
            return web.json_response({"ok": False, "error": refusal.code, **refusal.extra}, status=400)
        return web.Response(text="ok")

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        stored = self.workspace.files.get(request.match_info["file"])
        if self.workspace.faults.outage:
            return outage(self.workspace, request)
        if stored is None or stored.complete:
            return web.Response(status=404, text="no such upload")
        if request.content_type.startswith("multipart/"):
            fields = [value for value in (await request.post()).values() if isinstance(value, web.FileField)]
            data = fields[0].file.read() if fields else b""
        else:
            data = await request.read()
        if len(data) != stored.size:
            return web.Response(status=400, text=f"expected {stored.size} bytes, got {len(data)}")
        stored.data, stored.uploaded = data, True
        return web.Response(text=f"OK - {len(data)}")

    async def _download(self, request: web.Request) -> web.StreamResponse:
        stored = self.workspace.files.get(request.match_info["file"])
        if stored is None or not stored.uploaded:
            return web.Response(status=404)
        return download(stored)


@web.middleware
async def _only_loopback(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse foreign Host and Origin headers: no web page elsewhere may act through the person's browser."""
    host = urlsplit(f"//{request.host}").hostname
    origin = request.headers.get("Origin")
    if host not in LOOPBACK or (origin is not None and urlsplit(origin).netloc != request.host):
        return web.Response(status=403, text="only from this machine")
    return await handler(request)
