"""Steps: the plan's commands around the traffic. Each runs at most once per key, and again only where it is safe."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bot.release.findings import also, compared, exited, found, not_runnable, unended
from bot.release.matching import Unfit, number
from bot.release.ports import Found, Ran, Runner
from bot.release.saying import said
from bot.rollout.model import Rollout
from bot.rollout.runbook import Step
from bot.rollout.work import Outcome, Said

RETRY_AFTER = 2.0  # seconds
_AGAIN = frozenset({Outcome.FAILED, Outcome.TIMED_OUT})


def environment(rollout: Rollout, stage: str) -> Mapping[str, str]:
    """What a command knows of the rollout: see bot.rollout.runbook."""
    return {
        "ROLLOUT_ID": rollout.id,
        "ROLLOUT_SERVICE": rollout.service,
        "ROLLOUT_VERSION": rollout.version,
        "ROLLOUT_STABLE_VERSION": rollout.stable_version,
        "ROLLOUT_STAGE": stage,
        "ROLLOUT_CANARY": " ".join(rollout.canary),
        "ROLLOUT_STABLE": " ".join(rollout.stable),
    }


class Steps:
    """runner: of the plan whose steps are run. secrets: values by the name of the variable, of all steps."""

    def __init__(self, runner: Runner, secrets: Mapping[str, str], *, retry_after: float = RETRY_AFTER) -> None:
        self._runner = runner
        self._secrets = secrets
        self._retry_after = retry_after

    async def run(self, step: Step, machine: str, key: str, env: Mapping[str, str], *, again: bool = False) -> Found:
        """key: of this order of the step; each try has its own, made of it, so that whoever asks again finds each as it
        ended. again: it may have been asked for before (see Runner.run). The deadline is for one try.
        """
        missing = [name for name in step.secrets if not self._secrets.get(name)]
        if missing:
            return not_runnable(said("no_secret", names=", ".join(missing)))
        secrets = {name: self._secrets[name] for name in step.secrets}
        tries = 1 + (step.retries if step.safe else 0)
        for this in range(1, tries + 1):
            ran = await self._runner.run(
                machine,
                step.command,
                {**env, **secrets},
                step.deadline,
                key=f"{key}:{this}",
                secrets=tuple(secrets.values()),
                again=again,
            )
            came = judge(step, ran)
            if came.outcome not in _AGAIN or this == tries:
                break
            await asyncio.sleep(self._retry_after)
        return came if this == 1 else also(came, said("tried", n=str(this)))


def judge(step: Step, ran: Ran) -> Found:
    """What one try came to."""
    ended = unended(ran)
    if ended:
        return ended
    value: float | None = None
    unfit: tuple[Said, ...] = ()
    if step.result:
        try:
            value = number(step.result, ran.output)
        except Unfit as error:
            unfit = error.said
    outcome, what = Outcome.PASSED, exited(ran)
    if ran.exit_status:
        outcome = Outcome.FAILED
    elif step.result and value is None:
        outcome, what = Outcome.FAILED, unfit or (*what, said("no_number", pattern=step.result))
    elif step.must and value is not None:
        held = step.must.holds(value)
        outcome = Outcome.PASSED if held else Outcome.FAILED
        what = (compared(value, step.must),)
    return found(outcome, *what, output=ran.output, exit_status=ran.exit_status, value=value)
