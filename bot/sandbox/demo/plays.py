"""The scripted runs by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from bot.sandbox.demo.runbook import runbook
from bot.sandbox.demo.scenarios import Run, bad_canary, blind, crash, steady

SCENARIOS: dict[str, Callable[[Run], Awaitable[dict[str, Any]]]] = {
    "steady": steady,
    "bad-canary": bad_canary,
    "blind": blind,
    "crash": crash,
    "runbook": runbook,
}
BOOKED = frozenset({"runbook"})  # with checks, backup, steps and report around the traffic
