"""The one error of the sandbox: a Slack error code, with what else Slack puts beside it."""

from __future__ import annotations

from typing import Any


class SlackError(Exception):
    """A refused call. `code` is Slack's own word (`channel_not_found`); `extra` is merged into the answer."""

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra
