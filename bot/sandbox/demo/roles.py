"""Which backend is the new version's: after a complete rollout the pools change places, and what is shown with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.rollout.model import Rollout
from bot.rollout.plan import Pool
from bot.sandbox.production.backends import Backend
from bot.sandbox.production.world import World


class Roles:
    """new: the world's pool that has the new version now, at first its canary."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.new: Pool = "canary"

    @property
    def backend(self) -> Backend:
        """The new version's."""
        return self._world.pools[self.new]

    def role(self, pool: Pool) -> Pool:
        """What a pool of the world is to the bot now."""
        return "canary" if pool == self.new else "stable"

    def by_role(self, pools: Mapping[Pool, Any]) -> dict[Pool, Any]:
        return {self.role(pool): value for pool, value in pools.items()}

    async def follow(self, newest: Rollout | None) -> None:
        """Keeps up with the newest rollout, and deploys its version while it has no traffic, as a team does before it
        starts one. Raises ProductionError when the backend does not answer."""
        if newest is None:
            return
        for pool, backend in self._world.pools.items():
            if backend.address in newest.canary:
                self.new = pool
        if newest.active and not newest.generation and self.backend.running and self.backend.version != newest.version:
            await self._world.deploy(self.new, newest.version)
