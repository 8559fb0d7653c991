"""DATABASE_URL to a store."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.engine.ports.records import Commit
from bot.store import StoreBroken
from bot.store.opening import open_existing, open_store
from tests.postgres import Cluster
from tests.store.samples import NOW, note

ROOT = Path(__file__).parents[2]


async def test_each_url_opens_its_kind(path: Path, database_url: str) -> None:
    for url, shared in ((f"sqlite:///{path}", False), (database_url, True)):
        store = await open_store(url)
        assert store.shared is shared
        await store.commit(Commit("shop", 0, NOW, events=(note(),)))
        await store.close()
        looking = await open_existing(url)
        assert looking is not None
        assert await looking.events("shop") == ((1, note()),)
        await looking.close()


async def test_where_no_bot_was_ever_started_there_is_nothing_to_look_at(path: Path, cluster: Cluster) -> None:
    assert await open_existing(f"sqlite:///{path}") is None
    assert os.listdir(path.parent) == []
    assert await open_existing(cluster.url(cluster.create())) is None


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite://x.db", "mysql://bot:s3cret@db/x", "bot.db", ""])
async def test_another_url_is_refused_with_the_forms_there_are(url: str) -> None:
    with pytest.raises(StoreBroken, match=r"must be sqlite:///.* or postgresql://") as caught:
        await open_store(url)
    assert "s3cret" not in str(caught.value)


def test_a_bot_on_sqlite_does_not_load_postgresqls_driver() -> None:
    program = "import sys, bot.process; sys.exit('psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
