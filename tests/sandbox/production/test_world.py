from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.fleet.nginx import file_name, render
from bot.fleet.target import Target
from bot.sandbox.production.children import ProductionError, accepts, until
from bot.sandbox.production.ports import LOOPBACK
from bot.sandbox.production.shares import measure_shares
from bot.sandbox.production.world import Scale, World

FAST = Scale(hosts=2, rps=100, scrape_interval=0.5, users=500)
QUIET = Scale(hosts=1, rps=0)
HOLD = """
import asyncio, signal, sys
from pathlib import Path
from bot.sandbox.production.world import Scale, World
async def main():
    async with World(Path(sys.argv[1]), scale=Scale(hosts=2, rps=20)) as world:
        print(world.load._child.pid, *(p.pid for p in (*world.pools.values(), *world.nginx.values(), world.prometheus)))
        print(*(h.port for h in world.nginx.values()), flush=True)
        await asyncio.Event().wait()
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, and we inherit that
asyncio.run(main())
"""


def alive(pid: int) -> bool:
    """Not a zombie either: after a SIGKILL of its parent a child is reaped by whoever is init."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def shown(world: World, promql: str, holds: Callable[[float], bool]) -> None:
    """Returns when the one value of the query holds; the deadline leaves room for a busy machine."""

    async def probe() -> bool:
        samples = await world.prometheus.query(promql)
        return len(samples) == 1 and holds(samples[0].value)

    await until(probe, promql, deadline=20, every=0.1)


async def test_the_dial_is_seen_by_prometheus_which_can_go_blind(tmp_path: Path) -> None:
    async with World(tmp_path, scale=FAST) as world:
        stable = 'service="brand-diagnosis",version="2.0.0"'
        ratio = (
            f'sum(rate(http_requests_total{{{stable},code="500"}}[2s]))/sum(rate(http_requests_total{{{stable}}}[2s]))'
        )
        await world.prometheus.scraped()
        await shown(world, ratio, lambda v: v == 0)
        await world.dial("stable", error_ratio=0.5, report_failure_ratio=1.0, memory_mb=60, critical_alerts=2)
        await shown(world, ratio, lambda v: 0.45 <= v <= 0.55)
        failures = f'sum(rate(reports_total{{{stable},result="failure"}}[2s]))'
        await shown(world, failures, lambda v: v > 10)
        await shown(world, f"app_open_critical_alerts{{{stable}}}", lambda v: v == 2)
        await shown(world, f"app_memory_percent{{{stable}}}", lambda v: v > 100 * 60 / 256)
        await shown(world, f"app_concurrent_users{{{stable}}}", lambda v: v > 100)
        await shown(world, f"app_cpu_percent{{{stable}}}", lambda v: 0 < v < 100)
        await world.dial("stable", error_ratio=0, latency_s=0.3)
        p95 = f"histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{{{stable}}}[2s])))"
        await shown(world, p95, lambda v: 0.25 < v <= 0.5)
        page = world.snapshot()
        assert page["pools"]["stable"]["dial"]["latency_s"] == 0.3
        assert page["pools"]["stable"]["share"] == 100.0
        assert [host["file"] for host in page["hosts"]] == ["absent", "absent"]
        with pytest.raises(ProductionError, match="no such fault"):
            await world.dial("stable", mistake=1)
        await goes_blind_and_sees_again(world)


async def goes_blind_and_sees_again(world: World) -> None:
    before = (await world.prometheus.query("scalar(vector(time()))+vector(0)"))[0].value
    await world.stop_prometheus()
    with pytest.raises(ProductionError, match="does not answer"):
        await world.prometheus.query("up")
    await world.start_prometheus()
    assert len(await world.prometheus.query(f"count_over_time(up[1m] @ {before}) > 3")) == 2
    await world.prometheus.scraped()


async def test_a_crashed_service_is_gone_and_comes_back_under_a_deployed_version(tmp_path: Path) -> None:
    async with World(tmp_path, scale=QUIET) as world:
        await measure_shares(world.urls[0], 10)
        assert (await world.counters("stable")).requests == {"200": 10, "404": 0, "500": 0}
        await world.deploy("stable", "2.1.0")
        assert (await world.counters("stable")).total == 0
        await world.dial("stable", crash=True)
        assert not world.snapshot()["pools"]["stable"]["running"]
        assert (await measure_shares(world.urls[0], 10)).failed == 10
        await world.start_service("stable")
        assert (await measure_shares(world.urls[0], 10)).requests == {"2.1.0": 10}


async def test_hosts_can_be_edited_and_taken_down(tmp_path: Path) -> None:
    async with World(tmp_path, scale=QUIET) as world:
        target = Target("brand-diagnosis", "R-1", 7, world.traffic(), "canary", 100, False, "s")
        world.edit_host_file("lb-1", render(target, world.hosts[0]))

        async def moved() -> bool:
            return (await measure_shares(world.urls[0], 20)).requests == {"2.2.0": 20}

        await until(moved, "the edited file is served")
        page = world.snapshot()["hosts"][0]
        assert (page["file"], page["generation"], page["mode"]) == ("ours", 7, "canary")
        world.edit_host_file("lb-1", world.host_file("lb-1") + "# mine\n", reload=False)
        assert world.snapshot()["hosts"][0]["file"] == "edited"
        await world.take_host_down("lb-1")
        with pytest.raises(ProductionError):
            await measure_shares(world.urls[0], 1)
        await world.bring_host_up("lb-1")
        assert await moved()
        assert world.nginx["lb-1"].read(file_name("brand-diagnosis")).endswith("# mine\n")


async def test_a_world_that_cannot_start_leaves_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, scale=QUIET, files=lambda _world, _host: {"site.conf": "nonsense\n"})
    with pytest.raises(ProductionError, match="lb-1 ended while it was starting"):
        await world.__aenter__()
    assert not world.prometheus.running
    assert not any(backend.running for backend in world.pools.values())
    assert not any(host.running for host in world.nginx.values())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_the_children_die_with_the_parent(tmp_path: Path, how: signal.Signals) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, str(tmp_path), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert parent.stdout is not None
    try:
        pids = [int(word) for word in (await asyncio.wait_for(parent.stdout.readline(), 60)).split()]
        ports = [int(word) for word in (await parent.stdout.readline()).split()]
        workers = [child for pid in pids for child in children_of(pid)]
        assert len(pids) == 6
        assert len(workers) == 4
        assert all(map(alive, pids))
        os.kill(parent.pid, how)
        await asyncio.wait_for(parent.wait(), 60)
    finally:
        if parent.returncode is None:
            parent.kill()
            await parent.wait()

    async def gone() -> bool:
        return not any(map(alive, pids + workers)) and not any([await accepts(LOOPBACK, port) for port in ports])

    await until(gone, "all children are gone")
