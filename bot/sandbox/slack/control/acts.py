"""What people do, over HTTP: every body names the person in `as` (an id or a name)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from aiohttp import web

from bot.sandbox.slack.control.bodies import Json, body_of
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.person import Person, shown

if TYPE_CHECKING:
    from bot.sandbox.slack.server import SandboxServer

Act = Callable[[Person, Json], Awaitable[Json]]


class Acts:
    def __init__(self, server: SandboxServer) -> None:
        self._server = server

    def by_name(self) -> dict[str, Callable[[web.Request], Awaitable[Json]]]:
        acts: dict[str, Act] = {
            "post": _post,
            "delete": _delete,
            "command": _command,
            "react": _react,
            "unreact": _unreact,
            "click": _click,
            "submit": _submit,
            "close": _close,
            "home": _home,
        }
        handlers = {name: self._handler(act) for name, act in acts.items()}
        return handlers | {"invite": self._invite, "user": self._user}

    def _handler(self, act: Act) -> Callable[[web.Request], Awaitable[Json]]:
        async def handle(request: web.Request) -> Json:
            body = await body_of(request)
            return await act(self._server.person(_str(body, "as")), body)

        return handle

    async def _invite(self, request: web.Request) -> Json:
        """{"channel", "user"}: put somebody (the bot too) into a channel."""
        body = await body_of(request)
        self._server.workspace.invite(_str(body, "channel"), self._server.person(_str(body, "user")).id)
        return {}

    async def _user(self, request: web.Request) -> Json:
        """{"user", "deleted"?, "is_restricted"?, ...}: change flags of a person, as an administrator would."""
        body = await body_of(request)
        user = self._server.workspace.user(self._server.person(_str(body, "user")).id)
        for name, value in body.items():
            if name != "user":
                if not isinstance(getattr(user, name, None), bool):
                    raise SlackError("invalid_arguments", message=f"no such flag: {name}")
                setattr(user, name, bool(value))
        return {"user": user.to_slack()}


def _str(body: Json, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise SlackError("invalid_arguments", message=f"missing field: {name}")
    return value


def _optional(body: Json, name: str) -> str | None:
    return str(body[name]) if body.get(name) else None


async def _post(person: Person, body: Json) -> Json:
    thread = _optional(body, "thread_ts")
    broadcast = bool(body.get("broadcast"))
    message = await person.post(_str(body, "channel"), _str(body, "text"), thread_ts=thread, broadcast=broadcast)
    return {"message": shown(message)}


async def _delete(person: Person, body: Json) -> Json:
    await person.delete(_str(body, "channel"), _str(body, "ts"))
    return {}


async def _command(person: Person, body: Json) -> Json:
    wait = float(body.get("wait", 2.0))
    return (await person.command(_str(body, "text"), _str(body, "channel"), wait=wait)).to_json()


async def _react(person: Person, body: Json) -> Json:
    await person.react(_str(body, "channel"), _str(body, "ts"), _str(body, "name"))
    return {}


async def _unreact(person: Person, body: Json) -> Json:
    await person.unreact(_str(body, "channel"), _str(body, "ts"), _str(body, "name"))
    return {}


async def _click(person: Person, body: Json) -> Json:
    value, confirmed = body.get("value"), bool(body.get("confirmed"))
    action = _str(body, "action_id")
    if view_id := _optional(body, "view_id"):
        return (await person.click_view(view_id, action, value=value, confirmed=confirmed)).to_json()
    outcome = await person.click(
        _str(body, "channel"),
        _str(body, "ts"),
        action,
        value=value,
        confirmed=confirmed,
        block_id=_optional(body, "block_id"),
        wait=float(body.get("wait", 0.0)),
    )
    return outcome.to_json()


async def _submit(person: Person, body: Json) -> Json:
    values = body.get("values") or {}
    if not isinstance(values, dict):
        raise SlackError("invalid_arguments")
    return (await person.submit(_str(body, "view_id"), values)).to_json()


async def _close(person: Person, body: Json) -> Json:
    return (await person.close_view(_str(body, "view_id"))).to_json()


async def _home(person: Person, body: Json) -> Json:
    await person.open_home()
    return {}
