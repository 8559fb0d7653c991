from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot.release.backup.taking import Backups
from bot.release.runner.run import ShellRunner
from bot.rollout.plan import FleetPlan
from bot.rollout.runbook import BackupRule
from tests.release.backup.kit import SERVICE, make_database


@pytest.fixture
async def runner() -> AsyncIterator[ShellRunner]:
    found = ShellRunner(FleetPlan("local", ()), (), {"PATH": "/usr/bin:/bin"})
    yield found
    await found.aclose()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return make_database(tmp_path / "app.db")


@pytest.fixture
def rule(tmp_path: Path, database: Path) -> BackupRule:
    return BackupRule("app-db", str(tmp_path / "backups"), sqlite=str(database), deadline=60.0)


@pytest.fixture
def backups_of(runner: ShellRunner) -> Callable[[BackupRule], Backups]:
    return lambda rule: Backups(SERVICE, (rule,), runner)
