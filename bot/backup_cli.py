"""`rollout-bot backup …`: list, take and restore by hand."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from bot.cli_settings import DEFAULT_CONFIG, ConfigDir, settings_of
from bot.release.backup.restore import restore as put_back
from bot.release.backup.shelf import Kept
from bot.release.backup.taking import Backups, shelf_of
from bot.release.findings import size
from bot.release.ports import Found
from bot.rollout.plan import Plan
from bot.rollout.runbook import BackupRule
from config.problems import suggest
from config.settings import Settings

backup = typer.Typer(no_args_is_help=True, help="Backups of the plans' databases.")


@backup.command(name="list")
def list_(
    service: Annotated[str, typer.Argument(help="One service alone.")] = "",
    config: ConfigDir = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Every backup that counts, newest first; on stderr what lies there and does not."""
    settings = settings_of(config, slack=False)
    plans = [_plan(settings, service)] if service else [settings.plans[name] for name in sorted(settings.plans)]
    shelves = [shelf_of(plan.service, rule) for plan in plans for rule in plan.runbook.backups]
    kept = [one for shelf in shelves for one in shelf.kept()]
    if as_json:
        typer.echo(json.dumps([_fields(one) for one in kept], ensure_ascii=False))
    for one in kept if not as_json else ():
        typer.echo(_row(one, settings.timezone))
    for said in (said for shelf in shelves for said in shelf.problems()):
        typer.echo(f"does not count: {said}", err=True)
    if not kept and not as_json:
        typer.echo("no backups yet; rollout-bot backup take SERVICE takes one", err=True)


@backup.command()
def take(
    service: str,
    name: Annotated[str, typer.Argument(help="One of the plan's backups alone.")] = "",
    config: ConfigDir = DEFAULT_CONFIG,
) -> None:
    """Take the backups of a service's plan now, verified as before a rollout; exit 1 where one fails."""
    settings = settings_of(config, slack=False)
    plan = _plan(settings, service)
    rules = _rules(plan, name)
    found = asyncio.run(_take(settings, plan, rules))
    for rule, one in zip(rules, found, strict=True):
        good = one.outcome == "passed"
        facts = dict(one.facts)
        typer.echo(f"{rule.name}: {one.summary}" + (f"\n{facts['file']}" if good else ""), err=not good)
        if not good and one.output:
            typer.echo(one.output, err=True)
    if any(one.outcome != "passed" for one in found):
        raise typer.Exit(1)


@backup.command()
def restore(
    file: Annotated[Path, typer.Argument(help="As `backup list` names it.")],
    to: Annotated[Path, typer.Option("--to", help="Where the database or the dump is written.")],
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Write what a backup holds to a path, once its sums (and SQLite's integrity check) are right."""
    manifest = put_back(file, to, force=force)
    typer.echo(f"{manifest.service} {manifest.name} as of {_when(manifest.taken_at, 'UTC')} is restored to {to}")


async def _take(settings: Settings, plan: Plan, rules: list[BackupRule]) -> list[Found]:
    from bot.release.runner.run import ShellRunner

    runner = ShellRunner(plan.fleet, plan.runbook.machines, settings.environ)
    backups = Backups(plan.service, plan.runbook.backups, runner)
    env = {"ROLLOUT_SERVICE": plan.service}
    try:
        return [await backups.take(rule, f"by hand {uuid.uuid4()}", env, time.time()) for rule in rules]
    finally:
        await runner.aclose()


def _plan(settings: Settings, service: str) -> Plan:
    if service not in settings.plans:
        typer.echo(f"no service {service}: {suggest(service, settings.plans)}", err=True)
        raise typer.Exit(2)
    return settings.plans[service]


def _rules(plan: Plan, name: str) -> list[BackupRule]:
    rules = [rule for rule in plan.runbook.backups if name in ("", rule.name)]
    if not rules:
        names = [rule.name for rule in plan.runbook.backups]
        what = f"no backup {name} in the plan of {plan.service}" if name else f"the plan of {plan.service} has none"
        typer.echo(f"{what}: {suggest(name, names)}", err=True)
        raise typer.Exit(2)
    return rules


def _when(at: float, timezone: str) -> str:
    return datetime.fromtimestamp(at, ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M:%S %Z")


def _row(one: Kept, timezone: str) -> str:
    kept = one.manifest
    return f"{_when(kept.taken_at, timezone)}  {kept.service}  {kept.name}  {size(kept.size)}  {one.data}"


def _fields(one: Kept) -> dict[str, object]:
    manifest = one.manifest
    return {
        "service": manifest.service,
        "name": manifest.name,
        "taken_at": manifest.taken_at,
        "file": str(one.data),
        "size": manifest.size,
        "plain_size": manifest.plain_size,
        "sha256": manifest.sha256,
        "proof": manifest.proof,
    }
