"""The whole production of the demo and of the end-to-end tests, started together and gone together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bot.fleet.nginx import file_name
from bot.rollout import plan
from bot.rollout.plan import Host, Pool
from bot.sandbox.production.backends import Backend, Counters
from bot.sandbox.production.children import ProductionError
from bot.sandbox.production.nginx import NginxHost, bootstrap_conf, rollout_variable, site_conf
from bot.sandbox.production.ports import Ports
from bot.sandbox.production.prometheus import PrometheusServer, ScrapeTarget
from bot.sandbox.production.snapshot import snapshot
from bot.sandbox.production.traffic import Traffic

HostFiles = Callable[["World", NginxHost], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Scale:
    """How big the world is. rps: requests per second over all hosts, 0 = no load at first. scrape_interval: seconds.

    internal_share: the share of users who send `X-Internal-User: 1`, 0 to 1.
    """

    hosts: int = 2
    rps: float = 100.0
    users: int = 2000
    internal_share: float = 0.02
    scrape_interval: float = 1.0


class World:
    """Enter to start it all, leave to end it all.

    Its children end with this process even when it is killed: the kernel ends them when the thread that entered the
    world ends (so enter it in a thread that lives as long). No signal handlers are installed: SIGINT cancels the main
    task and leaves the context in order; SIGTERM, unless the caller handles it, ends the process and so the children.

    root: the work directory, made when missing, never removed; it holds every child's log. No two worlds may share one.
    files: what each host's conf.d holds at first; default the person's site and a bootstrap that sends everything to
    the stable pool. The bot's own file does not exist then.
    scrape: further targets for Prometheus, such as the bot itself.
    host_names: of the hosts; default lb-1, lb-2, … as many as the scale says.
    """

    def __init__(
        self,
        root: Path,
        *,
        service: str = "brand-diagnosis",
        stable_version: str = "2.0.0",
        canary_version: str = "2.2.0",
        scale: Scale | None = None,
        files: HostFiles | None = None,
        scrape: Sequence[ScrapeTarget] = (),
        host_names: Sequence[str] = (),
    ) -> None:
        self.root = root.resolve()
        self.service = service
        self.scale = scale or Scale()
        self._files = files or _person_files
        self._scrape = tuple(scrape)
        self._host_names = tuple(host_names) or tuple(f"lb-{n}" for n in range(1, self.scale.hosts + 1))
        self._versions: dict[Pool, str] = {"stable": stable_version, "canary": canary_version}
        self._ports = Ports()
        self.pools: dict[Pool, Backend] = {}
        self.nginx: dict[str, NginxHost] = {}

    # What the plan needs to know

    @property
    def hosts(self) -> tuple[Host, ...]:
        return tuple(host.host for host in self.nginx.values())

    @property
    def urls(self) -> tuple[str, ...]:
        """The public address of each host, in the order of `hosts`."""
        return tuple(host.url for host in self.nginx.values())

    def traffic(self, strategy: plan.Strategy = "sticky") -> plan.Traffic:
        """The plan's traffic for these pools, with the internal audience the load has and the runbook's cookie."""
        return plan.Traffic(
            strategy=strategy,
            stable=(self.pools["stable"].address,),
            canary=(self.pools["canary"].address,),
            stable_version=self._versions["stable"],
            upstream=f"{self.service.replace('-', '_')}_all" if strategy == "weighted" else "",
            override_cookie=("gray_release", "true"),
            internal=plan.InternalAudience(header=("X-Internal-User", "1")),
        )

    # Faults and repairs

    async def dial(self, pool: Pool, **faults: float | bool) -> None:
        """Turn the fault dial of a pool's service, see `dial.Dial`; crash=True ends it. Raises ProductionError."""
        await self.pools[pool].turn(**faults)

    async def deploy(self, pool: Pool, version: str) -> None:
        """Make a pool's service serve another version, as a deploy would."""
        await self.pools[pool].deploy(version)

    async def start_service(self, pool: Pool) -> None:
        """Bring a crashed service back, its dial at rest. Raises ProductionError when it runs."""
        await self.pools[pool].start()

    async def stop_prometheus(self) -> None:
        await self.prometheus.stop()

    async def start_prometheus(self) -> None:
        """On the same port and data; returns when it answers queries."""
        await self.prometheus.start()
        await self.prometheus.ready()

    async def take_host_down(self, name: str) -> None:
        await self.nginx[name].stop()

    async def bring_host_up(self, name: str) -> None:
        """With the files it has; returns when its public port accepts."""
        await self.nginx[name].start()

    def edit_host_file(self, name: str, text: str, *, file: str = "", reload: bool = True) -> None:
        """Put `text` in place of a file of conf.d, default the bot's, as a person would, and reload nginx."""
        self.nginx[name].write(file or file_name(self.service), text)
        if reload:
            self.nginx[name].reload()

    def host_file(self, name: str, file: str = "") -> str:
        """The text of a file of conf.d, default the bot's. Raises FileNotFoundError."""
        return self.nginx[name].read(file or file_name(self.service))

    async def start_load(self, rps: float) -> None:
        """Raises ProductionError when there is load already."""
        if self.load.running:
            raise ProductionError("the load runs already")
        await self.load.start(rps)

    async def stop_load(self) -> None:
        await self.load.stop()

    # Readings

    async def counters(self, pool: Pool) -> Counters:
        """What a pool's service has counted. Raises ProductionError when it does not answer."""
        return await self.pools[pool].counters()

    def snapshot(self) -> dict[str, Any]:
        """Everything a page shows of the production, as JSON; see `snapshot.snapshot`. Reads local files only."""
        return snapshot(self.service, self.pools, self.nginx.values(), self.prometheus, self.load)

    # Life

    def _build(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        for pool, version in self._versions.items():
            self.pools[pool] = Backend(pool, self.root, port=self._ports.take(), service=self.service, version=version)
        for name in self._host_names:
            self.nginx[name] = NginxHost(
                name, self.root / name, port=self._ports.take(), status_port=self._ports.take()
            )
        targets = [ScrapeTarget(backend.address) for backend in self.pools.values()]
        self.prometheus = PrometheusServer(
            self.root / "prometheus",
            port=self._ports.take(),
            targets=[*targets, *self._scrape],
            scrape_interval=self.scale.scrape_interval,
        )
        self.load = Traffic(self.root, self.urls, users=self.scale.users, internal_share=self.scale.internal_share)

    async def __aenter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self._ports.close()
            raise
        try:
            await self._start()
        except BaseExceptionGroup as errors:
            await self._end()
            failed, others = errors.split(ProductionError)
            if failed is None or others is not None:
                raise
            raise ProductionError("; ".join(_texts(failed))) from None
        except BaseException:
            await self._end()
            raise
        return self

    async def _start(self) -> None:
        async with asyncio.TaskGroup() as group:
            for backend in self.pools.values():
                group.create_task(backend.start(), name=f"start {backend.name}")
            for host in self.nginx.values():
                group.create_task(host.start(self._files(self, host)), name=f"start {host.name}")
            group.create_task(self.start_prometheus(), name="start prometheus")
        if self.scale.rps > 0:
            await self.load.start(self.scale.rps)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def _end(self) -> None:
        """Nothing of a sandbox is worth a graceful end, except nginx: its master must take its workers along."""
        try:
            await asyncio.gather(
                self.load.kill(),
                self.prometheus.kill(),
                *(host.stop() for host in self.nginx.values()),
                *(backend.stop() for backend in self.pools.values()),
            )
        finally:
            self._ports.close()


def _person_files(world: World, host: NginxHost) -> dict[str, str]:
    stable = (world.pools["stable"].address,)
    return {
        "00-bootstrap.conf": bootstrap_conf(world.service, stable),
        "site.conf": site_conf(world.service, host.port, f"http://{rollout_variable(world.service)}"),
    }


def _texts(errors: BaseExceptionGroup[ProductionError]) -> list[str]:
    return [
        text
        for error in errors.exceptions
        for text in (_texts(error) if isinstance(error, BaseExceptionGroup) else [str(error)])
    ]
