"""Everything around the traffic in a service's YAML -> the frozen Runbook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.rollout.plan import FleetPlan, Stage
from bot.rollout.runbook import (
    BOT,
    BackupRule,
    Baseline,
    ChecklistItem,
    Machine,
    Phase,
    ReportRule,
    Runbook,
    SignRole,
)
from config.durations import format_duration
from config.people import USER, People
from config.plan_fleet import remote_address, remote_port, remote_user
from config.plan_runbook_checks import build_checks
from config.plan_runbook_schema import BackupModel, BaselineModel, ItemModel, MachineModel, ReportModel
from config.plan_runbook_steps import build_steps
from config.plan_runbook_values import DAY, Around, absolute, machine, once, span, whole, work_name
from config.plan_schema import PlanModel, RolesModel, SshModel
from config.plan_stages import build_emoji, build_roles
from config.plan_traffic import is_host
from config.problems import show, suggest
from config.report import Report
from config.yaml_source import Path_

_DEFAULT: Final = Runbook()
_BACKUP: Final = BackupRule("", "")
_BASELINE: Final = Baseline()
_REPORT: Final = ReportRule()


def build_runbook(
    model: PlanModel,
    fleet: FleetPlan,
    stages: tuple[Stage, ...],
    interval: float,
    people: People | None,
    report: Report,
) -> Runbook:
    """The default, which does nothing, where the plan has none of the keys. interval: seconds between readings."""
    machines = _machines(model.machines, fleet, (model.fleet and model.fleet.ssh) or SshModel(), report)
    names = (BOT, *(m.name for m in machines), *(host.name for host in fleet.hosts if host.name))
    backups = tuple(given.name for given in model.backups or [] if given.name)
    around = Around(names, backups, stages, people, report)
    runbook = Runbook(
        machines=machines,
        checks=build_checks(("checks",), model.checks, around),
        checklist=_checklist(model.checklist, around),
        backups=tuple(_backup(("backups", index), given, around) for index, given in enumerate(model.backups or [])),
        steps=build_steps(model.steps, around),
        verification=build_checks(("rollback_verification",), model.rollback_verification, around),
        baseline=_baseline(model.baseline, interval, report),
        irreversible=model.irreversible or "",
        override_roles=build_roles(("override", "from"), (model.override or RolesModel()).roles, people, report),
        watch_every=span(("watch_every",), model.watch_every, 0.2, DAY, _DEFAULT.watch_every, report),
        report=_report(model.report, people, report),
        emoji_note=_note_emoji(model.report, report),
    )
    _names(runbook, report)
    return runbook


def _machines(
    models: Mapping[str, MachineModel] | None, fleet: FleetPlan, ssh: SshModel, report: Report
) -> tuple[Machine, ...]:
    """Port and user are those of `fleet.ssh` where a machine names none of its own, as with the fleet's hosts."""
    hosts = {host.name for host in fleet.hosts}
    result = []
    for name, given in (models or {}).items():
        at: Path_ = ("machines", name)
        if name == BOT or name in hosts:
            mend = "remove it: the bot's own machine and the fleet's hosts have names already"
            report.problem(at, f"{show(name)} is a machine without being defined here", mend)
        elif not is_host(name):
            report.problem(at, f"{show(name)} is not a machine's name", "use letters, digits, . _ and -, as in app-new")
        report.need(at, {"address": given.address}, {"address": "add address: 10.0.1.11"})
        remote_address((*at, "address"), given.address, report)
        remote_user((*at, "user"), given.user, report)
        remote_port((*at, "port"), given.port, report)
        result.append(Machine(name, given.address or "", given.port or ssh.port or 22, given.user or ssh.user or ""))
    return tuple(result)


def _checklist(models: list[ItemModel] | None, around: Around) -> tuple[ChecklistItem, ...]:
    at: Path_ = ("checklist",)
    items = []
    for index, given in enumerate(models or []):
        path = (*at, index)
        name = work_name(path, given.name, around.report)
        mends = {"title": "add title: what has to be seen to", "owner": "add owner: a role of people.yaml"}
        around.report.need(path, {"title": given.title, "owner": given.owner}, mends)
        items.append(ChecklistItem(name, given.title or "", _owner((*path, "owner"), given.owner or "", around)))
    once([((*at, index), "item", item.name) for index, item in enumerate(items)], around.report)
    return tuple(items)


def _owner(at: Path_, owner: str, around: Around) -> str:
    """A role, or a user id, which a person's short name stands for."""
    people = around.people
    if not owner or people is None or owner in people.roles or USER.fullmatch(owner):
        return owner
    if owner in people.people:
        return people.people[owner].slack
    mend = f"{suggest(owner, [*people.roles, *people.people])} Roles and people are defined in people.yaml"
    around.report.problem(at, f"owner: {show(owner)} is neither a role nor a person", mend)
    return owner


def _backup(at: Path_, given: BackupModel, around: Around) -> BackupRule:
    report = around.report
    name = work_name(at, given.name, report)
    report.need(at, {"folder": given.folder}, {"folder": "add folder: /var/backups/rollout-bot"})
    damaged = report.damaged((*at, "sqlite")) or report.damaged((*at, "command"))
    if given.sqlite is not None and given.command is not None:
        report.problem((*at, "command"), "sqlite and command are both there", "keep one: each is a whole backup")
    elif given.sqlite is None and given.command is None and not damaged:
        mend = "add sqlite: the path of the database, or command: a line whose output is the backup"
        report.problem(at, "the backup says not what it is of", mend)
    if given.sqlite is not None and given.on not in (None, BOT):
        mend = "remove it, or use command: with a dump that prints to standard output"
        report.problem((*at, "on"), "on: sqlite is copied on the bot's own machine", mend)
    keep = span((*at, "keep"), given.keep, 1, 3660 * DAY, _BACKUP.keep, report)
    return BackupRule(
        name=name,
        folder=absolute((*at, "folder"), given.folder, report),
        sqlite=absolute((*at, "sqlite"), given.sqlite, report),
        command=given.command or "",
        verify=given.verify or "",
        machine=machine((*at, "on"), given.on, around),
        keep=keep,
        deadline=span((*at, "deadline"), given.deadline, 1, DAY, _BACKUP.deadline, report),
    )


def _baseline(model: BaselineModel | None, interval: float, report: Report) -> Baseline | None:
    if model is None:
        return None
    at: Path_ = ("baseline",)
    window = span((*at, "window"), model.window, 1, 7 * DAY, _BASELINE.window, report)
    samples = whole((*at, "samples"), model.samples, 2, 200, _BASELINE.samples, report)
    if window / samples < 2 * interval:
        what = f"a piece of the baseline is {format_duration(window / samples)}, shorter than two intervals"
        report.warn(at, what, "a rate needs two scrapes in its piece: take fewer samples, or a longer window")
    return Baseline(window, samples)


def _report(model: ReportModel | None, people: People | None, report: Report) -> ReportRule | None:
    if model is None:
        return None
    at: Path_ = ("report",)
    signs: list[SignRole] = []
    for index, given in enumerate(model.sign_off or []):
        path = (*at, "sign_off", index)
        report.need(path, {"title": given.title}, {"title": "add title: who signs, as in DevOps"})
        roles = build_roles((*path, "from"), given.roles, people, report)
        if not roles and not report.damaged((*path, "from")):
            report.problem(path, "nobody can sign here", "add from: [devops], roles of people.yaml")
        if given.title and given.title in [sign.title for sign in signs]:
            report.problem((*path, "title"), f"two lines are titled {show(given.title)}", "give each its own title")
        signs.append(SignRole(given.title or "", given.title_en or given.title or "", roles))
    return ReportRule(
        sign_off=tuple(signs),
        remind_every=span((*at, "remind_every"), model.remind_every, 1, 30 * DAY, _REPORT.remind_every, report),
        next_review=span((*at, "next_review"), model.next_review, 0, 366 * DAY, _REPORT.next_review, report),
        emoji=build_emoji((*at, "emoji"), model.emoji, _REPORT.emoji, report),
    )


def _note_emoji(model: ReportModel | None, report: Report) -> str:
    given = model.note_emoji if model else None
    return build_emoji(("report", "note_emoji"), given, _DEFAULT.emoji_note, report)


def _names(runbook: Runbook, report: Report) -> None:
    """What can hold a start up at the same time is called by name: each has its own."""
    first = [step for step in runbook.steps if step.phase is Phase.BEFORE_START]
    once(
        [
            *((("checks", index), "check", check.name) for index, check in enumerate(runbook.checks)),
            *((("backups", index), "backup", backup.name) for index, backup in enumerate(runbook.backups)),
            *((("steps", "before_start", index), "step", step.name) for index, step in enumerate(first)),
        ],
        report,
    )
    at = "rollback_verification"
    once([((at, index), "check", check.name) for index, check in enumerate(runbook.verification)], report)
