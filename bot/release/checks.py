"""Checks: each one look at something, by a deadline of its own. What it came to is a Found; nothing is raised."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.engine.ports.metrics import Metrics
from bot.release import check_http, check_machine
from bot.release.findings import (
    compared,
    exited,
    failed,
    found,
    lacking,
    not_runnable,
    passed,
    quoted,
    timed_out,
    unended,
)
from bot.release.ports import Found, LastBackup, Ran, Runner
from bot.release.saying import said
from bot.release.steps import environment
from bot.rollout.gate import Need
from bot.rollout.model import Rollout
from bot.rollout.plan import Plan, Pool
from bot.rollout.promql import fill
from bot.rollout.runbook import BOT, Check
from bot.rollout.work import Outcome

WINDOW = 300.0  # seconds: `$window` in a check's query
ABSENT = frozenset({126, 127})  # a shell's words for: not executable, not found
_LOOKS: dict[str, tuple[str, Callable[[Check, Ran], Found]]] = {
    "file_age": (check_machine.FILE_AGE, check_machine.file_age),
    "disk": (check_machine.DISK, check_machine.disk),
    "memory": (check_machine.MEMORY, check_machine.memory),
}


class Checks:
    """runner: of the plan whose checks are asked. clock: Unix seconds."""

    def __init__(self, runner: Runner, metrics: Metrics, backups: LastBackup, clock: Callable[[], float]) -> None:
        self._runner = runner
        self._metrics = metrics
        self._backups = backups
        self._clock = clock

    async def check(self, check: Check, plan: Plan, rollout: Rollout, pool: Pool = "canary") -> Found:
        """pool: which one `$pool`, `$version` and `$instances` are; after a rollback it is the stable one."""
        match check.kind:
            case "command":
                return await self._command(check, rollout)
            case "file_age" | "disk" | "memory":
                return await self._look(check, rollout)
        try:
            async with asyncio.timeout(check.deadline):
                return await self._from_here(check, plan, rollout, pool)
        except TimeoutError:
            return timed_out(said("late", {"limit": check.deadline}))

    async def _from_here(self, check: Check, plan: Plan, rollout: Rollout, pool: Pool) -> Found:
        if check.machine != BOT and check.kind == "http":
            return not_runnable(said("asked_here", bot=BOT, machine=check.machine))
        match check.kind:
            case "http":
                return await check_http.ask(check)
            case "promql":
                return await self._promql(check, plan, rollout, pool)
        return await self._backup(check, plan)

    async def _command(self, check: Check, rollout: Rollout) -> Found:
        env = environment(rollout, rollout.stage)
        ran = await self._runner.run(check.machine, check.target, env, check.deadline)
        ended = unended(ran)
        if ended:
            return ended
        what, status = exited(ran), ran.exit_status
        if status in ABSENT:
            mend = said("install", machine=check.machine)
            return not_runnable(*what, mend, output=ran.output, exit_status=status)
        if status:
            return failed(*what, output=ran.output, exit_status=status)
        pattern = check.contains
        lack = lacking(pattern, ran.output, said("no_output_match", pattern=pattern)) if pattern else None
        return lack(what, ran.output) if lack else passed(*what, output=ran.output, exit_status=status)

    async def _look(self, check: Check, rollout: Rollout) -> Found:
        line, read = _LOOKS[check.kind]
        env = {"LC_ALL": "C", check_machine.TARGET: check.target}
        ran = await self._runner.run(check.machine, line, env, check.deadline)
        return unended(ran) or read(check, ran)

    async def _promql(self, check: Check, plan: Plan, rollout: Rollout, pool: Pool) -> Found:
        canary = pool == "canary"
        query = fill(
            check.target,
            service=plan.service,
            version=rollout.version if canary else rollout.stable_version,
            pool=pool,
            instances=rollout.canary if canary else rollout.stable,
            window=WINDOW,
        )
        need = Need(check.name, pool, WINDOW, query)
        answer = (await self._metrics.measure([need]))[need]
        if answer.error:
            return not_runnable(quoted(answer.error))
        if answer.value is None:
            return failed(said("no_data"))
        if check.must is None:
            return passed(said("value", value=f"{answer.value:g}"), value=answer.value)
        held = check.must.holds(answer.value)
        return found(Outcome.PASSED if held else Outcome.FAILED, compared(answer.value, check.must), value=answer.value)

    async def _backup(self, check: Check, plan: Plan) -> Found:
        try:
            last = await self._backups.newest(plan.service, check.target)
        except OSError as error:
            return not_runnable(said("backups_unread", name=check.target, why=str(error)))
        if last is None:
            return failed(said("no_backup", name=check.target))
        taken, count = last
        return check_machine.fresh(check, check.target, self._clock() - taken, float(count))
