"""What every verb of `rollout-bot` begins with: the configuration, or every problem of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config.settings import Settings, check, format_problems

DEFAULT_CONFIG = Path("config")
ConfigDir = Annotated[Path, typer.Option("--config", help="Folder with bot.yaml, people.yaml and services/.")]


def settings_of(config: Path, *, slack: bool) -> Settings:
    """Exit 2 with every problem on stderr."""
    settings, problems, _ = check(config, require_slack=slack)
    if settings is None:
        typer.echo(format_problems(problems), err=True)
        raise typer.Exit(2)
    return settings
