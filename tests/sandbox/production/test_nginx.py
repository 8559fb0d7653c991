from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from bot.fleet.nginx import file_name, render
from bot.fleet.target import Target
from bot.rollout.plan import Traffic
from bot.sandbox.production.children import ProductionError, accepts, until
from bot.sandbox.production.nginx import NginxHost, bootstrap_conf, rollout_variable, site_conf
from bot.sandbox.production.ports import LOOPBACK, Ports
from bot.sandbox.production.shares import measure_shares

STATIC = 'server {{ listen {}; location / {{ add_header X-Version {}; return 200 "ok"; }} }}\n'


def host(tmp_path: Path, ports: Ports, port: int, files: dict[str, str]) -> NginxHost:
    return NginxHost("lb-1", tmp_path / "lb-1", port=port, status_port=ports.take(), files=files)


def pid_in(file: str) -> int:
    return int(Path(file).read_text())


async def test_it_starts_stops_and_starts_again(tmp_path: Path, ports: Ports) -> None:
    port = ports.take()
    lb = host(tmp_path, ports, port, {"app.conf": STATIC.format(f"{LOOPBACK}:{port}", "a")})
    async with lb:
        assert pid_in(lb.host.pid_file) == lb.pid
        first = lb.pid
        await lb.stop()
        assert not await accepts(LOOPBACK, port)
        with pytest.raises(ProductionError, match="not running"):
            _ = lb.pid
        await lb.start()
        assert lb.pid != first
    assert not await accepts(LOOPBACK, port)


async def test_anyone_can_test_and_reload_it_with_what_host_says(tmp_path: Path, ports: Ports) -> None:
    port = ports.take()
    async with host(tmp_path, ports, port, {"app.conf": STATIC.format(f"{LOOPBACK}:{port}", "a")}) as lb:
        lb.write("app.conf", STATIC.format(f"{LOOPBACK}:{port}", "b"))
        for verb in (["-t"], ["-s", "reload"]):
            nginx = await asyncio.create_subprocess_exec(
                lb.host.nginx, "-c", lb.host.nginx_conf, *verb, stderr=asyncio.subprocess.DEVNULL
            )
            assert await nginx.wait() == 0

        async def all_new() -> bool:
            return (await measure_shares(lb.url, 20, connections=4)).requests == {"b": 20}

        await until(all_new, "the new file is served")


async def test_a_bad_file_is_told_in_the_words_of_nginx(tmp_path: Path, ports: Ports) -> None:
    lb = host(tmp_path, ports, ports.take(), {"app.conf": "serve {}\n"})
    with pytest.raises(ProductionError, match='unknown directive "serve"'):
        await lb.start()
    assert not lb.running


async def test_a_killed_master_leaves_no_workers(tmp_path: Path, ports: Ports) -> None:
    port = ports.take()
    async with host(tmp_path, ports, port, {"app.conf": STATIC.format(f"{LOOPBACK}:{port}", "a")}) as lb:
        os.kill(lb.pid, 9)

        async def closed() -> bool:
            return not await accepts(LOOPBACK, port)

        await until(closed, "nobody listens")


@pytest.mark.parametrize("strategy", ["sticky", "weighted"])
async def test_the_bots_file_overrides_the_bootstrap(tmp_path: Path, ports: Ports, strategy: str) -> None:
    port, stable, canary = ports.take(), ports.take(), ports.take()
    service = "brand-diagnosis"
    files = {
        "00-bootstrap.conf": bootstrap_conf(service, (f"{LOOPBACK}:{stable}",)),
        "backends.conf": STATIC.format(f"{LOOPBACK}:{stable}", "2.0.0")
        + STATIC.format(f"{LOOPBACK}:{canary}", "2.2.0"),
        "site.conf": site_conf(service, port, f"http://{rollout_variable(service)}"),
    }
    traffic = Traffic(
        strategy="sticky" if strategy == "sticky" else "weighted",
        stable=(f"{LOOPBACK}:{stable}",),
        canary=(f"{LOOPBACK}:{canary}",),
        stable_version="2.0.0",
        upstream="" if strategy == "sticky" else "brand",
    )
    async with host(tmp_path, ports, port, files) as lb:
        assert (await measure_shares(lb.url, 100)).requests == {"2.0.0": 100}
        target = Target(service, "R-1", 1, traffic, "shift", 50.0, False, "s")
        lb.write(file_name(service), render(target, lb.host))
        await lb.stop()
        await lb.start()
        assert 40 < (await measure_shares(lb.url, 200)).share("2.2.0") < 60
        lb.write(file_name(service), render(Target(service, "R-1", 2, traffic, "canary", 0, False, "s"), lb.host))
        await lb.stop()
        await lb.start()
        assert (await measure_shares(lb.url, 100)).requests == {"2.2.0": 100}
