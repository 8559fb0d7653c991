from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

from bot.sandbox.production.nginx import NginxHost
from bot.sandbox.production.ports import LOOPBACK, Ports

SITE = """
log_format people "$cookie_uid $http_x_internal_user";
server {{
    listen {address};
    access_log {log} people;
    location / {{ add_header X-Version $arg_none; return 200 "ok"; }}
    location /report {{ add_header X-Version 2.0.0; return 200 "ok"; }}
}}
"""


def command(*more: str) -> list[str]:
    return [sys.executable, "-m", "bot.sandbox.production.load", *more]


async def test_it_keeps_its_rate_and_stops_when_told(tmp_path: Path, ports: Ports) -> None:
    port, log = ports.take(), tmp_path / "people.log"
    files = {"site.conf": SITE.format(address=f"{LOOPBACK}:{port}", log=log)}
    async with NginxHost("lb", tmp_path / "lb", port=port, status_port=ports.take(), files=files) as lb:
        process = await asyncio.create_subprocess_exec(
            *command("--url", lb.url, "--rps", "300", "--users", "50", "--internal-share", "0.1"),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            lines: list[dict[str, Any]] = [json.loads(await process.stdout.readline()) for _ in range(3)]
            for line in lines:
                assert 200 < line["rate"] <= 330, line
                assert line["skipped"] == 0
            process.send_signal(signal.SIGTERM)
            rest, _ = await asyncio.wait_for(process.communicate(), 60)
        finally:
            if process.returncode is None:
                process.kill()
        total = json.loads(rest.splitlines()[-1])["total"]
    assert process.returncode == 0
    assert total["versions"] == {"2.0.0": {"requests": total["sent"], "errors": 0}}
    people = [line.split() for line in log.read_text().splitlines()]
    assert len(people) == total["sent"]
    assert {user for user, internal in people if internal == "1"} == {f"u{n}" for n in range(5)}
    assert {user for user, _ in people} == {f"u{n}" for n in range(50)}


async def test_a_host_that_is_down_is_counted_not_died_of(ports: Ports) -> None:
    process = await asyncio.create_subprocess_exec(
        *command("--url", f"http://{LOOPBACK}:{ports.take()}", "--rps", "50"), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        line = json.loads(await process.stdout.readline())
        assert line["versions"]["-"]["requests"] == line["versions"]["-"]["errors"] > 0
    finally:
        process.terminate()
        await process.communicate()
    assert process.returncode == 0


async def test_an_impossible_url_is_refused() -> None:
    process = await asyncio.create_subprocess_exec(
        *command("--url", "ftp://x", "--rps", "1"), stderr=asyncio.subprocess.PIPE
    )
    _, words = await process.communicate()
    assert process.returncode == 1
    assert b"not an http://host:port/path: ftp://x" in words
