"""The demo web service ("brand-diagnosis"): `python -m bot.sandbox.production.service --port P --version 2.0.0`.

GET /report   a report: 200, or 500 as dialled      GET /healthz  200
GET /metrics  Prometheus                            GET /dial, POST /dial {"error_ratio": 0.2, …, "crash": true}
POST /deploy {"version": "2.2.0"}                   Every answer carries X-Version and X-Served-By.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time

from aiohttp import web

from bot.sandbox.production.dial import Dial, Spread
from bot.sandbox.production.instruments import Instruments

LOOPBACK = "127.0.0.1"
_GOOD = b'{"service":"brand-diagnosis","result":"success"}\n'
_FAILED = b'{"service":"brand-diagnosis","result":"failure"}\n'
_ERROR = b'{"error":"internal error"}\n'


class DemoService:
    """The state of one backend. `address` is what the plan calls it; `memory_limit_mb` is what 100 % memory means."""

    def __init__(self, name: str, version: str, address: str, memory_limit_mb: float) -> None:
        self._name, self._address, self._limit = name, address, memory_limit_mb
        self._dial = Dial()
        self._ballast = bytearray()
        self._errors, self._failures = Spread(), Spread()
        self._become(version)

    def _become(self, version: str) -> None:
        self._version = version
        self._headers = {"X-Version": version, "X-Served-By": self._address}
        self._instruments = Instruments(self._name, version, self._address, self._limit)
        self._instruments.alerts.set(self._dial.critical_alerts)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/report", self._report)
        app.router.add_get("/", self._report)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/dial", self._get_dial)
        app.router.add_post("/dial", self._post_dial)
        app.router.add_post("/deploy", self._deploy)
        app.router.add_route("*", "/{rest:.*}", self._missing)
        return app

    async def _report(self, request: web.Request) -> web.Response:
        began = time.perf_counter()
        instruments, dial = self._instruments, self._dial
        user = request.cookies.get("uid")
        if user:
            instruments.saw(user)
        if dial.latency_s:
            await asyncio.sleep(dial.latency_s)
        if self._errors.hit(dial.error_ratio):
            status, body = 500, _ERROR
        else:
            failed = self._failures.hit(dial.report_failure_ratio)
            instruments.reports["failure" if failed else "success"].inc()
            status, body = 200, _FAILED if failed else _GOOD
        instruments.requests[str(status)].inc()
        instruments.duration.observe(time.perf_counter() - began)
        return web.Response(status=status, body=body, headers=self._headers, content_type="application/json")

    async def _missing(self, request: web.Request) -> web.Response:
        self._instruments.requests["404"].inc()
        return web.Response(status=404, body=b'{"error":"no such page"}\n', headers=self._headers)

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.Response(text="ok\n", headers=self._headers)

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(
            body=self._instruments.export(), headers={**self._headers, "Content-Type": "text/plain; version=0.0.4"}
        )

    async def _get_dial(self, request: web.Request) -> web.Response:
        return web.json_response({**self._dial.as_dict(), "version": self._version}, headers=self._headers)

    async def _post_dial(self, request: web.Request) -> web.StreamResponse:
        changes = await _body(request)
        if changes.pop("crash", False):
            return await _say_and_die(request)
        try:
            self._dial = self._dial.turned(changes)
        except ValueError as error:
            raise web.HTTPBadRequest(text=f"{error}\n") from None
        if len(self._ballast) != (size := int(self._dial.memory_mb * 1024 * 1024)):
            self._ballast = bytearray()
            # Zeros would be untouched pages, which the kernel does not count as resident.
            self._ballast = bytearray(b"\x01") * size
        self._instruments.alerts.set(self._dial.critical_alerts)
        return await self._get_dial(request)

    async def _deploy(self, request: web.Request) -> web.Response:
        version = (await _body(request)).get("version")
        if not isinstance(version, str) or not version:
            raise web.HTTPBadRequest(text='say {"version": "2.2.0"}\n')
        self._become(version)
        return await self._get_dial(request)


async def _body(request: web.Request) -> dict[str, object]:
    try:
        body = await request.json()
    except json.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="the body must be a JSON object\n")
    return body


async def _say_and_die(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(status=202)
    answer.content_length = 0
    await answer.prepare(request)
    await answer.write_eof()
    os._exit(70)


def main() -> None:
    parser = argparse.ArgumentParser(description="The demo web service behind the sandbox's nginx hosts.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--service", default="brand-diagnosis")
    parser.add_argument("--pool-address", default="", help="what the plan calls this backend; default 127.0.0.1:PORT")
    parser.add_argument("--memory-limit-mb", type=float, default=256.0, help="what counts as 100 %% memory")
    args = parser.parse_args()
    address = args.pool_address or f"{LOOPBACK}:{args.port}"
    service = DemoService(args.service, args.version, address, args.memory_limit_mb)
    web.run_app(service.app(), host=LOOPBACK, port=args.port, access_log=None, print=None, backlog=1024)


if __name__ == "__main__":
    main()
