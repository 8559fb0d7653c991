"""One call of a Web API method: its arguments, and who makes it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.models import Channel, Json
from bot.sandbox.slack.workspace import Workspace


@dataclass
class Call:
    """`args` hold strings (form) or any JSON value; the readers below take both."""

    ws: Workspace
    method: str
    args: Mapping[str, Any]

    @property
    def me(self) -> str:
        return self.ws.app.bot_user

    def text(self, name: str, default: str = "") -> str:
        value = self.args.get(name)
        return default if value is None else str(value)

    def needed(self, name: str, code: str = "invalid_arguments") -> str:
        value = self.text(name)
        if not value:
            note = f"[ERROR] missing required field: {name}"
            raise SlackError(code, response_metadata={"messages": [note]})
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.args.get(name)
        return default if value is None else str(value).lower() in ("1", "true")

    def number(self, name: str, default: int, *, least: int = 1, most: int = 1000) -> int:
        try:
            value = int(self.text(name, str(default)))
        except ValueError:
            raise SlackError("invalid_limit" if name == "limit" else "invalid_arguments") from None
        if value < least:
            raise SlackError("invalid_limit" if name == "limit" else "invalid_arguments")
        return min(value, most)

    def json(self, name: str, code: str) -> Any:
        """A JSON value, given as such or as text; None when absent. Raises SlackError `code` on bad text."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise SlackError(code) from None

    def list_of(self, name: str) -> list[str]:
        value = self.args.get(name)
        if isinstance(value, list):
            return [str(item) for item in value]
        return [item.strip() for item in self.text(name).split(",") if item.strip()]

    def require(self, scope: str) -> None:
        """Raises SlackError missing_scope, naming the scope that is needed."""
        granted = self.ws.app.scopes
        if scope not in granted:
            raise SlackError("missing_scope", needed=scope, provided=",".join(sorted(granted)))

    def channel(self, name: str = "channel") -> Channel:
        """The channel named in the arguments, if the bot can see it. Raises SlackError channel_not_found."""
        return self.ws.channel(self.needed(name, "channel_not_found"), reader=self.me)

    def joined_channel(self, name: str = "channel") -> Channel:
        """The same, and the bot must be a member. Raises SlackError not_in_channel."""
        channel = self.channel(name)
        if self.me not in channel.members:
            raise SlackError("not_in_channel")
        return channel


Handler = Callable[[Call], Json]


@dataclass(frozen=True)
class Method:
    """`scope` is what the token needs; `token` is `bot`, `app` (xapp) or `none`."""

    handler: Handler
    scope: str = ""
    token: str = "bot"


def page_of(items: list[Any], call: Call, *, default: int = 100) -> tuple[list[Any], Json]:
    """A page by `cursor` and `limit`, and the `response_metadata` for the next one."""
    limit = call.number("limit", default)
    start = _offset(call.text("cursor"))
    following = start + limit
    cursor = base64.b64encode(f"offset:{following}".encode()).decode() if following < len(items) else ""
    return items[start:following], {"next_cursor": cursor}


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        kind, _, value = base64.b64decode(cursor, validate=True).decode().partition(":")
        if kind != "offset":
            raise ValueError(cursor)
        return int(value)
    except (ValueError, binascii.Error):
        raise SlackError("invalid_cursor") from None
