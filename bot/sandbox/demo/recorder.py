"""Looks at the production each second and keeps the last minutes, so that a page that is opened late has a picture."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from bot.fleet.nginx import file_name
from bot.sandbox.demo.roles import Roles
from bot.sandbox.demo.walk import Reader
from bot.sandbox.production.children import ProductionError
from bot.sandbox.production.world import World
from bot.store.errors import StoreBroken, StoreUnavailable

EVERY = 1.0  # seconds between two looks
KEPT = 600  # looks
WINDOW = "5s"  # of the rates; five scrapes of the demo's


@dataclass(frozen=True, slots=True)
class HostFile:
    """The bot's file on a host and the one before it; both "" when there was none."""

    text: str
    before: str


class Recorder:
    """samples: oldest first, each `{"t": Unix seconds, "pools", "prometheus", "weights"}`, see `_sample`.

    reader: of the bot's log; whatever it says of the pools' roles counts from the next sample on.
    """

    def __init__(self, world: World, roles: Roles, reader: Reader) -> None:
        self._world, self._roles, self._reader = world, roles, reader
        self.samples: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._files: dict[str, HostFile] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="production recorder")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def since(self, when: float) -> list[dict[str, Any]]:
        """The samples after a moment, Unix seconds."""
        return [sample for sample in self.samples if sample["t"] > when]

    def file(self, host: str) -> HostFile:
        """Read now. Raises KeyError for a host that does not exist."""
        self._world.nginx[host]
        self._look_at_file(host)
        return self._files[host]

    async def _run(self) -> None:
        while True:
            for host in self._world.nginx:
                self._look_at_file(host)
            # Without the bot's log, or with a backend that is down, the roles stay as they were.
            with contextlib.suppress(StoreUnavailable, StoreBroken, OSError, ProductionError):
                await self._roles.follow(await self._reader.newest())
            self.samples.append(await self._sample())
            await asyncio.sleep(EVERY)

    def _look_at_file(self, host: str) -> None:
        try:
            text = self._world.nginx[host].read(file_name(self._world.service))
        except OSError:
            text = ""
        known = self._files.get(host)
        if known is None:
            self._files[host] = HostFile(text, "")
        elif known.text != text:
            self._files[host] = HostFile(text, known.text)

    async def _sample(self) -> dict[str, Any]:
        """pools: what the users got; prometheus: pool -> what Prometheus has, None where it does not answer;
        weights: host -> percent of everyone its file sends to the canary, None without one."""
        shown = await asyncio.to_thread(self._world.snapshot)
        names = ("rate", "share", "error_rate")
        pools = self._roles.by_role(shown["pools"])
        return {
            "t": round(time.time(), 2),
            "pools": {pool: {name: row[name] for name in names} for pool, row in pools.items()},
            "prometheus": await self._measured(),
            "weights": {row["name"]: weight_of(row) for row in shown["hosts"]},
        }

    async def _measured(self) -> dict[str, dict[str, float]] | None:
        """pool -> error_rate in percent, p95 in seconds, cpu and memory in percent; what has no data is left out."""
        if not self._world.prometheus.running:
            return None
        try:
            found = await self._world.prometheus.query(_QUERY)
        except ProductionError:
            return None
        pools = {backend.address: role for role, backend in self._roles.by_role(self._world.pools).items()}
        out: dict[str, dict[str, float]] = {role: {} for role in pools.values()}
        for sample in found:
            pool = pools.get(sample.labels.get("instance", ""))
            if pool and math.isfinite(sample.value):
                out[pool][sample.labels["metric"]] = round(sample.value, 4)
        return out


def weight_of(row: dict[str, Any]) -> float | None:
    """Percent of everyone that a host's file sends to the canary, by a row of the snapshot."""
    if row["mode"] is None:
        return None
    return float({"stable": 0.0, "canary": 100.0}.get(row["mode"], row["weight"]))


def _named(metric: str, promql: str) -> str:
    return f'label_replace({promql}, "metric", "{metric}", "", "")'


_REQUESTS = f"sum by (instance) (rate(http_requests_total[{WINDOW}]))"
_ERRORS = f'sum by (instance) (rate(http_requests_total{{code=~"5.."}}[{WINDOW}]))'
_BUCKETS = f"sum by (instance, le) (rate(http_request_duration_seconds_bucket[{WINDOW}]))"
_QUERY = " or ".join(
    (
        _named("error_rate", f"100 * {_ERRORS} / ({_REQUESTS} > 0)"),
        _named("p95", f"histogram_quantile(0.95, {_BUCKETS})"),
        _named("cpu", "max by (instance) (app_cpu_percent)"),
        _named("memory", "max by (instance) (app_memory_percent)"),
    )
)
