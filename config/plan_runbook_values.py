"""Values that checks, backups and steps of a plan share: names, machines, expressions, numbers, durations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.rollout.plan import Stage
from bot.rollout.runbook import BOT, Must
from config.conditions import ConditionError, parse_must
from config.durations import format_duration
from config.people import People
from config.problems import show, suggest
from config.report import Report
from config.yaml_source import Path_

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
# The bot's own pieces of work: the two baselines, and the verification of the traffic.
_TAKEN: Final = frozenset({"before", "after", "traffic"})
DAY: Final = 86400.0


@dataclass(frozen=True, slots=True)
class Around:
    """What the parts of a runbook may name, and where their faults go.

    machines: BOT, the plan's machines, the fleet's hosts. people: None where people.yaml is broken.
    """

    machines: tuple[str, ...]
    backups: tuple[str, ...]
    stages: tuple[Stage, ...]
    people: People | None
    report: Report


def work_name(at: Path_, name: str | None, report: Report) -> str:
    """The name as written; "" where there is none. People type it, so it is short and has no blanks."""
    report.need(at, {"name": name}, {"name": "add name: a short one, as people will type it"})
    if name is not None and not _NAME.fullmatch(name):
        mend = "use letters, digits, _ and -, 32 at most; a title may say the rest"
        report.problem((*at, "name"), f"name: {show(name)} is not a short name", mend)
    elif name is not None and name.lower() in _TAKEN:
        mend = "choose another: the bot's own work is called so"
        report.problem((*at, "name"), f"name: {show(name)} is taken", mend)
    return name or ""


def once(names: Sequence[tuple[Path_, str, str]], report: Report) -> None:
    """(where, what kind of thing, its name): reports every name that is there already, in whatever case."""
    seen: dict[str, str] = {}
    for at, kind, name in names:
        if name.lower() in seen:
            what = f"{kind} {show(name)}: a {seen[name.lower()]} has this name already"
            report.problem((*at, "name"), what, "give each its own: /rollout override names one of them")
        elif name:
            seen[name.lower()] = kind


def machine(at: Path_, name: str | None, around: Around) -> str:
    """The machine at a path, by its name; BOT where none is written."""
    if name is None:
        return BOT
    report = around.report
    cut = report.damaged(("machines", name)) or report.damaged(("machines",)) or report.damaged(("fleet", "hosts"))
    if name not in around.machines and not cut:
        mend = f"{suggest(name, around.machines)} Machines are defined in machines: {{{name}: {{address: 10.0.1.11}}}}"
        report.problem(at, f"on: {show(name)} is not a machine of this plan", mend)
    return name


def expression(at: Path_, text: str | None, report: Report, *, groups: int | None = None) -> str:
    """A regular expression; "" for none. groups: how many it has to have, None = any."""
    if text is None:
        return ""
    try:
        found = re.compile(text).groups
    except re.error as error:
        mend = "mend it, or put a \\ before a sign that is meant as itself"
        report.problem(at, f"{at[-1]}: {show(text)} is not a regular expression: {error}", mend)
        return ""
    if groups is not None and found != groups:
        mend = r"put (…) around the number and (?:…) elsewhere: 'p95=([0-9.]+)'"
        report.problem(at, f"{at[-1]}: {show(text)} has {found} groups, not {groups}", mend)
    return text


def must(at: Path_, text: str | None, report: Report) -> Must | None:
    if text is None:
        return None
    try:
        return parse_must(text)
    except ConditionError as error:
        report.problem(at, f"must: {error.what}", error.mend)
        return None


def span(at: Path_, value: float | None, low: float, high: float, default: float, report: Report) -> float:
    """A duration in seconds within its bounds; the default where none is written."""
    if value is None:
        return default
    if not low <= value <= high:
        mend = f"write {format_duration(low)} to {format_duration(high)}"
        report.problem(at, f"{at[-1]} {format_duration(value)} is out of range", mend)
    return value


def whole(at: Path_, value: int | None, low: int, high: int, default: int, report: Report) -> int:
    if value is None:
        return default
    if not low <= value <= high:
        report.problem(at, f"{at[-1]} {value} is out of range", f"write {low} to {high}")
    return value


def absolute(at: Path_, path: str | None, report: Report) -> str:
    """A path on a machine; "" for none. Relative ones would depend on where somebody started the bot."""
    if path is not None and (not path.startswith("/") or ".." in path.split("/") or not path.isprintable()):
        report.problem(at, f"{at[-1]}: {show(path)} is not an absolute path", "begin with /, and without ..")
    return path or ""
