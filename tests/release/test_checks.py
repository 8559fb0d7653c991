"""Every kind of check, passing, failing, hanging and not runnable, against the real thing or one that is like it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from bot.prometheus import Prometheus
from bot.release.checks import Checks
from bot.release.ports import Found
from bot.release.runner.run import ShellRunner
from bot.rollout.plan import Pool
from bot.rollout.runbook import Check, Must
from bot.rollout.work import SUMMARY, Outcome
from tests.release.kit import LOCAL, PLAN, ROLLOUT, surroundings

NOW = 1_772_440_000.0
PASSED, FAILED, TIMED_OUT, NOT_RUNNABLE = Outcome.PASSED, Outcome.FAILED, Outcome.TIMED_OUT, Outcome.NOT_RUNNABLE


class Backups:
    """What is known of backups: by name, (taken at, bytes), or what looking them up comes to."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[float, int] | Exception] = {}

    async def newest(self, service: str, name: str) -> tuple[float, int] | None:
        assert service == "shop"
        if name == "hangs":
            await asyncio.Event().wait()
        found = self.known.get(name)
        if isinstance(found, Exception):
            raise found
        return found


@dataclass
class Desk:
    checks: Checks
    backups: Backups
    prometheus: Prometheus
    tools: Path  # programs here go before the machine's own

    async def ask(self, pool: Pool = "canary", **fields: object) -> Found:
        values: dict[str, object] = {"name": "c", "deadline": 60.0, **fields}
        found = await self.checks.check(Check(**values), PLAN, ROLLOUT, pool)  # type: ignore[arg-type]
        assert 0 < len(found.summary) <= SUMMARY and "\n" not in found.summary
        return found

    def tool(self, name: str, text: str) -> None:
        path = self.tools / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)


@contextlib.asynccontextmanager
async def serving(app: web.Application, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def prometheus_like() -> web.Application:
    """Answers as Prometheus does, by what the query asks for."""

    async def answer(request: web.Request) -> web.Response:
        query = str((await request.post()).get("query", request.query.get("query", "")))
        if "hangs" in query:
            await asyncio.Event().wait()
        if "nonsense" in query:
            return web.json_response({"status": "error", "errorType": "bad_data", "error": "parse error"}, status=400)
        value = "7" if '"stable 2.0.9 10\\\\.0\\\\.1\\\\.10:5000 5m"' in query.replace("300s", "5m") else "0.25"
        row = {"metric": {"rollout_bot_need": "0"}, "value": [NOW, value]}
        return web.json_response(
            {"status": "success", "data": {"resultType": "vector", "result": [] if "empty" in query else [row]}}
        )

    app = web.Application()
    app.router.add_route("*", "/api/v1/query", answer)
    return app


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    tools = tmp_path / "tools"
    tools.mkdir()
    environ = surroundings(tmp_path)
    runner = ShellRunner(LOCAL, (), environ | {"PATH": f"{tools}:{environ['PATH']}"})
    async with serving(prometheus_like()) as url:
        prometheus, backups = Prometheus(url), Backups()
        yield Desk(Checks(runner, prometheus, backups, lambda: NOW), backups, prometheus, tools)
        await runner.aclose()
        prometheus.close()


@pytest.mark.parametrize(
    ("line", "fields", "outcome", "summary"),
    [
        ("echo clean", {"contains": "^clean$"}, PASSED, "exit 0"),
        ("[ $ROLLOUT_VERSION = 2.1.0 ] && [ $ROLLOUT_STAGE = internal ]", {}, PASSED, "exit 0"),
        ("echo 'M app.py'; exit 1", {}, FAILED, "exit 1: M app.py"),
        ("kill -9 $$", {}, FAILED, "exit 137 (signal 9)"),
        ("echo dirty", {"contains": "^clean$"}, FAILED, "exit 0, but the output has no match of /^clean$/"),
        ("sleep 300", {"deadline": 0.3}, TIMED_OUT, "not over within 0.3 s"),
        ("no-such-program-here", {}, NOT_RUNNABLE, "install it on bot"),
        ("true", {"machine": "db-9"}, NOT_RUNNABLE, "there is no machine 'db-9'"),
        ("echo x", {"contains": "("}, NOT_RUNNABLE, "correct it in the plan"),
    ],
)
async def test_command(desk: Desk, line: str, fields: dict[str, object], outcome: Outcome, summary: str) -> None:
    found = await desk.ask(kind="command", target=line, **fields)
    assert found.outcome is outcome and summary in found.summary


async def test_command_keeps_its_output(desk: Desk) -> None:
    found = await desk.ask(kind="command", target="seq 1 3; echo why >&2; exit 2")
    assert (found.output, found.exit_status) == ("1\n2\n3\nwhy", 2)


@pytest.fixture
async def site() -> AsyncIterator[str]:
    async def reply(request: web.Request) -> web.StreamResponse:
        match request.path:
            case "/hangs":
                await asyncio.Event().wait()
            case "/moved":
                raise web.HTTPFound("/healthy")
            case "/round":
                raise web.HTTPFound("/round")
            case "/broken":
                assert request.transport
                request.transport.abort()
            case "/down":
                return web.Response(status=503, text="database: no connection")
        return web.Response(text='{"status": "ok"}')

    app = web.Application()
    app.router.add_get("/{any:.*}", reply)
    async with serving(app) as url:
        yield url


@pytest.mark.parametrize(
    ("path", "fields", "outcome", "summary"),
    [
        ("/healthy", {"contains": '"status": "ok"'}, PASSED, "HTTP 200 in "),
        ("/moved", {}, PASSED, "HTTP 200 in "),
        ("/moved", {"status": 302}, PASSED, "HTTP 302 in "),
        ("/down", {"status": 503}, PASSED, "HTTP 503 in "),
        ("/down", {}, FAILED, ", wanted 200"),
        ("/healthy", {"contains": "green"}, FAILED, "the body has no match of /green/"),
        ("/round", {}, FAILED, "more than 5 redirects"),
        ("/broken", {}, FAILED, "the connection was closed"),
        ("/hangs", {"deadline": 0.2}, TIMED_OUT, "no answer within 0.2 s"),
        ("/healthy", {"machine": "lb-1"}, NOT_RUNNABLE, "write a command with curl"),
    ],
)
async def test_http(
    desk: Desk, site: str, path: str, fields: dict[str, object], outcome: Outcome, summary: str
) -> None:
    found = await desk.ask(kind="http", target=f"{site}{path}", **fields)
    assert found.outcome is outcome and summary in found.summary
    if path == "/down" and outcome is FAILED:
        assert (found.output, found.value) == ("database: no connection", 503.0)


@pytest.mark.parametrize(
    ("url", "outcome", "summary"),
    [
        ("http://127.0.0.1:1/", FAILED, "nothing listens at 127.0.0.1:1; start it"),
        ("ftp://127.0.0.1/", NOT_RUNNABLE, "is no http or https URL"),
        ("//shop", NOT_RUNNABLE, "is no http or https URL"),
        ("", NOT_RUNNABLE, "is no http or https URL"),
        ("http://shop.invalid/", NOT_RUNNABLE, "shop.invalid has no address"),
    ],
)
async def test_http_without_an_answer(desk: Desk, url: str, outcome: Outcome, summary: str) -> None:
    found = await desk.ask(kind="http", target=url)
    assert found.outcome is outcome and summary in found.summary


async def test_http_with_tls_that_is_not_right(desk: Desk, site: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with serving(web.Application(), context) as url:
        found = await desk.ask(kind="http", target=url)
        assert found.outcome is FAILED and "certificate of 127.0.0.1 is not valid" in found.summary
    found = await desk.ask(kind="http", target=site.replace("http://", "https://"))
    assert found.outcome is FAILED and "TLS" in found.summary


@pytest.mark.parametrize(
    ("query", "fields", "outcome", "summary"),
    [
        ("up", {"must": Must("<", 5.0, "< 5")}, PASSED, "0.25, as it must be: < 5"),
        ("up", {}, PASSED, "0.25"),
        ("up", {"must": Must(">", 5.0, "> 5")}, FAILED, "0.25, must be > 5"),
        ("empty", {"must": Must("<", 5.0, "< 5")}, FAILED, "no data"),
        ("hangs", {"deadline": 0.2}, TIMED_OUT, "no answer within 0.2 s"),
        ("nonsense", {}, NOT_RUNNABLE, "parse error"),
    ],
)
async def test_promql(desk: Desk, query: str, fields: dict[str, object], outcome: Outcome, summary: str) -> None:
    found = await desk.ask(kind="promql", target=query, **fields)
    assert found.outcome is outcome and summary in found.summary
    assert found.value == (0.25 if "0.25" in summary else None)


async def test_promql_of_the_pool_that_is_asked_for(desk: Desk) -> None:
    query = 'up{x="$pool $version $instances $window"}'
    assert (await desk.ask("stable", kind="promql", target=query)).value == 7.0
    assert (await desk.ask("canary", kind="promql", target=query)).value == 0.25


def aged(path: Path, hours: float, content: str = "content") -> None:
    path.write_text(content)
    os.utime(path, (time.time() - 3600 * hours, time.time() - 3600 * hours))


async def test_file_age(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "a folder; with $(odd) 'names'"
    folder.mkdir()
    aged(folder / "old.db", 50)
    aged(folder / "new one.db", 3)
    aged(folder / "ahead.txt", -2)

    async def ask(name: str, **fields: object) -> Found:
        return await desk.ask(kind="file_age", target=f"{folder}/{name}", **fields)

    found = await ask("*.db")
    assert found.outcome is PASSED and found.summary.startswith("3.0 h old, 7 B: ")
    assert found.value == pytest.approx(3 * 3600, abs=120) and dict(found.facts)["file"] == f"{folder}/new one.db"
    for name, fields, summary in (
        ("old.db", {}, "2.1 d old > 24.0 h; make a new one"),
        ("*.db", {"min_size": 2048}, "7 B < 2.0 KiB"),
        ("ahead.txt", {}, "2.0 h in the future"),
        ("*.zip", {}, "is there"),
    ):
        found = await ask(name, **fields)
        assert found.outcome is FAILED and summary in found.summary
    desk.tool("stat", "echo 'stat: cannot stat: Permission denied' >&2; exit 1")
    found = await ask("old.db")
    assert found.outcome is NOT_RUNNABLE and "Permission denied" in found.summary
    desk.tool("stat", "sleep 300")
    assert (await ask("old.db", deadline=0.3)).outcome is TIMED_OUT


async def test_disk(desk: Desk, tmp_path: Path) -> None:
    df = (
        "echo 'Filesystem 1024-blocks Used Available Capacity Mounted on'; echo '/dev/sda1 100000 68000 17000 80% /a b'"
    )
    found = await desk.ask(kind="disk", target=str(tmp_path), free=0.0)
    assert found.outcome is PASSED and " % free on " in found.summary and found.value is not None
    found = await desk.ask(kind="disk", target=f"{tmp_path}/absent")
    assert found.outcome is NOT_RUNNABLE and "No such file" in found.summary
    desk.tool("df", df)
    found = await desk.ask(kind="disk", target="/a b", free=25.0)
    assert (found.outcome, found.value) == (FAILED, 20.0)
    assert found.summary == "20.0 % free on /a b, 16.6 MiB: < 25 %; free some space"
    assert (await desk.ask(kind="disk", target="/a b", free=20.0)).outcome is PASSED
    desk.tool("df", "sleep 300")
    assert (await desk.ask(kind="disk", target="/", deadline=0.3)).outcome is TIMED_OUT


async def test_memory(desk: Desk) -> None:
    found = await desk.ask(kind="memory", free=0.0)
    assert found.outcome is PASSED and found.value is not None and 0 < found.value <= 100
    meminfo = r"printf 'MemTotal: 8000 kB\nMemFree: 1 kB\nMemAvailable: 1000 kB\n'"
    desk.tool("cat", f'[ "$1" = /proc/meminfo ] && {meminfo} || exec /bin/cat "$@"')
    found = await desk.ask(kind="memory")
    assert (found.outcome, found.value) == (FAILED, 12.5) and "12.5 % free" in found.summary
    desk.tool("cat", '[ "$1" = /proc/meminfo ] && echo nothing || exec /bin/cat "$@"')
    assert (await desk.ask(kind="memory")).outcome is NOT_RUNNABLE
    desk.tool("cat", '[ "$1" = /proc/meminfo ] && exec sleep 300 || exec /bin/cat "$@"')
    assert (await desk.ask(kind="memory", deadline=0.3)).outcome is TIMED_OUT


async def test_backup(desk: Desk) -> None:
    desk.backups.known = {
        "fresh": (NOW - 7200, 5_000_000),
        "old": (NOW - 200_000, 5_000_000),
        "small": (NOW, 0),
        "unreadable": PermissionError(13, "Permission denied", "/var/backups"),
    }
    for name, outcome, summary in (
        ("fresh", PASSED, "2.0 h old, 4.8 MiB: fresh"),
        ("old", FAILED, "2.3 d old > 24.0 h"),
        ("small", FAILED, "0 B < 1 B"),
        ("never", FAILED, "there is no verified backup of never"),
        ("unreadable", NOT_RUNNABLE, "Permission denied"),
    ):
        found = await desk.ask(kind="backup", target=name)
        assert found.outcome is outcome and summary in found.summary
    assert (await desk.ask(kind="backup", target="hangs", deadline=0.1)).outcome is TIMED_OUT
