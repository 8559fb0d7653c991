"""A real Prometheus on loopback that scrapes the sandbox; it can be taken away and brought back with its data."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from bot.sandbox.production.children import Child, ProductionError
from bot.sandbox.production.ports import LOOPBACK


@dataclass(frozen=True, slots=True)
class ScrapeTarget:
    """`address:port` whose /metrics is read, and labels added to each of its series."""

    address: str
    labels: Mapping[str, str] = field(default_factory=dict)
    job: str = "service"


@dataclass(frozen=True, slots=True)
class Sample:
    labels: Mapping[str, str]
    value: float


def find_prometheus() -> str:
    """The binary. Raises ProductionError with the mend."""
    found = shutil.which("prometheus") or shutil.which("/usr/bin/prometheus")
    if not found:
        raise ProductionError("Prometheus is not installed: run `make setup`, or install the package prometheus")
    return found


class PrometheusServer:
    """Entering starts it and waits until it is ready. Stop, kill and start may be repeated on the same data and port.

    scrape_interval: seconds, a multiple of a millisecond; 0.5 is about the least that makes sense.
    """

    def __init__(self, root: Path, *, port: int, targets: Sequence[ScrapeTarget], scrape_interval: float = 1.0) -> None:
        self.root = root.resolve()
        self.port = port
        self.url = f"http://{LOOPBACK}:{port}"
        self._targets = tuple(targets)
        self._interval = scrape_interval
        self._child = Child("prometheus", self._command(), self.root / "prometheus.log")

    def _command(self) -> tuple[str, ...]:
        # A target that fails a scrape is marked stale and vanishes at once. The lookback matters for what cannot be
        # marked: the gap while Prometheus itself was down. With the default 5 minutes a query after it would show
        # values from before it as if they were now; with less than a few intervals a late scrape would look like a gap.
        lookback = max(2.0, 4 * self._interval)
        return (
            find_prometheus(),
            f"--config.file={self.root}/prometheus.yml",
            f"--web.listen-address={LOOPBACK}:{self.port}",
            f"--storage.tsdb.path={self.root}/data",
            "--storage.tsdb.retention.time=6h",
            f"--query.lookback-delta={_duration(lookback)}",
            "--log.level=warn",
        )

    @property
    def running(self) -> bool:
        return self._child.running

    @property
    def pid(self) -> int:
        return self._child.pid

    async def start(self) -> None:
        """Spawn; call `ready` before asking it. Raises ProductionError when it runs already."""
        self.root.mkdir(parents=True, exist_ok=True)
        (self.root / "prometheus.yml").write_text(_config(self._targets, self._interval))
        await self._child.start()

    async def ready(self, deadline: float = 60.0) -> None:
        """Return when it answers queries. Raises ProductionError when it dies first or after `deadline` seconds."""

        async def answers() -> bool:
            try:
                async with session.get(f"{self.url}/-/ready") as answer:
                    return answer.status == 200
            except (aiohttp.ClientError, TimeoutError):
                return False

        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2.0)) as session:
            await self._child.ready(answers, deadline)

    async def scraped(self, deadline: float = 60.0) -> None:
        """Return when every target has been read since the start and is up. Raises ProductionError.

        Prometheus hands targets to its scraper on a 5 s clock, so the first reading comes 5 s after a start.
        """
        # Asked over HTTP and not as `up`, which a restart would answer from the data of before.
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2.0)) as session:

            async def every_target() -> bool:
                try:
                    async with session.get(f"{self.url}/api/v1/targets?state=active") as answer:
                        active = (await answer.json())["data"]["activeTargets"]
                except (aiohttp.ClientError, TimeoutError):
                    return False
                return len(active) == len(self._targets) and all(t["health"] == "up" for t in active)

            await self._child.ready(every_target, deadline, every=0.1)

    async def stop(self) -> None:
        await self._child.stop(grace=10.0)

    async def kill(self) -> None:
        """As a crash would: what was not on disk is lost."""
        await self._child.kill()

    async def query(self, promql: str) -> list[Sample]:
        """An instant query for a vector, now. Raises ProductionError when it fails or Prometheus is away."""
        return [Sample(row["metric"], float(row["value"][1])) for row in await self._ask(promql)]

    async def range(self, promql: str) -> list[list[tuple[float, float]]]:
        """A range selector (`metric[5m]`): per series its raw (Unix seconds, value). Raises ProductionError."""
        return [[(float(at), float(value)) for at, value in row["values"]] for row in await self._ask(promql)]

    async def _ask(self, promql: str) -> list[dict[str, Any]]:
        timeout = aiohttp.ClientTimeout(total=5.0)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"{self.url}/api/v1/query", params={"query": promql}) as answer,
            ):
                body: dict[str, Any] = await answer.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ProductionError(f"Prometheus does not answer: {error!r}") from error
        if body.get("status") != "success":
            raise ProductionError(f"Prometheus refused {promql!r}: {body.get('error')}")
        return list(body["data"]["result"])

    async def __aenter__(self) -> Self:
        try:
            await self.start()
            await self.ready()
        except BaseException:
            await self.kill()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def _duration(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _config(targets: Sequence[ScrapeTarget], interval: float) -> str:
    """Prometheus reads YAML, of which JSON is a part: no quoting to get wrong."""
    jobs: dict[str, list[dict[str, object]]] = {}
    for target in targets:
        jobs.setdefault(target.job, []).append({"targets": [target.address], "labels": dict(target.labels)})
    every = _duration(interval)
    config = {
        "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
        "scrape_configs": [{"job_name": job, "static_configs": statics} for job, statics in jobs.items()],
    }
    return json.dumps(config, indent=2) + "\n"
