"""Environment and YAML -> frozen settings. The only reader of `os.environ`; everything wrong is said at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from bot.alerts.plan import AlertPlan
from bot.rollout.plan import Plan
from config.alerts_build import build_alerts
from config.bot_file import build_bot_file
from config.channels import Channels
from config.channels_build import build_channels
from config.environment import Reader, SlackSettings, read_environment
from config.people import People, build_people
from config.plan_build import build_plan
from config.plan_checks import check_together
from config.plan_runbook_steps import read_secrets
from config.problems import ConfigError, Problem, format_problems
from config.report import Report
from config.secret import Secret, Url
from config.yaml_source import Document, read_document

__all__ = [
    "ConfigError",
    "People",
    "Problem",
    "Secret",
    "Settings",
    "SlackSettings",
    "Url",
    "check",
    "format_problems",
    "load",
]


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator can set. Its repr shows no secret.

    database_url, prometheus_url: `str` whose repr hides a password (`.safe` for logs). http_port: 0 = any free one.
    environ: the bot's own, of which a command on its machine inherits a little (bot.release.runner).
    step_secrets: what the plans' steps get, by the variable's name; what the environment lacks is not in it.
    timezone: an IANA name. plans: by service, read-only. alerts: None without alerts.yaml.
    alerts_token: of POST /alerts, None = nobody may post.
    """

    slack: SlackSettings
    database_url: Url
    prometheus_url: Url
    http_host: str
    http_port: int
    log_level: str
    language: Literal["zh", "en"]
    timezone: str
    plans: Mapping[str, Plan]
    people: People
    config_dir: Path
    channels: Channels = field(default_factory=Channels)
    alerts: AlertPlan | None = None
    alerts_token: Secret | None = None
    step_secrets: Mapping[str, Secret] = field(default_factory=lambda: MappingProxyType({}))
    environ: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)


def load(config_dir: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings, or ConfigError with every problem of every file and of the environment.

    environ: instead of the process's own, for tests. Slack's tokens are required.
    """
    settings, problems, _ = check(config_dir, environ)
    if settings is None:
        raise ConfigError(problems)
    return settings


def check(
    config_dir: Path, environ: Mapping[str, str] | None = None, *, require_slack: bool = True
) -> tuple[Settings | None, tuple[Problem, ...], tuple[Problem, ...]]:
    """(settings, problems, warnings), both sorted by file and line; settings is None exactly when there are problems.

    require_slack: False lets Slack's tokens be absent (CI, `plan`); those that are there must still be right.
    Never raises for what an operator wrote.
    """
    bot_report = Report(read_document(config_dir / "bot.yaml"))
    people_report = Report(read_document(config_dir / "people.yaml"))
    bot, people = build_bot_file(bot_report), build_people(people_report)
    readable = people_report.doc.data is not None
    strays: list[Problem] = []
    plans = []
    for path in _plan_files(config_dir / "services", strays):
        report = Report(read_document(path))
        if report.doc.data is not None:
            plans.append((build_plan(report, people if readable else None), report))
        else:
            strays.extend(report.problems)
    check_together(plans)
    source = os.environ if environ is None else environ
    reader = Reader(source)
    channels, channel_report = _channels(config_dir / "channels.yaml", reader)
    step_secrets: dict[str, Secret] = {}
    for plan, report in plans:
        step_secrets |= read_secrets(plan.runbook.steps, report, reader)
    env, problems, warnings = read_environment(source, bot, require_slack=require_slack)
    alerts, alert_report = _alerts(config_dir / "alerts.yaml", people, channels)
    reports = [bot_report, people_report, channel_report, alert_report, *(report for _, report in plans)]
    problems = sorted({*problems, *reader.problems, *strays, *(p for report in reports for p in report.problems)})
    warnings = sorted({*warnings, *(w for report in reports for w in report.warnings)})
    if problems:
        return None, tuple(problems), tuple(warnings)
    settings = Settings(
        slack=env.slack,
        database_url=env.database_url,
        prometheus_url=env.prometheus_url,
        http_host=env.http_host,
        http_port=env.http_port,
        log_level=env.log_level,
        language=bot.language,
        timezone=bot.timezone,
        plans=MappingProxyType({plan.service: plan for plan, _ in plans}),
        people=people,
        config_dir=config_dir,
        channels=channels,
        alerts=alerts,
        alerts_token=env.alerts_token,
        step_secrets=MappingProxyType(step_secrets),
        environ=MappingProxyType(dict(source)),
    )
    return settings, (), tuple(warnings)


def _channels(path: Path, reader: Reader) -> tuple[Channels, Report]:
    """Without the file there are no channels: Slack alone, as the plans name it."""
    report = Report(read_document(path) if path.exists() else Document(str(path)))
    return build_channels(report, reader), report


def _alerts(path: Path, people: People, channels: Channels) -> tuple[AlertPlan | None, Report]:
    """Without the file there are no alerts."""
    if not path.exists():
        return None, Report(Document(str(path)))
    report = Report(read_document(path))
    return build_alerts(report, people, channels), report


def _plan_files(folder: Path, problems: list[Problem]) -> list[Path]:
    try:
        entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        mend = "create it with one <service>.yaml per service"
        problems.append(Problem(str(folder), 0, f"the folder cannot be read: {error.strerror}", mend))
        return []
    for path in entries:
        if path.suffix == ".yml":
            mend = f"rename it to {path.stem}.yaml"
            problems.append(Problem(str(path), 1, "a service's file ends with .yaml; this one would not be read", mend))
    files = [path for path in entries if path.suffix == ".yaml"]
    if not files and not problems:
        problems.append(
            Problem(str(folder), 0, "there is no service", "add <service>.yaml; the shipped one is an example")
        )
    return files
