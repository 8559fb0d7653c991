"""The HTTP control API. Bodies and answers are JSON; a refusal is {"ok": false, "error": code, ...}.

Requests that change something must be `application/json`, which a foreign web page cannot send unasked.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from bot.sandbox.slack.control import state
from bot.sandbox.slack.control.acts import Acts
from bot.sandbox.slack.control.bodies import Json, body_of, guarded
from bot.sandbox.slack.control.page import Assets, PageOptions
from bot.sandbox.slack.emoji import EMOJI
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.workspace import ALL_SCOPES

if TYPE_CHECKING:
    from bot.sandbox.slack.server import SandboxServer

LONGEST_WAIT = 60.0


class Control:
    """Reading, waiting and faults; what people do is in `Acts`."""

    def __init__(self, server: SandboxServer, page: PageOptions) -> None:
        self._server = server
        self._ws = server.workspace
        self._page = page

    def add_to(self, app: web.Application) -> None:
        router = app.router
        Assets(self._page).add_to(app)
        for name, read in {
            "state": self._state,
            "messages": self._messages,
            "views": self._views,
            "deliveries": self._deliveries,
            "counters": self._counters,
            "wait": self._wait,
            "faults": self._faults,
            "emoji": self._emoji,
        }.items():
            router.add_get(f"/control/{name}", guarded(read))
        router.add_post("/control/faults", guarded(self._set_faults))
        router.add_post("/control/disconnect", guarded(self._disconnect))
        for name, act in Acts(self._server).by_name().items():
            router.add_post(f"/control/{name}", guarded(act))
        router.add_get("/control/ws", self._live)

    async def _state(self, request: web.Request) -> Json:
        return state.overview(self._ws) | self._page.to_json() | {"sockets": self._server.sockets.connections}

    async def _messages(self, request: web.Request) -> Json:
        """`channel`; optional: `as`, `thread`, `newest`; see `state.messages`."""
        query = request.query
        newest = query.get("newest", "")
        if newest and not newest.isdecimal():
            raise SlackError("invalid_arguments", message="newest must be a number")
        viewer = self._server.person(query["as"]).id if query.get("as") else None
        found = state.messages(
            self._ws,
            query.get("channel", ""),
            viewer=viewer,
            thread=query.get("thread"),
            newest=int(newest) if newest else None,
        )
        return {"messages": found}

    async def _views(self, request: web.Request) -> Json:
        user = self._server.person(request.query["as"]).id if request.query.get("as") else None
        return {"views": state.views(self._ws, user)}

    async def _deliveries(self, request: web.Request) -> Json:
        return {"deliveries": state.deliveries(self._ws)}

    async def _counters(self, request: web.Request) -> Json:
        return state.counters(self._ws)

    async def _emoji(self, request: web.Request) -> Json:
        return {"emoji": EMOJI}

    async def _wait(self, request: web.Request) -> Json:
        """`cursor` (0 = from the start), `timeout` seconds (at most 60), `kind`: a prefix such as `message.`."""
        try:
            cursor = int(request.query.get("cursor", "0"))
            timeout = min(float(request.query.get("timeout", "25")), LONGEST_WAIT)
        except ValueError:
            raise SlackError("invalid_arguments") from None
        prefix = request.query.get("kind", "")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            entries = await self._ws.log.more(cursor, max(0.0, deadline - loop.time()))
            cursor = entries[-1]["seq"] if entries else cursor
            wanted = [entry for entry in entries if entry["kind"].startswith(prefix)]
            if wanted or not entries:
                return {"cursor": cursor, "entries": wanted}

    async def _faults(self, request: web.Request) -> Json:
        return {"faults": self._ws.faults.to_json(), "missing_scopes": self._missing()}

    async def _set_faults(self, request: web.Request) -> Json:
        """Named switches are set; `clear: true` first sets all back; `missing_scopes` replaces the missing ones."""
        body = await body_of(request)
        if body.pop("clear", False):
            self._ws.faults.clear()
            self._ws.app.scopes |= set(self._missing())
        if "missing_scopes" in body:
            self._ws.app.scopes |= set(self._missing())
            self._ws.app.scopes -= set(body.pop("missing_scopes"))
        try:
            self._ws.faults.apply(body)
        except (TypeError, ValueError) as error:
            raise SlackError("invalid_arguments", message=str(error)) from None
        self._ws.log.append("faults.changed", faults=self._ws.faults.to_json())
        return await self._faults(request)

    def _missing(self) -> list[str]:
        return sorted(ALL_SCOPES - self._ws.app.scopes)

    async def _disconnect(self, request: web.Request) -> Json:
        body = await body_of(request)
        reason = str(body.get("reason", "refresh_requested"))
        return {"connections": await self._server.disconnect_sockets(reason, close=bool(body.get("close")))}

    async def _live(self, request: web.Request) -> web.StreamResponse:
        """A WebSocket that sends each log entry as JSON, from `cursor` (default: now) on, and heeds no message.

        `kinds`: prefixes, separated by commas, of the entries wanted; default all.
        """
        socket = web.WebSocketResponse(heartbeat=20)
        await socket.prepare(request)
        cursor = int(request.query.get("cursor", self._ws.log.cursor))
        kinds = tuple(request.query.get("kinds", "").split(","))
        sender = asyncio.create_task(self._send_log(socket, cursor, kinds), name="sandbox-page-live")
        try:
            async for _ in socket:
                pass
        finally:
            sender.cancel()
        return socket

    async def _send_log(self, socket: web.WebSocketResponse, cursor: int, kinds: tuple[str, ...]) -> None:
        while not socket.closed:
            for entry in await self._ws.log.more(cursor, 5.0):
                cursor = entry["seq"]
                if entry["kind"].startswith(kinds):
                    await socket.send_json(entry)
