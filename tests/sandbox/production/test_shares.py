from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from bot.sandbox.production.children import ProductionError
from bot.sandbox.production.nginx import NginxHost
from bot.sandbox.production.ports import LOOPBACK, Ports
from bot.sandbox.production.shares import ShareResult, measure_shares, within_99

USERS = 20_000


def split_conf(port: int, percent: float) -> str:
    return f"""
split_clients "$cookie_uid-salt" $version {{
    {percent:.2f}% 2.2.0;
    * 2.0.0;
}}
server {{
    listen {LOOPBACK}:{port};
    location / {{ add_header X-Version $version; return 200 "ok\\n"; }}
}}
"""


async def test_shares_are_as_asked_and_nobody_loses_the_canary(tmp_path: Path, ports: Ports) -> None:
    port = ports.take()
    files = {"site.conf": split_conf(port, 1)}
    results: list[ShareResult] = []
    async with NginxHost("lb", tmp_path / "lb", port=port, status_port=ports.take(), files=files) as lb:
        for percent in (1, 10, 50):
            await lb.stop()
            await lb.start({"site.conf": split_conf(port, percent)})
            result = await measure_shares(lb.url, USERS)
            assert (result.total, result.failed, len(result.versions)) == (USERS, 0, USERS)
            assert within_99(result.requests["2.2.0"], USERS, percent), result.requests
            results.append(result)
    for earlier, later in pairwise(results):
        assert earlier.lost_in(later, "2.2.0") == frozenset()
        assert earlier.users_of("2.2.0") < later.users_of("2.2.0")


async def test_users_asked_twice_stay_where_they_are(tmp_path: Path, ports: Ports) -> None:
    port = ports.take()
    files = {"site.conf": split_conf(port, 50)}
    async with NginxHost("lb", tmp_path / "lb", port=port, status_port=ports.take(), files=files) as lb:
        result = await measure_shares(lb.url, 500, 2000)
        assert (len(result.versions), result.total, result.moved) == (500, 2000, frozenset())
        assert result.share("2.2.0") == pytest.approx(100 * len(result.users_of("2.2.0")) / 500)


async def test_users_who_move_are_named(tmp_path: Path, ports: Ports) -> None:
    port = ports.take()
    files = {"site.conf": split_conf(port, 50).replace("$cookie_uid", "$request_id")}
    async with NginxHost("lb", tmp_path / "lb", port=port, status_port=ports.take(), files=files) as lb:
        assert len((await measure_shares(lb.url, 100, 1000)).moved) > 50


async def test_a_host_that_is_down_is_an_error(ports: Ports) -> None:
    with pytest.raises(ProductionError, match="does not answer"):
        await measure_shares(f"http://{LOOPBACK}:{ports.take()}", 10)


@pytest.mark.parametrize(
    ("observed", "n", "share", "inside"),
    [
        # 0.9^50 = 0.0052, 0.9^51 = 0.0046; the bounds of 20,000 were summed with 60 digits.
        (0, 50, 10, True),
        (0, 51, 10, False),
        (50, 50, 90, True),
        (51, 51, 90, False),
        (200, 20_000, 1, True),
        (165, 20_000, 1, True),
        (164, 20_000, 1, False),
        (237, 20_000, 1, True),
        (238, 20_000, 1, False),
        (2000, 20_000, 1, False),
        (10_000, 20_000, 50, True),
        (10_200, 20_000, 50, False),
        (0, 20_000, 0, True),
        (1, 20_000, 0, False),
        (20_000, 20_000, 100, True),
        (19_999, 20_000, 100, False),
    ],
)
def test_the_interval(observed: int, n: int, share: float, inside: bool) -> None:
    assert within_99(observed, n, share) is inside
