"""JSON in and out of the control API."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.sandbox.slack.errors import SlackError

Json = dict[str, Any]
Reader = Callable[[web.Request], Awaitable[Json]]


def guarded(handler: Reader) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The handler's object with `ok: true`, or its SlackError with `ok: false`; 200 both, as Slack answers."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return web.json_response({"ok": True, **await handler(request)})
        except SlackError as refusal:
            return web.json_response({"ok": False, "error": refusal.code, **refusal.extra})

    return answer


async def body_of(request: web.Request) -> Json:
    """Raises SlackError invalid_json, or unsupported_media_type unless the request says it is JSON."""
    if request.content_type != "application/json":
        raise SlackError("unsupported_media_type")
    try:
        body = json.loads(await request.text() or "{}")
    except ValueError:
        raise SlackError("invalid_json") from None
    if not isinstance(body, dict):
        raise SlackError("invalid_json")
    return body
