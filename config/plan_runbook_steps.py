"""`steps:` of a plan: the commands of each phase."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from bot.rollout.runbook import BOT, PER_STAGE, STEP_PHASES, Phase, Step
from config.durations import format_duration
from config.environment import Reader
from config.plan_runbook_schema import StepModel, StepsModel
from config.plan_runbook_values import DAY, Around, expression, machine, must, once, span, whole, work_name
from config.problems import show, suggest
from config.report import Report
from config.secret import Secret
from config.yaml_source import Path_

_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]*")
_OWN: Final = frozenset({"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "ALERTS_TOKEN"})
_DEFAULT: Final = Step("", Phase.BEFORE_START, "")


def build_steps(model: StepsModel | None, around: Around) -> tuple[Step, ...]:
    """All steps, phase by phase in the order of a rollout, each phase in the file's order."""
    result: list[Step] = []
    for phase in STEP_PHASES:
        at: Path_ = ("steps", phase.value)
        given: list[StepModel] = getattr(model or StepsModel(), phase.value) or []
        steps = [_step((*at, index), phase, step, around) for index, step in enumerate(given)]
        once([((*at, index), "step", step.name) for index, step in enumerate(steps)], around.report)
        result += steps
    return tuple(result)


def _step(at: Path_, phase: Phase, model: StepModel, around: Around) -> Step:
    report = around.report
    name = work_name(at, model.name, report)
    report.need(at, {"command": model.command}, {"command": "add command: a line for sh"})
    step = Step(
        name=name,
        phase=phase,
        command=model.command or "",
        title=model.title or "",
        machines=_machines(at, model.on, around),
        stages=_stages(at, phase, model.stages, around),
        deadline=span((*at, "deadline"), model.deadline, 1, DAY, _DEFAULT.deadline, report),
        safe=bool(model.safe),
        retries=whole((*at, "retries"), model.retries, 0, 10, _DEFAULT.retries, report),
        secrets=_secrets(at, model.secrets, report),
        result=expression((*at, "result"), model.result, report, groups=1),
        must=must((*at, "must"), model.must, report),
    )
    if step.retries and not step.safe and not report.damaged((*at, "safe")):
        mend = "add safe: true if it may run twice, or remove retries"
        report.problem((*at, "retries"), "retries of a step that is not safe to run twice", mend)
    if model.must is not None and model.result is None and not report.damaged((*at, "result")):
        mend = r"add result: a regular expression with the number in (…): 'p95=([0-9.]+)'"
        report.problem((*at, "must"), "must: no number is read from what the step prints", mend)
    _outlasts(at, step, around)
    return step


def _machines(at: Path_, names: list[str] | None, around: Around) -> tuple[str, ...]:
    path: Path_ = (*at, "on")
    if names == [] and not around.report.damaged(path):
        around.report.problem(path, "on: the step runs nowhere", f"name a machine, or remove it for {BOT}")
    found = tuple(machine((*path, index), name, around) for index, name in enumerate(names or []))
    if len(set(found)) < len(found):
        around.report.problem(path, "on: a machine is named twice", "name each once: the step runs once on it")
    return found or _DEFAULT.machines


def _stages(at: Path_, phase: Phase, names: list[str] | None, around: Around) -> tuple[str, ...]:
    path, report = (*at, "stages"), around.report
    if names is None:
        return ()
    if phase not in PER_STAGE:
        mend = f"remove it, or move the step to {', '.join(p for p in STEP_PHASES if p in PER_STAGE)}"
        report.problem(path, f"{phase} happens once, not in each stage", mend)
        return ()
    known = [stage.name for stage in around.stages]
    if not report.damaged(("stages",)):
        for index, name in enumerate(names):
            if name not in known:
                report.problem((*path, index), f"stages: {show(name)} is not a stage", suggest(name, known))
    if not names and not report.damaged(path):
        report.problem(path, "stages: the step runs in none", "name some, or remove it for every stage")
    return tuple(dict.fromkeys(names))


def _secrets(at: Path_, names: list[str] | None, report: Report) -> tuple[str, ...]:
    for index, name in enumerate(names or []):
        path: Path_ = (*at, "secrets", index)
        if not _VARIABLE.fullmatch(name):
            mend = "write the name of one, as in DEPLOY_TOKEN; the value itself goes into the environment"
            report.problem(path, "secrets: this is not an environment variable's name", mend)
        elif name in _OWN or name.startswith("ROLLOUT_"):
            mend = "give the step a secret of its own, under another name"
            report.problem(path, f"secrets: {name} is the bot's own", mend)
    return tuple(dict.fromkeys(names or ()))


def _outlasts(at: Path_, step: Step, around: Around) -> None:
    """A gate that answers after the bake has ended can only ever hold the stage."""
    if step.phase is not Phase.DURING_STAGE:
        return
    for stage in around.stages:
        if (not step.stages or stage.name in step.stages) and 0 < stage.max_bake < step.deadline:
            what = f"the step may take {format_duration(step.deadline)}, and stage {show(stage.name)} ends before that"
            mend = f"lower its deadline to {format_duration(stage.max_bake)} or less"
            around.report.warn((*at, "deadline"), what, mend)
            return


def read_secrets(steps: tuple[Step, ...], report: Report, reader: Reader) -> dict[str, Secret]:
    """By name, what the environment has. One that is not there is a warning: its step alone cannot run.

    steps: as built from the report's document, of which the lines are.
    """
    found: dict[str, Secret] = {}
    index = Counter[Phase]()
    for step in steps:
        at: Path_ = ("steps", step.phase.value, index[step.phase], "secrets")
        index[step.phase] += 1
        for name in step.secrets:
            before = len(reader.problems)
            text = reader.text(name)
            if text:
                found[name] = Secret(text)
            elif len(reader.problems) == before:
                what = f"the environment variable {name} is not set: step {step.name} cannot run"
                mend = f"set it, or {name}_FILE to a file with it"
                report.warn(at, what, mend)
    return found
