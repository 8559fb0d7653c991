"""Does the pieces of work of a rollout, and brings back what each came to. No judgement lives here.

A piece never fails as an effect: whatever goes wrong is a result, which the core judges. What was cut off is done
again: a look because looking twice does no harm, a backup and a step because their machine knows the key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import structlog

from bot.engine.ports.fleet import Fleet
from bot.engine.ports.records import Claimed
from bot.engine.rollouts import Rollouts
from bot.fleet.target import HostReading, HostState
from bot.release.findings import found, not_runnable, passed, quoted
from bot.release.ports import Found
from bot.release.saying import said
from bot.rollout import baseline
from bot.rollout.effects import DoWork
from bot.rollout.gate import Need, Values
from bot.rollout.intents import ReportWork
from bot.rollout.model import Rollout
from bot.rollout.plan import Plan, Pool
from bot.rollout.runbook import BackupRule, Check, Step
from bot.rollout.work import OUTPUT, SUMMARY, TRAFFIC, Outcome, Said, WorkRef, WorkResult

log = structlog.get_logger()

MOST_ASTRAY = 5  # hosts that are named
ASTRAY = {
    HostState.ABSENT: "host_absent",
    HostState.EDITED: "host_edited",
    HostState.STALE: "host_stale",
    HostState.DOWN: "host_down",
    HostState.UNREACHABLE: "host_unreachable",
}


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
            came = await self._found(claimed, effect, rollout)
        except Exception as error:
            log.exception("work failed", key=claimed.key)
            came = not_runnable(quoted(f"{type(error).__name__}: {error}"))
        now = self._rollouts.now()
        parts = {field.name: getattr(came, field.name) for field in fields(came)}
        parts |= {"summary": _line(came.summary), "output": came.output[-OUTPUT:]}
        result = WorkResult(ref=ref, started_at=began, finished_at=now, **parts)
        await self._rollouts.submit(
            service, ReportWork(effect.order, result, effect.rollout), f"effect:{claimed.id}", finish=claimed.id
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
        return not_runnable(said("gone"))

    async def _baseline(self, plan: Plan, rollout: Rollout, which: str) -> Found:
        if plan.runbook.baseline is None:
            return not_runnable(said("gone"))
        wanted = baseline.needs(plan, rollout, which)
        pieces = [await self._history.measure_at(wanted, at) for at in baseline.times(plan, self._rollouts.now())]
        figures = baseline.figures(wanted, pieces)
        measured = sum(figure.mean is not None for figure in figures)
        errors = sorted({value.error for piece in pieces for value in piece.values() if value.error})
        if not measured and errors:
            return not_runnable(quoted(errors[0]))
        window = {"window": plan.runbook.baseline.window}
        return passed(said("measured", window, n=str(measured), total=str(len(figures))), figures=figures)

    async def _traffic(self, plan: Plan, rollout: Rollout) -> Found:
        """Every host read back, not assumed: all of them on the order of the way back, and nothing to the new pool."""
        readings = await self._fleets[plan.service].read(plan.service)
        wrong = [_astray(r) for r in readings if r.state is not HostState.OK or r.share != 0.0]
        good = len(readings) - len(wrong)
        what = [said("read_back", n=str(good), total=str(len(readings)), share="0"), *wrong[:MOST_ASTRAY]]
        if len(wrong) > MOST_ASTRAY:
            what.append(said("more_hosts", n=str(len(wrong) - MOST_ASTRAY)))
        return found(Outcome.FAILED if wrong else Outcome.PASSED, *what, value=float(good))


def _astray(reading: HostReading) -> Said:
    """What is not as it has to be on a host after the way back."""
    if reading.error:
        return said("host_error", host=reading.host, why=reading.error)
    if reading.share:
        return said("host_share", host=reading.host, share=f"{reading.share:g}")
    return said(ASTRAY.get(reading.state, "host_stale"), host=reading.host)


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
