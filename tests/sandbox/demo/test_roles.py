"""After a complete rollout the pools change places, and what the page shows and breaks changes with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from bot.sandbox.demo.roles import Roles


@dataclass
class Pools:
    """A world's pools, and what was deployed to them."""

    pools: dict[str, Any] = field(
        default_factory=lambda: {
            "stable": SimpleNamespace(address="127.0.0.1:1", version="2.0.0", running=True),
            "canary": SimpleNamespace(address="127.0.0.1:2", version="2.1.0", running=True),
        }
    )

    async def deploy(self, pool: str, version: str) -> None:
        self.pools[pool].version = version


def rollout(version: str, canary: str, *, generation: int = 0, active: bool = True) -> Any:
    return SimpleNamespace(version=version, canary=(canary,), generation=generation, active=active)


async def test_the_roles_follow_the_newest_rollout() -> None:
    world: Any = Pools()
    roles = Roles(world)
    await roles.follow(None)
    assert roles.by_role({"stable": 1, "canary": 2}) == {"stable": 1, "canary": 2}
    await roles.follow(rollout("2.1.0", "127.0.0.1:2", generation=5, active=False))
    assert roles.backend is world.pools["canary"]
    await roles.follow(rollout("2.2.0", "127.0.0.1:1"))
    assert roles.by_role({"stable": 1, "canary": 2}) == {"canary": 1, "stable": 2}
    assert (roles.backend.version, world.pools["canary"].version) == ("2.2.0", "2.1.0")


async def test_a_version_is_deployed_only_while_it_has_no_traffic() -> None:
    world: Any = Pools()
    roles = Roles(world)
    await roles.follow(rollout("3.0.0", "127.0.0.1:2", generation=1))
    await roles.follow(rollout("3.0.0", "127.0.0.1:2", active=False))
    assert world.pools["canary"].version == "2.1.0"
    await roles.follow(rollout("3.0.0", "127.0.0.1:2"))
    assert world.pools["canary"].version == "3.0.0"
