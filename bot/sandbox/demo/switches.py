"""What a person can break and mend from the page: the new version, and the world around the bot."""

from __future__ import annotations

import asyncio
from typing import Any

from bot.sandbox.demo.roles import Roles
from bot.sandbox.production.children import ProductionError
from bot.sandbox.production.world import World
from bot.sandbox.slack.server import SandboxServer

AT_REST = {"error_ratio": 0, "latency_s": 0, "report_failure_ratio": 0, "memory_mb": 0, "critical_alerts": 0}


class Switches:
    """Each method raises ProductionError with a sentence. One thing is switched at a time."""

    def __init__(self, world: World, roles: Roles, slack: SandboxServer) -> None:
        self._world, self._roles, self._slack = world, roles, slack
        self._lock = asyncio.Lock()
        self._by_hand: dict[str, tuple[str, str]] = {}  # host -> its file before a person changed it, and after

    async def dial(self, **faults: Any) -> None:
        """Faults of the new version, see `dial.Dial`; `crash: true` ends it, `running: true` starts it again."""
        async with self._lock:
            if faults.pop("running", False):
                if not self._roles.backend.running:
                    await self._world.start_service(self._roles.new)
                return
            if not self._roles.backend.running:
                raise ProductionError("the new version has crashed: start it again first")
            await self._world.dial(self._roles.new, **faults)

    async def prometheus(self, running: bool) -> None:
        async with self._lock:
            if running and not self._world.prometheus.running:
                await self._world.start_prometheus()
            elif not running:
                await self._world.stop_prometheus()

    async def host(self, name: str, running: bool) -> None:
        async with self._lock:
            if running and not self._known(name).running:
                await self._world.bring_host_up(name)
            elif not running:
                self._known(name)
                await self._world.take_host_down(name)

    async def slack(self, running: bool) -> None:
        """Cut: the Web API answers 503 and every open connection of the app ends."""
        self._slack.workspace.faults.outage = "" if running else "503"
        if not running:
            await self._slack.disconnect_sockets("", close=True)

    async def edit(self, name: str, text: str) -> None:
        """Put `text` into a host's file as a person would in an editor, and reload nginx."""
        now = self._text(name)
        before = self._by_hand[name][0] if name in self.edited() else now
        self._by_hand[name] = (before, text)
        self._world.edit_host_file(name, text, reload=self._world.nginx[name].running)

    async def put_back(self, name: str) -> None:
        """Undo what a person did to a host's file. Raises also when there is nothing to undo."""
        self._known(name)
        if name not in self.edited():
            raise ProductionError(f"the file of {name} is not one that was changed by hand here")
        before, _ = self._by_hand.pop(name)
        self._world.edit_host_file(name, before, reload=self._world.nginx[name].running)

    def edited(self) -> list[str]:
        """The hosts whose file still is what a person made of it; once the bot has written its own it is not."""
        return sorted(name for name, (_, after) in self._by_hand.items() if self._text(name) == after)

    def state(self) -> dict[str, Any]:
        canary = self._roles.backend
        return {
            "dial": AT_REST | canary.dialled,
            "canary": canary.running,
            "prometheus": self._world.prometheus.running,
            "slack": not self._slack.workspace.faults.outage,
            "edited": self.edited(),
        }

    def _known(self, name: str) -> Any:
        if name not in self._world.nginx:
            raise ProductionError(f"no such host: {name}; there are {', '.join(self._world.nginx)}")
        return self._world.nginx[name]

    def _text(self, name: str) -> str:
        self._known(name)
        try:
            return self._world.host_file(name)
        except FileNotFoundError:
            raise ProductionError(f"{name} has no file of the bot's yet: start a rollout first") from None
