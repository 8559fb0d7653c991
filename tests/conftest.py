"""What holds for the whole suite: its order, one PostgreSQL for all tests that want one, a database for each."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import settings

from bot.store.postgres import PostgresStore
from tests.postgres import Cluster, running

HERE = Path(__file__).parent
SAID = "said"  # the property of a test that is shown at the end
# These wait for real servers most of their time. First, so that no worker is left alone with one at the end.
SLOW = ("e2e", "scenarios", "crash", "replicas", "browser")

# The same examples every time, so that a change is judged by what it changes; `make test-long` searches with new ones.
settings.register_profile("steady", derandomize=True)
settings.register_profile("search", derandomize=False, max_examples=400)
settings.load_profile(os.environ.get("ROLLOUT_EXAMPLES", "steady"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def last(item: pytest.Item) -> bool:
        return item.path.relative_to(HERE).parts[0] not in SLOW

    items.sort(key=last)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests have to say in figures; by their properties, since a worker's own output is not shown."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in getattr(report, "user_properties", ()):
            if name == SAID and report.when == "call":
                terminalreporter.write_line(str(value))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with running() as made:
        yield made


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> str:
    """A database with the bot's empty tables."""
    name = cluster.create()

    async def migrate() -> None:
        await (await PostgresStore.open(cluster.url(name))).close()

    with ThreadPoolExecutor(1) as apart:  # a test's own loop may be running in this thread
        apart.submit(asyncio.run, migrate()).result()
    return name


@pytest.fixture
def database_url(cluster: Cluster, template: str) -> Iterator[str]:
    """The URL of a database of the test's own, with the bot's empty tables."""
    name = cluster.create(template, STRATEGY="FILE_COPY")
    yield cluster.url(name)
    cluster.drop(name)
