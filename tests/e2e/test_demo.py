"""`rollout-bot demo --headless` as it is typed: the scenarios, their exit status and their closing JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest

KEYS = {"rollout", "state", "stages", "shifts", "duration_s"}
STAGES = [("internal", 0.0), ("1%", 1.0), ("10%", 10.0), ("50%", 50.0), ("100%", 100.0)]


async def demo(scenario: str, *more: str) -> dict[str, Any]:
    """The closing JSON; the transcript is in the failure when the run goes wrong."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot", "demo", "--headless", "--scenario", scenario, *more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), 900)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    text = out.decode()
    assert process.returncode == 0, text
    last: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
    assert last.keys() >= KEYS
    return last


def complete(run: dict[str, Any], *, retried: bool = False) -> None:
    """retried: a kill in the middle of a shift may make it fail, and be tried again."""
    assert run["state"] == "completed"
    assert [(s["name"], s["weight"]) for s in run["stages"]] == STAGES
    shifted = [shift["stage"] for shift in run["shifts"]]
    assert (list(dict.fromkeys(shifted)) if retried else shifted) == [name for name, _ in STAGES]
    for stage in run["stages"]:
        assert stage["approvers"] == ["wang"]
        assert stage["gates"]
        for gate in stage["gates"]:
            assert gate["verdict"] == "pass"
            assert gate["value"] is not None
            assert gate["threshold"]


async def test_steady_completes_and_a_bad_canary_goes_back() -> None:
    steady, bad = await asyncio.gather(demo("steady"), demo("bad-canary"))
    complete(steady)
    assert bad["state"] == "rolled_back"
    assert bad["trigger"].startswith("error_rate")
    assert 0 < bad["recovery_s"] < 60  # on a machine that is busy; the figure is printed, not judged
    assert bad["stages"][3]["approvers"] == []


async def test_blind_is_never_passed_and_a_killed_bot_ends_as_an_undisturbed_one() -> None:
    blind, crash = await asyncio.gather(demo("blind"), demo("crash"))
    complete(blind)
    assert blind["blind_s"] > 8
    assert blind["bake_wall_s"] > blind["bake_measured_s"] + blind["blind_s"] - 5
    complete(crash, retried=True)
    assert crash["kills"] == 20
    assert (crash["cards"], crash["above_approved"]) == (1, 0)
    assert crash["samples"] > 500


@pytest.mark.long
@pytest.mark.parametrize("seed", ["11", "12", "13", "14", "15"])
async def test_more_crashes(seed: str) -> None:
    crash = await demo("crash", "--seed", seed)
    complete(crash, retried=True)
    assert (crash["cards"], crash["above_approved"], crash["seed"]) == (1, 0, int(seed))


async def test_an_unknown_scenario_names_the_ones_there_are() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot", "demo", "--headless", "--scenario", "nonsense"),
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert process.returncode == 2
    assert b"bad-canary" in err
