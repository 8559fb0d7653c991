"""`rollback:` of a plan: the steps in which a person may take back a version that is not broken."""

from __future__ import annotations

from decimal import Decimal

from bot.rollout.plan import StepDownRule
from config.durations import format_duration
from config.plan_schema import RollbackModel
from config.report import Report
from config.yaml_source import Path_


def build_step_down(model: RollbackModel | None, flips: bool, report: Report) -> StepDownRule | None:
    """None where the plan has no `rollback`. Default: step_every 1m. flips: strategy blue_green."""
    if model is None:
        return None
    at: Path_ = ("rollback",)
    if flips:
        report.problem(at, "blue_green flips back at once: there are no steps", "remove rollback")
        return None
    if not model.steps and not report.damaged((*at, "steps")):
        report.problem(at, "the way down has no steps", "add steps: [25, 5]; after the last comes nothing")
    before = Decimal(100)
    for index, step in enumerate(model.steps or []):
        exponent = step.normalize().as_tuple().exponent
        if not 0 < step < before:
            mend = f"write more than 0 and less than {before}: the way is down, and nothing comes by itself at the end"
            report.problem((*at, "steps", index), f"step {step} is not a step down", mend)
        elif isinstance(exponent, int) and exponent < -2:
            mend = f"nginx splits to a hundredth of a percent: write {round(step, 2)}"
            report.problem((*at, "steps", index), f"step {step} has more than two decimals", mend)
        before = min(before, step)
    every = 60.0 if model.step_every is None else model.step_every
    if not 1 <= every <= 3600:
        report.problem((*at, "step_every"), f"step_every {format_duration(every)} is out of range", "write 1s to 1h")
    return StepDownRule(tuple(float(step) for step in model.steps or []), every)
