"""`rollout-bot host …`: parses, calls, prints."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.settings import Settings

if TYPE_CHECKING:
    from bot.host_setup import Checked

ConfigDir = Annotated[Path, typer.Option("--config", help="Folder with bot.yaml, people.yaml and services/.")]


def host_commands(settings: Callable[[Path], Settings]) -> typer.Typer:
    """settings: loads a folder, or exits with what is wrong."""
    host = typer.Typer(no_args_is_help=True, help="One machine of the fleet: check it, set it up.")

    @host.command()
    def check(
        hosts: Annotated[
            list[str] | None, typer.Argument(metavar="[HOST]...", help="As in the plan; default all.")
        ] = None,
        config: ConfigDir = Path("config"),
    ) -> None:
        """Tell what is missing on the hosts and the exact lines to add. Changes nothing; exit 1 where it is missing."""
        from bot.host_setup import check_hosts

        checked = asyncio.run(check_hosts(settings(config), hosts or []))
        for one in checked:
            _show(one)
        raise typer.Exit(0 if all(one.ready for one in checked) else 1)

    @host.command()
    def install(
        name: Annotated[str, typer.Argument(metavar="HOST", help="As in the plan.")],
        config: ConfigDir = Path("config"),
        only_print: Annotated[
            bool, typer.Option("--print", help="Print the script that root is to run, and stop.")
        ] = False,
        user: Annotated[
            str, typer.Option("--as", help="An administrator there: root, or one whom sudo asks nothing.")
        ] = "",
        identity: Annotated[str, typer.Option(help="The administrator's private key; default the bot's.")] = "",
        key: Annotated[str, typer.Option(help="The bot's public key; default the one of fleet.ssh.key_file.")] = "",
    ) -> None:
        """Install the host program, and let the bot's key run that alone. Again after every upgrade of the bot."""
        from bot.host_setup import check_hosts, script_for
        from bot.host_setup import install as run_there

        loaded = settings(config)
        script = script_for(loaded, name, key)
        if only_print:
            typer.echo(script, nl=False)
            return
        typer.echo(asyncio.run(run_there(loaded, name, script, user=user, identity=identity)))
        for one in asyncio.run(check_hosts(loaded, [name])):
            _show(one)

    return host


def _show(one: Checked) -> None:
    where = f"{one.host} ({one.service})"
    if one.problem:
        typer.echo(f"{where}: {one.problem}", err=True)
        return
    if not one.findings:
        typer.echo(f"{where}: ready")
    elif one.ready:
        typer.echo(f"{where}: ready, with advice")
    for finding in one.findings:
        typer.echo(f"{where}: {finding.level}: {finding.what}", err=finding.level == "missing")
        for line in finding.lines:
            typer.echo(f"    {line}", err=finding.level == "missing")
