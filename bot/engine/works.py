"""Does the pieces of work of a rollout, and brings back what each came to. No judgement lives here.

A piece never fails as an effect: whatever goes wrong is a result, which the core judges. What was cut off is done
again: a look because looking twice does no harm, a backup and a step because their machine knows the key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

import structlog

from bot.engine.ports import Claimed, Fleet
from bot.engine.rollouts import Rollouts
from bot.fleet.target import HostState
from bot.release.ports import Found
from bot.rollout import baseline
from bot.rollout.effects import DoWork
from bot.rollout.gate import Need, Values
from bot.rollout.intents import ReportWork
from bot.rollout.model import Rollout
from bot.rollout.plan import Plan, Pool
from bot.rollout.runbook import BackupRule, Check, Step
from bot.rollout.work import OUTPUT, SUMMARY, TRAFFIC, Outcome, WorkRef, WorkResult

log = structlog.get_logger()


class Checks(Protocol):
    async def check(self, check: Check, plan: Plan, rollout: Rollout, pool: Pool = "canary") -> Found: ...


class Steps(Protocol):
    async def run(
        self, step: Step, machine: str, key: str, env: Mapping[str, str], *, again: bool = False
    ) -> Found: ...


class Backups(Protocol):
    async def take(self, rule: BackupRule, key: str, env: Mapping[str, str], now: float) -> Found: ...


class History(Protocol):
    async def measure_at(self, needs: Sequence[Need], at: float) -> Values:
        """As Metrics.measure, as of that moment."""
        ...


@dataclass(frozen=True, slots=True)
class Hands:
    """What does the work of one service."""

    checks: Checks
    steps: Steps
    backups: Backups


class Works:
    """env: what a command knows of the rollout, by rollout and stage."""

    def __init__(
        self,
        rollouts: Rollouts,
        fleets: Mapping[str, Fleet],
        hands: Mapping[str, Hands],
        history: History,
        env: Callable[[Rollout, str], Mapping[str, str]],
    ) -> None:
        self._rollouts = rollouts
        self._fleets = fleets
        self._hands = hands
        self._history = history
        self._env = env

    async def do(self, claimed: Claimed, effect: DoWork) -> bool:
        service, ref = claimed.stream, effect.ref
        rollout = (await self._rollouts.settled(service)).known(effect.rollout)
        if rollout is None:
            return False  # another one has begun since, and nobody waits for this any more
        began = self._rollouts.now()
        try:
            found = await self._found(claimed, effect, rollout)
        except Exception as error:
            log.exception("work failed", key=claimed.key)
            found = Found(Outcome.NOT_RUNNABLE, f"{type(error).__name__}: {error}")
        now = self._rollouts.now()
        fields = asdict(found) | {"summary": _line(found.summary), "output": found.output[-OUTPUT:]}
        result = WorkResult(ref=ref, started_at=began, finished_at=now, **fields | {"figures": found.figures})
        await self._rollouts.submit(
            service, ReportWork(effect.order, result), f"effect:{claimed.id}", finish=claimed.id
        )
        return True

    async def _found(self, claimed: Claimed, effect: DoWork, rollout: Rollout) -> Found:
        plan, ref = self._rollouts.plans[claimed.stream], effect.ref
        if ref.kind == "baseline":
            return await self._baseline(plan, rollout, ref.name)
        if (ref.kind, ref.name) == ("verify", TRAFFIC):
            return await self._traffic(plan, rollout)
        hands, env = self._hands[claimed.stream], self._env(rollout, ref.stage or rollout.stage)
        key = _key(claimed, rollout)
        if ref.kind == "step":
            step = plan.runbook.step(ref.phase, ref.name)
            if step and ref.machine in step.machines:
                return await hands.steps.run(step, ref.machine, key, env, again=claimed.attempts > 0)
        elif ref.kind == "backup":
            rule = plan.runbook.backup(ref.name)
            if rule:
                return await hands.backups.take(rule, key, env, self._rollouts.now())
        else:
            check = _check(plan, ref)
            if check:
                pool: Pool = "stable" if ref.kind == "verify" else "canary"
                return await hands.checks.check(check, plan, rollout, pool)
        return Found(Outcome.NOT_RUNNABLE, "the plan no longer has it")

    async def _baseline(self, plan: Plan, rollout: Rollout, which: str) -> Found:
        if plan.runbook.baseline is None:
            return Found(Outcome.NOT_RUNNABLE, "the plan no longer has it")
        wanted = baseline.needs(plan, rollout, which)
        pieces = [await self._history.measure_at(wanted, at) for at in baseline.times(plan, self._rollouts.now())]
        figures = baseline.figures(wanted, pieces)
        measured = sum(figure.mean is not None for figure in figures)
        errors = sorted({value.error for piece in pieces for value in piece.values() if value.error})
        said = f"{measured} of {len(figures)} metrics over {plan.runbook.baseline.window:g} s"
        if not measured and errors:
            return Found(Outcome.NOT_RUNNABLE, errors[0])
        return Found(Outcome.PASSED, said, figures=figures)

    async def _traffic(self, plan: Plan, rollout: Rollout) -> Found:
        """Every host read back, not assumed: all of them on the order of the way back, and nothing to the new pool."""
        readings = await self._fleets[plan.service].read(plan.service)
        wrong = [
            f"{r.host}: {r.error or (f'{r.share:g} % to the new pool' if r.share else r.state)}"
            for r in readings
            if r.state is not HostState.OK or r.share != 0.0
        ]
        good = len(readings) - len(wrong)
        outcome = Outcome.FAILED if wrong else Outcome.PASSED
        said = f"{good} of {len(readings)} hosts read back at 0 %"
        return Found(outcome, "; ".join([said, *wrong]), value=float(good))


def _key(claimed: Claimed, rollout: Rollout) -> str:
    """What a machine remembers the piece by. Another bot on it, or this one with a new database, may give a rollout the
    same id on the same day: when it began tells them apart, or a step would be taken for done that never ran.
    """
    return f"{claimed.key}@{rollout.started_at:.3f}"


def _check(plan: Plan, ref: WorkRef) -> Check | None:
    if ref.kind == "check":
        return plan.runbook.check(ref.name)
    return next((check for check in plan.runbook.verification if check.name == ref.name), None)


def _line(text: str) -> str:
    return " ".join(text.split())[:SUMMARY]
