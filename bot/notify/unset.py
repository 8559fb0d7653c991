"""The channel that is configured and lacks its secret: it says so instead of pretending."""

from __future__ import annotations

from bot.engine.ports.errors import Final
from bot.notify.message import Notification


class UnsetChannel:
    """missing: environment variables."""

    def __init__(self, name: str, missing: tuple[str, ...]) -> None:
        self._sentence = f"channel {name} does nothing: set {' and '.join(missing)} in the environment and restart"

    async def send(self, to: str, notification: Notification) -> str:
        """Raises Final: not before a restart, and then the message is another channel's already."""
        raise Final(self._sentence)

    async def check(self) -> str:
        return self._sentence

    async def aclose(self) -> None:
        """There is nothing."""
