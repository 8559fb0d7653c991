"""What a headless demo prints: a readable transcript with each stage's gate table, and the closing JSON object."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from bot.rollout.events import Event, ShiftDone
from bot.rollout.model import GateResult, Rollout, StageRecord


def _print(line: str) -> None:
    print(line, flush=True)


class Transcript:
    """Lines with the seconds since the beginning, each given to `tell`; by default printed."""

    def __init__(self, tell: Callable[[str], None] = _print) -> None:
        self._began = time.monotonic()
        self._tell = tell

    def say(self, text: str) -> None:
        first, *rest = text.splitlines() or [""]
        self._tell(f"{time.monotonic() - self._began:7.1f}s  {first}")
        for line in rest:
            self._tell(f"          {line}")

    def stage(self, record: StageRecord, approvers: str) -> None:
        share = "not measured" if record.share is None else f"{record.share:.2f} % of requests, internal users included"
        self.say(f"{record.name}: approved by {approvers}; canary got {share}")
        for gate in record.gates:
            self.say(f"    {gate.verdict:<16} {gate.text:<28} canary {number(gate.canary):>9}   {_rest(gate)}")


def number(value: float | None) -> str:
    return "—" if value is None else f"{value:.4g}"


def _rest(gate: GateResult) -> str:
    samples = f"{gate.samples:.0f} samples" if gate.samples is not None else f"{gate.readings} readings"
    return f"stable {number(gate.stable):>9}   {samples}"


def result(rollout: Rollout, events: Sequence[Event], names: dict[str, str]) -> dict[str, Any]:
    """The JSON of a run; every figure is from the log. Durations in seconds, shares in percent."""
    end = rollout.finished_at or rollout.started_at
    return {
        "rollout": rollout.id,
        "state": rollout.status.value,
        "stages": [_stage(record, names) for record in rollout.stages],
        "shifts": [
            {"stage": e.stage, "generation": e.generation, "hosts": len(e.hosts), "duration_s": round(e.duration, 3)}
            for e in events
            if isinstance(e, ShiftDone)
        ],
        "duration_s": round(end - rollout.started_at, 1),
    }


def _stage(record: StageRecord, names: dict[str, str]) -> dict[str, Any]:
    return {
        "name": record.name,
        "weight": record.weight,
        "measured_share": None if record.share is None else round(record.share, 3),
        "gates": [
            {
                "gate": g.text,
                "value": g.canary,
                "stable": g.stable,
                "samples": None if g.samples is None else round(g.samples),
                "verdict": g.verdict.value,
            }
            | {"threshold": g.text.split(maxsplit=1)[-1]}
            for g in record.gates
        ],
        "approvers": [names.get(user, user) for user in record.approvers],
    }


def print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False), flush=True)
