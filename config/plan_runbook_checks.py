"""`checks:` and `rollback_verification:` of a plan: one look each, of one kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from bot.rollout.runbook import BOT, Aspect, Check, CheckKind
from config import promql
from config.bot_file import is_http_url
from config.plan_runbook_schema import CheckModel, VerificationModel
from config.plan_runbook_values import DAY, Around, absolute, expression, machine, must, span, whole, work_name
from config.problems import show, suggest
from config.yaml_source import Path_

# The key of a kind -> the kind, and the keys that mean something to it besides name, title and deadline.
_KINDS: Final[dict[str, tuple[CheckKind, frozenset[str]]]] = {
    "command": ("command", frozenset({"on", "contains"})),
    "http": ("http", frozenset({"status", "contains"})),
    "promql": ("promql", frozenset({"must"})),
    "file": ("file_age", frozenset({"on", "max_age", "min_size"})),
    "disk": ("disk", frozenset({"on", "free"})),
    "memory": ("memory", frozenset({"on", "free"})),
    "backup": ("backup", frozenset({"max_age", "min_size"})),
}
_OPTIONS: Final = frozenset[str]().union(*(keys for _, keys in _KINDS.values()))
_DEFAULT: Final = Check("", "command")
_YEAR: Final = 366 * DAY


def build_checks(at: Path_, models: Sequence[CheckModel] | None, around: Around) -> tuple[Check, ...]:
    """In the file's order; defaults as in runbook.Check. A verification has its aspect besides."""
    return tuple(_check((*at, index), model, around) for index, model in enumerate(models or []))


def _check(at: Path_, model: CheckModel, around: Around) -> Check:
    report = around.report
    name = work_name(at, model.name, report)
    key = _kind(at, model, around)
    if isinstance(model, VerificationModel):
        report.need(at, {"aspect": model.aspect}, {"aspect": "add aspect: service, function or monitoring"})
    free = _DEFAULT.free if model.free is None else float(model.free)
    if not 0 < free < 100:
        report.problem((*at, "free"), f"free {free:g} is out of range", "write the percentage that is to be free: 20")
    kind, _ = _KINDS[key or "command"]
    return Check(
        name=name,
        kind=kind,
        title=model.title or "",
        target=_target(at, key, model, around),
        machine=machine((*at, "on"), model.on, around) if key in (None, "command", "file", "disk", "memory") else BOT,
        deadline=span((*at, "deadline"), model.deadline, 1, 3600, _DEFAULT.deadline, report),
        contains=expression((*at, "contains"), model.contains, report),
        status=whole((*at, "status"), model.status, 100, 599, _DEFAULT.status, report),
        must=must((*at, "must"), model.must, report),
        max_age=span((*at, "max_age"), model.max_age, 1, _YEAR, _DEFAULT.max_age, report),
        min_size=whole((*at, "min_size"), model.min_size, 0, 10**15, _DEFAULT.min_size, report),
        free=free,
        aspect=cast(Aspect, getattr(model, "aspect", None) or ""),
    )


def _kind(at: Path_, model: CheckModel, around: Around) -> str | None:
    """The one key that says what is looked at; None where that is not clear, which is then reported."""
    report = around.report
    present = [key for key in _KINDS if getattr(model, key) is not None]
    if not present and not any(report.damaged((*at, key)) for key in _KINDS):
        mend = f"add one of {', '.join(_KINDS)}"
        report.problem(at, "the check says not what it looks at", mend)
    if len(present) > 1:
        report.problem((*at, present[1]), f"{' and '.join(present)} are both there", "make a check of each")
    if len(present) != 1:
        return None
    key = present[0]
    for other in sorted(_OPTIONS - _KINDS[key][1]):
        if getattr(model, other) is not None:
            mend = f"remove it; {key} takes {', '.join(sorted(_KINDS[key][1]))}"
            report.problem((*at, other), f"{show(other)} means nothing to a check of {key}", mend)
    if key == "promql":
        report.need(at, {"must": model.must}, {"must": 'add must: "< 5"'})
    return key


def _target(at: Path_, key: str | None, model: CheckModel, around: Around) -> str:
    report = around.report
    if key is None or key == "memory":
        return ""
    target = str(getattr(model, key))
    path: Path_ = (*at, key)
    if key == "http" and not is_http_url(target):
        report.problem(path, f"http: {show(target)} is not a URL", "write it as http://10.0.1.11:5000/health")
    elif key == "promql":
        for fault in promql.faults(target):
            report.problem(path, fault.what, fault.mend)
        return promql.normalise(target)
    elif key in ("file", "disk"):
        return absolute(path, target, report)
    elif key == "backup" and target not in around.backups and not report.damaged(("backups",)):
        mend = f"{suggest(target, around.backups)} Backups are defined in backups:"
        report.problem(path, f"backup: {show(target)} is not a backup of this plan", mend)
    return target
