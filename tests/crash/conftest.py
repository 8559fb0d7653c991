"""The plays, undisturbed and killed at every point: once for each store."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio

from tests.crash.promises import Runs
from tests.crash.run import NewDatabase, disturbed, points_of, shared_out, undisturbed


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runs(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """new_database: a fixture of the module's."""
    root = tmp_path_factory.mktemp("crash")
    references = await undisturbed(root, new_database)
    shares = shared_out(references)
    everything = frozenset[str]().union(*shares.values())
    async with asyncio.TaskGroup() as group:
        tasks = {
            play: group.create_task(
                disturbed(root / f"{play}-killed", play, new_database, share, everything - share, points_of(references))
            )
            for play, share in shares.items()
        }
    return Runs(references, [ran for task in tasks.values() for ran in task.result()])
