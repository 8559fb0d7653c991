"""A log under way, written event by event: each went through `evolve`, the measurements have a fixed seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from bot.alerts.model import Alert
from bot.engine.ports.records import Measurement
from bot.rollout import events as ev
from bot.rollout.evolve import evolve
from bot.rollout.model import GateResult, ServiceState, Verdict
from bot.rollout.plan import Condition, Stage
from bot.rollout.runbook import Phase
from bot.rollout.work import Outcome, WorkRef, WorkResult
from tests.release.report.sample_plan import ID, PLAN, T0, USUAL


@dataclass
class Sample:
    """A log under way. at: the moment of the next event."""

    at: float = T0
    rows: list[tuple[int, ev.Event]] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    state: ServiceState = field(default_factory=lambda: ServiceState("brand-diagnosis"))
    chance: random.Random = field(default_factory=lambda: random.Random(20260302))
    every: float = 900.0  # seconds between measurements
    orders: int = 0

    def say(self, event: ev.Event) -> None:
        self.state = evolve(self.state, event)
        self.rows.append((self.state.seq, event))

    def later(self, seconds: float) -> None:
        self.at += seconds

    def work(self, ref: WorkRef, outcome: Outcome, summary: str, took: float, **more: object) -> None:
        result = WorkResult(ref, outcome, summary, self.at, self.at + took, **more)  # type: ignore[arg-type]
        self.say(ev.WorkDone(result, self.orders, self.at + took))

    def order(self, phase: Phase, stage: str, *refs: WorkRef, by: str = "", again: bool = False) -> None:
        self.orders += 1
        self.say(ev.WorkOrdered(phase, stage, self.orders, refs, by, again, self.at))

    def near(self, metric: str, pool: str) -> float:
        usual = USUAL[metric][pool == "canary"]
        if usual > 90:  # a share of successes: its failures vary, not the whole
            return 100 - (100 - usual) * abs(1 + self.chance.gauss(0, 0.1))
        return usual * (1 + self.chance.gauss(0, 0.03))

    def measure(self, stage: Stage, seconds: float, worse: float = 1.0) -> None:
        """What the observer writes while a stage is watched. worse: what the errors and latency grow to, at the end."""
        steps = max(int(seconds / self.every), 1)
        total = 0.0
        for step in range(1, steps + 1):
            at, grown = self.at + step * self.every, 1 + (worse - 1) * (step / steps) ** 4
            total += 1500 + 400 * self.chance.random()
            weight = stage.weight or 2.0
            share = {"canary": total * weight / 100, "stable": total * (1 - weight / 100)}
            for pool, requests in share.items():
                self._put(stage, "requests", pool, requests, at)
                for metric in sorted({g.metric for g in stage.gates} | {"error_rate", "p95"}):
                    by = grown if pool == "canary" and metric == "error_rate" else 1.0
                    self._put(stage, metric, pool, self.near(metric, pool) * by, at)
            self._put(stage, "error_rate[60s]", "canary", self.near("error_rate", "canary") * grown * 1.3, at)
            self._put(stage, "p95[60s]", "canary", self.near("p95", "canary"), at)

    def _put(self, stage: Stage, metric: str, pool: str, value: float, at: float) -> None:
        self.measurements.append(Measurement(ID, stage.name, metric, pool, value, "", at))

    def gates(self, stage: Stage) -> tuple[GateResult, ...]:
        load = (GateResult("load < 1.5", "step:load", Verdict.PASS, 1.27, readings=1),) if stage.name == "50%" else ()
        return (*(self._gate(g) for g in stage.gates), *load)

    def _gate(self, g: Condition) -> GateResult:
        metric = PLAN.metric(g.metric)
        stable = self.near(g.metric, "stable") if metric.per_pool else None
        samples = float(self.chance.randrange(900, 40000)) if metric.samples else None
        return GateResult(g.text, g.metric, Verdict.PASS, self.near(g.metric, "canary"), stable, samples, 5760)
