"""`rollout-bot`: what an operator types in a shell. Parses, calls, prints; nothing is decided here."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bot import interpreter
from bot.backup_cli import backup
from bot.cli_host import host_commands
from bot.cli_settings import DEFAULT_CONFIG, ConfigDir, settings_of
from bot.engine.ports.errors import Final, Retryable
from config.settings import ConfigError, Settings, check, format_problems, load

if TYPE_CHECKING:
    from bot.sandbox.demo.rehearsal import Rehearsal

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
cli.add_typer(backup, name="backup")


@cli.command()
def run(
    config: ConfigDir = DEFAULT_CONFIG,
    role: Annotated[
        Literal["all", "web", "worker"],
        typer.Option(help="web takes what Slack sends, worker acts; apart only on PostgreSQL."),
    ] = "all",
) -> None:
    """Run the bot until it is told to stop (SIGTERM, Ctrl-C)."""
    gc.disable()  # a start leaves no garbage, and looking for it would be a fifth of the time until the bot is ready
    from bot.process import serve

    try:
        settings = load(config)
    except ConfigError as error:
        typer.echo(format_problems(error.problems), err=True)
        raise typer.Exit(2) from None
    interpreter.settle()
    raise typer.Exit(asyncio.run(serve(settings, role)))


@cli.command(name="check")
def check_config(
    config: ConfigDir = DEFAULT_CONFIG,
    slack: Annotated[bool, typer.Option(help="Also require Slack's tokens in the environment.")] = False,
    live: Annotated[bool, typer.Option(help="Also ask every channel whether it could send; exit 1 if not.")] = False,
) -> None:
    """Validate all of the configuration; exit 2 and one `file:line: what, and the mend` per error."""
    settings, problems, warnings = check(config, require_slack=slack)
    if warnings:
        typer.echo(format_problems(warnings), err=True)
    if settings is None:
        typer.echo(format_problems(problems), err=True)
        raise typer.Exit(2)
    services = ", ".join(f"{name} ({plan.hash})" for name, plan in sorted(settings.plans.items()))
    typer.echo(f"ok: {services}")
    if live:
        _check_live(settings)


def _check_live(settings: Settings) -> None:
    """One line a channel; exit 1 where one is not ready."""
    from bot.trial import check_channels

    answers = asyncio.run(check_channels(settings))
    for name, problem in answers.items():
        typer.echo(f"{name}: {problem or 'ready'}", err=bool(problem))
    if any(answers.values()):
        raise typer.Exit(1)


@cli.command()
def notify(channel: str, to: str, text: str, config: ConfigDir = DEFAULT_CONFIG) -> None:
    """Send TEXT to one recipient by a channel of channels.yaml, to see that it arrives; exit 1 with the mend."""
    from bot.trial import send_test

    ok, said = asyncio.run(send_test(settings_of(config, slack=False), channel, to, text))
    typer.echo(said, err=not ok)
    raise typer.Exit(0 if ok else 1)


@cli.command()
def status(config: ConfigDir = DEFAULT_CONFIG, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Where every service is, read from the database beside a running bot."""
    from bot.reading import statuses

    rows = asyncio.run(statuses(settings_of(config, slack=False)))
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        what = (
            f"{row['rollout']} {row['version']} {row['state']} at {row['stage']}"
            if row["rollout"]
            else "no rollout yet"
        )
        typer.echo(f"{row['service']}: {what}")


@cli.command()
def plan(service: str, version: str, config: ConfigDir = DEFAULT_CONFIG) -> None:
    """Dry run: the stages, the gates, who must approve, and what the first stage changes in nginx on every host."""
    from bot.reading import dry_run

    ok, text = asyncio.run(dry_run(settings_of(config, slack=False), service, version))
    typer.echo(text, err=not ok)
    raise typer.Exit(0 if ok else 2)


@cli.command()
def report(
    rollout: str,
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("."),
    config: ConfigDir = DEFAULT_CONFIG,
) -> None:
    """Write the report of ROLLOUT, finished or not, in Chinese and English, as Markdown and as HTML for printing."""
    from bot.reporting import write_report

    ok, text = asyncio.run(write_report(settings_of(config, slack=False), rollout, out))
    typer.echo(text, err=not ok)
    raise typer.Exit(0 if ok else 2)


@cli.command()
def init(service: str, config: ConfigDir = DEFAULT_CONFIG) -> None:
    """Write the first generated file, everything to the stable pool, to every host that has none yet."""
    from bot.reading import initialise

    ok, text = asyncio.run(initialise(settings_of(config, slack=False), service))
    typer.echo(text, err=not ok)
    raise typer.Exit(0 if ok else 1)


@cli.command()
def migrate_store(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The DATABASE_URL so far.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The one to be, of an empty database.")],
) -> None:
    """Move all the bot has from SQLite to PostgreSQL, or back. Stop the bot first.

    A password may be left out of a URL: it is then read from ~/.pgpass or PGPASSWORD.
    """
    from bot.engine.ports.errors import Final, Retryable
    from bot.store.moving import move
    from bot.store.opening import open_side

    try:
        from_, to = open_side(source, source=True), open_side(target, source=False)
        moved = move(from_, to)
    except (Final, Retryable) as error:
        typer.echo(f"rollout-bot: {error}", err=True)
        typer.echo("nothing was moved", err=True)
        raise typer.Exit(2) from None
    for table in moved:
        typer.echo(f"{table.table:<13}{table.rows:>10}  {table.digest}")
    typer.echo(f"moved from {from_.where} to {to.where}, read back and alike: now set DATABASE_URL to the new one")


@cli.command("import-rules")
def import_rules(file: Path) -> None:
    """Print a rule file of Prometheus as the `rules:` of alerts.yaml; what is left out is said on stderr."""
    from config.import_rules import NotRules, convert

    try:
        found = convert(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, NotRules) as error:
        typer.echo(f"{file}: {error}", err=True)
        raise typer.Exit(2) from None
    for note in found.notes:
        typer.echo(note, err=True)
    typer.echo(found.text, nl=False)


@cli.command()
def demo(
    headless: Annotated[
        bool, typer.Option(help="No browser: scripted people, a transcript, one line of JSON.")
    ] = False,
    scenario: Annotated[
        str | None,
        typer.Option(help="steady, bad-canary, blind, crash or runbook: played in the page, or with --headless."),
    ] = None,
    speed: Annotated[float, typer.Option(min=0.2, max=20, help="Of a scenario in the page.")] = 1.0,
    port: Annotated[int, typer.Option(help="Of the page; 0 takes a free one.")] = 8990,
    seed: Annotated[int | None, typer.Option(help="Of the crash scenario's moments.")] = None,
    language: Annotated[Literal["en", "zh"], typer.Option(help="What the bot and the page speak.")] = "en",
    keep: Annotated[Path | None, typer.Option(help="Work folder to use and keep; default a temporary one.")] = None,
    config: Annotated[Path | None, typer.Option(help="Rehearse your own configuration, with demo services.")] = None,
    service: Annotated[str | None, typer.Option(help="Which of its services.")] = None,
    bake: Annotated[str | None, typer.Option(help="How long each of its stages bakes, such as 20s.")] = None,
) -> None:
    """The main job with real nginx, real Prometheus and a local workspace; no Slack account."""
    from bot.sandbox.demo.main import Show, play, stage

    if headless and config:
        typer.echo("--headless plays the shipped plan; to rehearse your own leave --headless away", err=True)
        raise typer.Exit(2)
    if headless:
        raise typer.Exit(asyncio.run(play(scenario or "steady", seed=seed, language=language, keep=keep)))
    rehearsal = _rehearsal(config, service, bake) if config else None
    show = Show(language, scenario or "", speed, seed, rehearsal)
    raise typer.Exit(asyncio.run(stage(show, port=port, keep=keep)))


def _rehearsal(config: Path, service: str | None, bake: str | None) -> Rehearsal:
    """Exit 2 with what is wrong."""
    from bot.sandbox.demo.rehearsal import RehearsalError, choose
    from config.durations import DurationError, parse_duration

    settings = settings_of(config, slack=False)
    try:
        return choose(settings, config, service, parse_duration(bake) if bake else None)
    except DurationError as error:
        typer.echo(f"--bake {bake}: {error}", err=True)
    except RehearsalError as error:
        typer.echo(str(error), err=True)
    raise typer.Exit(2)


cli.add_typer(host_commands(lambda config: settings_of(config, slack=False)), name="host")


def main() -> None:
    """The console script."""
    try:
        cli()
    except (Final, Retryable) as error:
        typer.echo(f"rollout-bot: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
