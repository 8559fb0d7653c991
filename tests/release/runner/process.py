"""A process that runs one line as the bot does, to be killed: python -m … STATE MACHINE-JSON LINE KEY."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from bot.release.runner.run import ShellRunner
from bot.rollout.plan import FleetPlan
from bot.rollout.runbook import BOT, Machine
from tests.release.kit import surroundings


async def main(state: str, place: str, line: str, key: str) -> None:
    """place: null, or address, port, known_hosts and key_file."""
    where = json.loads(place)
    fleet = FleetPlan("ssh", (), known_hosts=where[2], key_file=where[3]) if where else FleetPlan("local", ())
    machines = [Machine("db-1", where[0], where[1])] if where else []
    runner = ShellRunner(fleet, machines, surroundings(Path(state)), connect_timeout=60.0)
    await runner.run("db-1" if where else BOT, line, {}, 600.0, key=key)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
