"""What surrounds the traffic, done by nobody: every piece comes to what the test says, and is written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.engine.performers import Release
from bot.engine.ports.chat import Chat
from bot.engine.ports.fleet import Fleet
from bot.engine.ports.rendered import Attachment
from bot.engine.ports.store import Store
from bot.engine.publishing import Edition, Publisher
from bot.engine.release_speaker import ReleaseSpeaker
from bot.engine.rollouts import Rollouts
from bot.engine.speaker import Speaker
from bot.engine.works import Hands, Works
from bot.release.ports import Found
from bot.release.steps import environment
from bot.rollout.gate import Need, Value, Values
from bot.rollout.model import Rollout
from bot.rollout.plan import Plan, Pool
from bot.rollout.runbook import BackupRule, Check, Step
from bot.rollout.work import Outcome

GOOD = Found(Outcome.PASSED, "exit 0", exit_status=0)


@dataclass
class ScriptedHands:
    """outcomes: by name; what is not named passes. Serves as Checks, Steps, Backups, History and Press."""

    outcomes: dict[str, Found] = field(default_factory=dict)
    done: list[tuple[str, str]] = field(default_factory=list)  # (name, machine), in order
    keys: list[str] = field(default_factory=list)

    def _came(self, name: str, machine: str = "") -> Found:
        self.done.append((name, machine))
        return self.outcomes.get(name, GOOD)

    async def check(self, check: Check, plan: Plan, rollout: Rollout, pool: Pool = "canary") -> Found:
        return self._came(check.name)

    async def run(self, step: Step, machine: str, key: str, env: Mapping[str, str], *, again: bool = False) -> Found:
        self.keys.append(key)
        return self._came(step.name, machine)

    async def take(self, rule: BackupRule, key: str, env: Mapping[str, str], now: float) -> Found:
        return self._came(rule.name)

    async def measure_at(self, needs: Sequence[Need], at: float) -> Values:
        return {need: Value(at % 7) for need in needs}

    async def report(self, rollout: Rollout, plan: Plan, now: float) -> Edition:
        self.done.append(("report", rollout.id))
        return Edition(f"digest of {len(rollout.notes)} notes", (Attachment("report.md", "Report", b"# R"),), "# R")

    async def chart(self, rollout: Rollout, plan: Plan) -> Attachment | None:
        self.done.append(("chart", rollout.id))
        return Attachment("chart.png", "Chart", b"PNG")


def a_release(
    rollouts: Rollouts,
    store: Store,
    fleets: Mapping[str, Fleet],
    chat: Chat,
    speaker: Speaker,
    words: Any,
    hands: ScriptedHands | None = None,
) -> Release:
    mine = hands or ScriptedHands()
    works = Works(rollouts, fleets, {service: Hands(mine, mine, mine) for service in fleets}, mine, environment)
    publisher = Publisher(rollouts, store, chat, speaker, mine, words)
    return Release(works, publisher, ReleaseSpeaker(rollouts, store, chat, speaker, words))
