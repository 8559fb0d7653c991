"""The HTTP side of the Web API: token, scope and faults first, then the method's handler."""

from __future__ import annotations

import json
import secrets
from typing import Any

from aiohttp import web

from bot.sandbox.slack.api import chat, conversations, files, general, people, reactions, views
from bot.sandbox.slack.api.call import Call, Method
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.models import Json
from bot.sandbox.slack.workspace import Workspace

METHODS: dict[str, Method] = {
    **general.METHODS,
    **chat.METHODS,
    **conversations.METHODS,
    **reactions.METHODS,
    **people.METHODS,
    **views.METHODS,
    **files.METHODS,
}


class WebApi:
    """Answers `/api/METHOD`, by GET or POST, with form fields, JSON or a query."""

    def __init__(self, ws: Workspace) -> None:
        self._ws = ws

    async def handle(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        self._ws.calls[method] += 1
        args = await read_args(request)
        if self._ws.faults.outage:
            self._note(method, args, "outage")
            return outage(self._ws, request)
        retry_after = self._ws.faults.limited(method)
        if retry_after is not None:
            self._note(method, args, "ratelimited")
            headers = {"Retry-After": str(retry_after)}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        body = self._answer(method, args, _token(request, args))
        self._note(method, args, body.get("error", ""))
        if self._ws.faults.takes_response(method):
            return reset(request)
        headers = {"X-OAuth-Scopes": ",".join(sorted(self._ws.app.scopes)), "X-Slack-Req-Id": secrets.token_hex(16)}
        return web.json_response(body, headers=headers)

    def _answer(self, method: str, args: Json, token: str) -> Json:
        try:
            spec = self._allowed(method, token)
            call = Call(self._ws, method, args)
            if spec.scope:
                call.require(spec.scope)
            return {"ok": True, **spec.handler(call)}
        except SlackError as refusal:
            return {"ok": False, "error": refusal.code, **refusal.extra}

    def _allowed(self, method: str, token: str) -> Method:
        app = self._ws.app
        if method in self._ws.faults.errors:
            raise SlackError(self._ws.faults.errors[method])
        spec = METHODS.get(method)
        if spec is None:
            raise SlackError("unknown_method", req_method=method)
        if spec.token == "none":
            return spec
        if not token:
            raise SlackError("not_authed")
        if token not in (app.bot_token, app.app_token):
            raise SlackError("invalid_auth")
        if (token == app.app_token) != (spec.token == "app"):
            raise SlackError("not_allowed_token_type")
        return spec

    def _note(self, method: str, args: Json, error: str) -> None:
        shown = {name: value for name, value in args.items() if name != "token"}
        self._ws.log.append("api.called", method=method, ok=not error, error=error, args=shown)


def _token(request: web.Request, args: Json) -> str:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else str(args.get("token") or "")


async def read_args(request: web.Request) -> Json:
    """Query and body together; the body wins. A body that is no JSON object counts as empty."""
    args: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.text() or "{}")
        except ValueError:
            body = {}
        if isinstance(body, dict):
            args |= body
    elif request.method == "POST":
        args |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    return {name: value for name, value in args.items() if value is not None}


def outage(ws: Workspace, request: web.Request) -> web.StreamResponse:
    return reset(request) if ws.faults.outage == "reset" else web.Response(status=503, text="service unavailable")


def reset(request: web.Request) -> web.StreamResponse:
    """Cut the connection without an answer: the caller cannot know whether the call was carried out."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
