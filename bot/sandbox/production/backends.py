"""The two pools of the demo service as subprocesses, and how to talk to them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from bot.sandbox.production.children import Child, ProductionError
from bot.sandbox.production.ports import LOOPBACK

_TIMEOUT = aiohttp.ClientTimeout(total=5.0)


@dataclass(frozen=True, slots=True)
class Counters:
    """What a backend has counted since it started or was deployed."""

    version: str
    requests: dict[str, int]  # by status code
    reports: dict[str, int]  # by `success` and `failure`

    @property
    def total(self) -> int:
        return sum(self.requests.values())


class Backend:
    """One demo service process. It forgets dial and counters when it is started again; a deployed version it keeps."""

    def __init__(self, name: str, root: Path, *, port: int, service: str, version: str) -> None:
        self.name = name
        self.address = f"{LOOPBACK}:{port}"
        self.url = f"http://{self.address}"
        self.version = version
        self.dialled: dict[str, float] = {}
        self._root, self._port, self._service = root, port, service
        self._child = self._new_child()
        self._session: aiohttp.ClientSession | None = None

    def _new_child(self) -> Child:
        argv = (sys.executable, "-m", "bot.sandbox.production.service", "--service", self._service)
        where = ("--port", str(self._port), "--version", self.version, "--pool-address", self.address)
        return Child(self.name, (*argv, *where), self._root / f"{self.name}.log")

    @property
    def running(self) -> bool:
        return self._child.running

    @property
    def pid(self) -> int:
        return self._child.pid

    async def start(self) -> None:
        """Spawn, and wait until it serves. Raises ProductionError."""
        if not self._child.running:
            self._child = self._new_child()
        await self._child.start()
        self.dialled = {}
        await self._child.ready(self._healthy)

    async def stop(self) -> None:
        await self._child.kill()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def turn(self, **faults: float | bool) -> None:
        """Turn the dial, see `dial.Dial`; crash=True returns when the process is gone. Raises ProductionError."""
        await self._call("POST", "/dial", faults)
        if faults.get("crash"):
            await self._child.gone()
        else:
            self.dialled |= {key: float(value) for key, value in faults.items() if key != "crash"}

    async def deploy(self, version: str) -> None:
        """The version it serves from now on, with all counters at 0."""
        await self._call("POST", "/deploy", {"version": version})
        self.version = version

    async def counters(self) -> Counters:
        """Read from its /metrics. Raises ProductionError when it does not answer."""
        requests: dict[str, int] = {}
        reports: dict[str, int] = {}
        for family in text_string_to_metric_families(await self._call("GET", "/metrics")):
            for sample in family.samples:
                if sample.name == "http_requests_total":
                    requests[sample.labels["code"]] = int(sample.value)
                elif sample.name == "reports_total":
                    reports[sample.labels["result"]] = int(sample.value)
        return Counters(self.version, requests, reports)

    async def _healthy(self) -> bool:
        try:
            await self._call("GET", "/healthz")
        except ProductionError:
            return False
        return True

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> str:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        try:
            async with self._session.request(method, f"{self.url}{path}", json=body) as answer:
                text = await answer.text()
                if answer.status >= 400:
                    raise ProductionError(f"{self.name} refused {method} {path}: {text.strip()}")
                return text
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ProductionError(f"{self.name} does not answer {method} {path}: {error!r}") from error

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
