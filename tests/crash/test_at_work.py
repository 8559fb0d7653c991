"""The real bot, killed with SIGKILL while a check, a backup, an unsafe step, the watch or the report is under way.

The plays kill it between any two acts of its own; here it is in the middle of somebody else's.
"""

from __future__ import annotations

import asyncio
import json
import shlex
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.rollout.events import RolloutCompleted, WatchLine, WorkDone
from bot.rollout.model import Status
from bot.sandbox.crash.ledger import names_of
from tests.crash.cast import Cast, CrashStand, key_of
from tests.crash.plays import patient
from tests.postgres import Cluster
from tests.scenarios.kit import LAST, NEW

LONG = 3  # seconds that each piece takes, which is killed long before
PUBLISHED = "chat.upload.report.after"  # the files are in the thread, and nobody has heard of it


def slow(plan: Any, root: Path) -> None:
    patient(plan, root)
    plan["stages"] = [stage | {"bake": "1s"} for stage in plan["stages"] if stage["name"] == LAST]
    plan.update(
        watch="12s",
        watch_every="1s",
        checks=[{"name": "check", "command": _long(root, "check")}],
        backups=[{"name": "backup", "command": f"{_long(root, 'backup')}; echo data", "folder": str(root / "backups")}],
        steps={"before_stage": [{"name": "step", "command": _long(root, "step")}]},
        report={"sign_off": []},
    )


def _long(root: Path, name: str) -> str:
    """A line at its beginning, one at its end."""
    begun, over = (shlex.quote(str(root / f"{name}.{when}")) for when in ("begun", "over"))
    return f"echo 1 >> {begun}; sleep {LONG}; echo 1 >> {over}"


def _times(root: Path, name: str) -> int:
    file = root / name
    return len(file.read_text().splitlines()) if file.exists() else 0


async def _killed_in(cast: Cast, name: str) -> None:
    async def begun() -> bool:
        return _times(cast.stand.root, f"{name}.begun") > 0

    await cast.stand.play.poll(begun, f"the {name} to begin", 120)
    assert not _times(cast.stand.root, f"{name}.over")
    await cast.stand.kill_bot()
    await cast.stand.start_bot()


async def _played(cast: Cast, stand: CrashStand) -> None:
    await cast.start(NEW)
    await _killed_in(cast, "backup")
    await _killed_in(cast, "check")
    await cast.asked(1)
    react = asyncio.create_task(cast.until(f"{LAST} live", _is(LAST), cast.react("wang", 1)))
    await _killed_in(cast, "step")
    await react
    await cast.until("a line of the watch", lambda look: look.has(WatchLine))
    stand.ledger.arm([PUBLISHED])
    await stand.kill_bot()
    await stand.start_bot()
    await cast.until("the report", lambda look: bool((r := look.rollout) and r.report and r.report.signed_at))
    await cast.settled()


def _is(stage: str) -> Callable[[Any], bool]:
    return lambda look: bool(look.rollout and look.rollout.live_stage == stage)


@pytest.mark.long
@pytest.mark.parametrize("store", ["sqlite", "postgres"])
async def test_killed_in_the_middle_of_it(store: str, tmp_path: Path, cluster: Cluster) -> None:
    stand = CrashStand(tmp_path, slow, cluster.url(cluster.create()) if store == "postgres" else "")
    async with stand:
        cast = Cast(stand)
        try:
            await _played(cast, stand)
            look = await cast.look()
        finally:
            await cast.close()
            await stand.play.close()
        done = Counter(event.result.ref.name for event in look.events if isinstance(event, WorkDone))
        assert (look.rollout and look.rollout.status, look.given_up) == (Status.COMPLETED, ())
        assert done == {"check": 1, "backup": 1, "step": 1}
        assert all(event.result.passed for event in look.events if isinstance(event, WorkDone))
        assert len([event for event in look.events if isinstance(event, RolloutCompleted)]) == 1
        # A look and a backup that were cut off are done anew, from the beginning; the step was left alone to its end.
        assert {name: _times(tmp_path, f"{name}.begun") for name in done} == {"check": 2, "backup": 2, "step": 1}
        assert {name: _times(tmp_path, f"{name}.over") for name in done} == {"check": 1, "backup": 1, "step": 1}
        assert len([json.loads(f.read_text()) for f in (tmp_path / "backups").rglob("*.json")]) == 1
        often = Counter(key_of(message) for message in cast.messages())
        assert PUBLISHED in names_of(stand.ledger.killed)
        assert set(often.values()) == {1} and [key for key in often if key.startswith("report:")]
