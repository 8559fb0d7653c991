"""Killed at every crash point, on PostgreSQL."""

from __future__ import annotations

import pytest

from tests.crash.promises import CrashPromises
from tests.crash.run import NewDatabase
from tests.postgres import Cluster


@pytest.fixture(scope="module")
def new_database(cluster: Cluster) -> NewDatabase:
    return lambda: cluster.url(cluster.create())


@pytest.mark.asyncio(loop_scope="module")
class TestOnPostgres(CrashPromises):
    store = "postgres"
