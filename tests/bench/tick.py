"""One evaluation of 20 gates on a real Prometheus, against the same queries one after the other."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from prometheus_api_client import PrometheusConnect

from bot.prometheus import Prometheus
from bot.rollout.gate import Need
from bot.sandbox.production.backends import Backend
from bot.sandbox.production.ports import Ports
from bot.sandbox.production.prometheus import PrometheusServer, ScrapeTarget
from tests.bench.report import Result, percentile

RUNS = 100
GATES = 20


async def run() -> list[Result]:
    ports = Ports()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        async with Backend("v1", root, port=ports.take(), service="shop", version="1") as backend:
            targets = [ScrapeTarget(backend.address)]
            async with PrometheusServer(
                root / "prometheus", port=ports.take(), targets=targets, scrape_interval=1.0
            ) as server:
                await server.scraped()
                return await _measure(server.url)


async def _measure(url: str) -> list[Result]:
    queries = [f'sum(rate(http_requests_total{{code="200"}}[{n + 5}s])) or vector({n})' for n in range(GATES)]
    needs = [Need(f"m{n}", "canary", 10.0, query) for n, query in enumerate(queries)]
    ours, plain = Prometheus(url), PrometheusConnect(url=url)
    joined, single = [], []
    for _ in range(RUNS):
        began = time.perf_counter()
        values = await ours.measure(needs)
        joined.append((time.perf_counter() - began) * 1000)
        assert all(v.value is not None for v in values.values())
        began = time.perf_counter()
        for query in queries:
            plain.custom_query(query)
        single.append((time.perf_counter() - began) * 1000)
    ours.close()
    baseline = f"prometheus-api-client, {GATES} queries one after the other"
    return [Result("tick.p50", percentile(joined, 50), "ms", baseline, percentile(single, 50), RUNS)]
