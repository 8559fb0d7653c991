"""What the page shows beside the conversation, over HTTP: the production, what can be broken, the inbox, the guide."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.fleet.nginx import diff
from bot.sandbox.demo.inbox import Inbox
from bot.sandbox.demo.recorder import Recorder, weight_of
from bot.sandbox.demo.roles import Roles
from bot.sandbox.demo.switches import Switches
from bot.sandbox.demo.walk import Reader
from bot.sandbox.production.children import ProductionError
from bot.sandbox.production.world import World
from bot.sandbox.slack.control.bodies import body_of
from bot.sandbox.slack.errors import SlackError
from bot.store.errors import StoreBroken, StoreUnavailable

Json = dict[str, Any]
Do = Callable[[Json], Awaitable[None]]


@dataclass
class Playing:
    """A scenario that plays in the page. state: `playing`, `done` or what went wrong."""

    name: str = ""
    speed: float = 1.0
    state: str = ""
    lines: list[str] = field(default_factory=list)

    def to_json(self) -> Json | None:
        if not self.name:
            return None
        return {"name": self.name, "speed": self.speed, "state": self.state, "lines": self.lines[-12:]}


@dataclass
class Backstage:
    """Everything the page's production pane is about. about: what never changes (service, channel, stages).

    switches: set before the routes are served.
    """

    world: World
    roles: Roles
    recorder: Recorder
    inbox: Inbox
    reader: Reader
    about: Mapping[str, Any]
    playing: Playing = field(default_factory=Playing)
    switches: Switches = field(init=False)

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/production/now", self._now),
            web.get("/production/file/{host}", self._file),
            web.get("/production/walk", self._walk),
            web.get("/production/inbox", self._inbox),
            web.post("/gateway/sms", self.inbox.sms),
            *(web.post(f"/production/{name}", _doing(do)) for name, do in self._acts().items()),
        ]

    def _acts(self) -> dict[str, Do]:
        """The bodies: dial `dial.Dial` or crash or running; prometheus and slack `running`; host `name`, `running`;
        edit `name`, `text`; put_back `name`."""
        return {
            "dial": lambda body: self.switches.dial(**body),
            "prometheus": lambda body: self.switches.prometheus(_flag(body, "running")),
            "slack": lambda body: self.switches.slack(_flag(body, "running")),
            "host": lambda body: self.switches.host(_text(body, "name"), _flag(body, "running")),
            "edit": lambda body: self.switches.edit(_text(body, "name"), _text(body, "text")),
            "put_back": lambda body: self.switches.put_back(_text(body, "name")),
        }

    async def _now(self, request: web.Request) -> web.Response:
        """`since`: Unix seconds; the samples after it, and the state of everything now."""
        try:
            since = float(request.query.get("since", "0"))
        except ValueError:
            return web.json_response({"ok": False, "error": "since must be a number"}, status=400)
        shown = self.world.snapshot()
        keys = ("name", "running", "file", "generation", "mode", "internal")
        return web.json_response(
            {
                "about": dict(self.about),
                "samples": self.recorder.since(since),
                "pools": self.roles.by_role(shown["pools"]),
                "hosts": [{key: row[key] for key in keys} | {"weight": weight_of(row)} for row in shown["hosts"]],
                "switches": self.switches.state(),
                "letters": self.inbox.letters[-1].id if self.inbox.letters else 0,
                "playing": self.playing.to_json(),
            }
        )

    async def _file(self, request: web.Request) -> web.Response:
        """A host's file, the one before it, and the difference in one text."""
        try:
            file = self.recorder.file(request.match_info["host"])
        except KeyError:
            return web.json_response({"ok": False, "error": "no such host"}, status=404)
        return web.json_response(
            {"ok": True, "text": file.text, "before": file.before, "diff": diff(file.before, file.text)}
        )

    async def _walk(self, request: web.Request) -> web.Response:
        try:
            steps, where = await self.reader.look()
        except (StoreUnavailable, StoreBroken, OSError) as error:
            return web.json_response({"ok": False, "error": str(error)})
        return web.json_response({"ok": True, "done": steps, "where": where})

    async def _inbox(self, request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "letters": self.inbox.to_json()})


def _doing(do: Do) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """{"ok": true}, or {"ok": false, "error": the sentence of what went wrong}."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            await do(await body_of(request))
        except (ProductionError, OSError, TypeError) as error:
            return web.json_response({"ok": False, "error": str(error)})
        except SlackError as refusal:
            return web.json_response({"ok": False, "error": refusal.code, **refusal.extra})
        return web.json_response({"ok": True})

    return handle


def _text(body: Json, name: str) -> str:
    if not isinstance(body.get(name), str):
        raise ProductionError(f"say {name}, a text")
    return str(body[name])


def _flag(body: Json, name: str) -> bool:
    if not isinstance(body.get(name), bool):
        raise ProductionError(f"say {name}, true or false")
    return bool(body[name])
