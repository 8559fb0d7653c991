"""The fleet as one replica reaches it: the real router, over a network that loses and delays, to simulated hosts."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from bot.fleet import nginx
from bot.fleet.router import FleetRouter
from bot.fleet.target import HostReading, HostState, Target
from bot.fleet.verbs import UNREACHABLE, Answer, Order
from bot.rollout.plan import Host
from tests.simulation.hosts import Key, SimHost
from tests.simulation.loop import WORLD, context_of

if TYPE_CHECKING:
    from tests.simulation.world import World

_render = lru_cache(10_000)(nginx.render)


class SimVerbs:
    """bot.fleet.verbs.HostVerbs of one replica: questions and answers over a network that loses and delays."""

    def __init__(self, world: World, deadline: float) -> None:
        self._world = world
        self._deadline = deadline

    async def ready(self, host: Host, order: Order, text: str) -> Answer:
        return await self._ask(host, "ready", order, text)

    async def stage(self, host: Host, order: Order, text: str, back: str) -> Answer:
        return await self._ask(host, "stage", order, text, back)

    async def commit(self, host: Host, order: Order) -> Answer:
        return await self._ask(host, "commit", order)

    async def apply(self, host: Host, order: Order, text: str) -> Answer:
        return await self._ask(host, "apply", order, text)

    async def revert(self, host: Host, order: Order) -> Answer:
        return await self._ask(host, "revert", order)

    async def read(self, host: Host, service: str) -> HostReading:
        answer = await self._send(self._world.hosts[host.name], "read", (0, 0), "")
        return (
            answer
            if isinstance(answer, HostReading)
            else HostReading(host.name, HostState.UNREACHABLE, error="no answer")
        )

    async def aclose(self) -> None:
        """Nothing to close."""

    async def _ask(self, host: Host, verb: str, order: Order, text: str = "", back: str = "") -> Answer:
        key = (order.generation, order.epoch)
        answer = await self._send(self._world.hosts[host.name], verb, key, text, back)
        if isinstance(answer, Answer):
            return answer
        return Answer(False, code=UNREACHABLE if answer else "unknown", error=f"{host.name}: no answer to {verb}")

    async def _send(
        self, host: SimHost, verb: str, key: Key, text: str, back: str = ""
    ) -> Answer | HostReading | str | None:
        """What the host answered; None: no answer came; a word: it cannot be reached."""
        world, net = self._world, self._world.net
        if not host.reachable:
            await asyncio.sleep(net.among((0.1, 1.0, 10.0)))
            return UNREACHABLE
        answer: asyncio.Future[Answer | HostReading | None] = world.loop.create_future()
        lost = host.lossy and net.pick(3)  # 1: the question, 2: the answer
        if lost:
            host.lossy -= 1
            world.trouble(host)
        world.count(f"fault:{('', 'question lost', 'answer lost')[lost]}" if lost else "verb:" + verb)
        world.say(
            "host {}: {} {}{}", host.name, verb, key, (" (question lost)", " (answer lost)")[lost - 1] if lost else ""
        )

        async def there() -> None:
            done = await host.run(verb, key, text, back)
            if done is not None and lost != 2 and host.reachable:
                world.loop.call_later(net.seconds(0.1) + host._slowness(), arrive, done, context=context_of(WORLD))

        def arrive(done: Answer | HostReading) -> None:
            if not answer.done():
                answer.set_result(done)

        if lost != 1:
            delay = net.seconds(0.1) + host._slowness()
            world.loop.call_later(delay, lambda: world.loop.spawn(WORLD, there()), context=context_of(WORLD))
        try:
            async with asyncio.timeout(self._deadline):
                return await answer
        except TimeoutError:
            return None


class SimFleet(FleetRouter):
    """The real router over the simulated hosts."""

    def __init__(self, hosts: tuple[Host, ...], world: World, deadline: float) -> None:
        self._setup(hosts, SimVerbs(world, deadline), 32, world.loop.time)

    def render_for(self, host: Host, target: Target) -> str:
        return _render(replace(target, epoch=0), host)  # the epoch is not in the file
