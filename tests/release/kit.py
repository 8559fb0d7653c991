"""What the tests of checks and steps share: a rollout, its plan, and a runner on this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from bot.release.runner.run import ShellRunner
from bot.rollout.model import Rollout, Status
from bot.rollout.plan import FleetPlan, Host, Plan, Traffic
from bot.rollout.runbook import Machine

ROLLOUT = Rollout(
    id="ROLLOUT-20260302-1",
    service="shop",
    version="2.1.0",
    stable_version="2.0.9",
    stable=("10.0.1.10:5000",),
    canary=("10.0.1.11:5000", "10.0.1.12:5000"),
    salt="s",
    initiator="U1",
    reason="",
    plan_hash="h",
    started_at=0.0,
    status=Status.PREPARING,
    stage="internal",
)
LOCAL = FleetPlan("local", (Host("lb-1"),))
PLAN = Plan("shop", "Shop", "releases", Traffic("sticky", (), (), "2.0.9"), LOCAL, (), (), ())


def surroundings(state: Path) -> dict[str, str]:
    """An environment of the bot's; what is remembered of runs goes to `state`."""
    return {"PATH": os.environ["PATH"], "HOME": str(state), "XDG_STATE_HOME": str(state), "SLACK_BOT_TOKEN": "xoxb-1"}


def local_runner(state: Path, machines: Sequence[Machine] = (), *, replicas: bool = False) -> ShellRunner:
    return ShellRunner(LOCAL, machines, surroundings(state), replicas=replicas)


def alive(pid: int) -> bool:
    """A zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
