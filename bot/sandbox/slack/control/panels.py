"""Panels: tables beside the conversation that show what the bot cannot say of itself, such as the real traffic.

A panel is a title and a URL. The page asks `/control/panels/N` each second and the server fetches the URL, so that it
may be on any port. The URL answers JSON: a list of objects (one row each, keys are columns), or an object with `rows`
(such a list) and maybe `note` (a sentence), or any other object (two columns, name and value).
"""

from __future__ import annotations

from typing import NamedTuple

import aiohttp
from aiohttp import web


class Panel(NamedTuple):
    title: str
    url: str


class Panels:
    def __init__(self, panels: list[Panel]) -> None:
        self.panels = panels
        self._session: aiohttp.ClientSession | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """`GET /control/panels/{n}` -> {"ok": bool, "title": str, "data": any} or {"ok": false, "error": str}."""
        number = int(request.match_info["n"])
        if number >= len(self.panels):
            return web.json_response({"ok": False, "error": "no_such_panel"}, status=404)
        panel = self.panels[number]
        url = panel.url if "://" in panel.url else f"http://{request.host}{panel.url}"
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2))
        try:
            async with self._session.get(url) as answer:
                data = await answer.json(content_type=None)
        except (TimeoutError, aiohttp.ClientError, ValueError) as error:
            return web.json_response({"ok": False, "title": panel.title, "error": str(error) or type(error).__name__})
        return web.json_response({"ok": True, "title": panel.title, "data": data})

    async def stop(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
