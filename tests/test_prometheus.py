"""bot.prometheus against a real Prometheus, and against things that are not one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from bot.prometheus import Prometheus
from bot.rollout.gate import Need
from bot.sandbox.production.backends import Backend
from bot.sandbox.production.ports import Ports
from bot.sandbox.production.prometheus import PrometheusServer, ScrapeTarget


def need(promql: str, metric: str = "m", pool: str = "canary") -> Need:
    return Need(metric, pool, 10.0, promql)  # type: ignore[arg-type]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def real(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PrometheusServer]:
    root: Path = tmp_path_factory.mktemp("prometheus")
    ports = Ports()
    async with Backend("v1", root, port=ports.take(), service="shop", version="1") as backend:
        targets = [ScrapeTarget(backend.address)]
        async with PrometheusServer(
            root / "prometheus", port=ports.take(), targets=targets, scrape_interval=0.5
        ) as server:
            await server.scraped()
            yield server
    ports.close()


@pytest_asyncio.fixture(loop_scope="module")
async def client(real: PrometheusServer) -> AsyncIterator[Prometheus]:
    client = Prometheus(real.url)
    yield client
    client.close()


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_every_need_of_a_tick_is_answered_by_one_request(client: Prometheus) -> None:
    up, sum_of, empty = need("up", "up"), need("sum(up) + 1", "sum"), need("no_such_series", "none")
    values = await client.measure([up, sum_of, empty])
    assert (values[up].value, values[sum_of].value) == (1.0, 2.0)
    assert values[empty].value is None
    assert not values[empty].error


async def test_the_same_metric_for_two_pools_is_kept_apart(client: Prometheus) -> None:
    stable, canary = need("vector(1)", pool="stable"), need("vector(2)", pool="canary")
    values = await client.measure([stable, canary])
    assert (values[stable].value, values[canary].value) == (1.0, 2.0)


async def test_nan_is_no_value(client: Prometheus) -> None:
    nothing = need("sum(up) * 0 / 0")
    values = await client.measure([nothing])
    assert values[nothing].value is None
    assert not values[nothing].error


async def test_several_series_are_an_error_that_names_the_mend(client: Prometheus) -> None:
    many = need("http_requests_total")
    values = await client.measure([many])
    assert values[many].value is None
    assert "aggregate" in values[many].error


async def test_a_query_that_prometheus_refuses_blinds_only_itself(client: Prometheus) -> None:
    good, bad, scalar = need("up", "good"), need("sum(", "bad"), need("42", "scalar")
    values = await client.measure([good, bad, scalar])
    assert values[good].value == 1.0
    assert "parse error" in values[bad].error
    assert values[scalar].value == 42.0
    assert not client.error


async def test_a_server_that_is_away_is_an_error_for_every_need() -> None:
    ports = Ports()
    client = Prometheus(f"http://127.0.0.1:{ports.take()}")
    needs = [need("up", "a"), need("up", "b")]
    values = await client.measure(needs)
    assert {values[n].error for n in needs} == {"Prometheus cannot be reached"}
    assert client.error
    client.close()
    ports.close()


async def test_the_breaker_opens_after_three_failures_and_closes_by_itself() -> None:
    ports, now = Ports(), [0.0]
    client = Prometheus(f"http://127.0.0.1:{ports.take()}", clock=lambda: now[0])
    for _ in range(3):
        await client.measure([need("up")])
    client._client.url = "http://never.asked.invalid"
    assert (await client.measure([need("up")]))[need("up")].error == "Prometheus cannot be reached"
    now[0] = 5.0
    client._client.url = "not a url"
    assert (await client.measure([need("up")]))[need("up")].error != "Prometheus cannot be reached"
    client.close()
    ports.close()


@pytest.mark.parametrize("body", ["<html>login</html>", '{"status":"success"}', '{"data":{"result":null}}'])
async def test_an_answer_that_is_not_prometheus_is_an_error_not_an_empty_result(body: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=body)

    app = web.Application()
    app.router.add_route("*", "/api/v1/query", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    client = Prometheus(f"http://127.0.0.1:{runner.addresses[0][1]}")
    try:
        values = await client.measure([need("up")])
        assert "not an answer of Prometheus" in values[need("up")].error
    finally:
        client.close()
        await runner.cleanup()


async def test_no_needs_ask_nothing(client: Prometheus) -> None:
    assert await client.measure([]) == {}
