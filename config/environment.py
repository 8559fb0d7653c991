"""The environment -> the part of the settings that differs by machine or is secret. `X_FILE` names a file with X."""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from config.bot_file import LEVELS, BotFile, is_http_url
from config.problems import ENVIRONMENT, Problem, show, suggest
from config.secret import Secret, Url

SLACK_API: Final = "https://slack.com/api/"
SQLITE_FORM: Final = "sqlite:///rollout-bot.db (three slashes: relative, four: absolute)"
POSTGRES_FORM: Final = "postgresql://user:password@host:5432/database"
_HOST: Final = r"(?:\[[0-9a-fA-F:.]+\]|[^][:,/@#?\s]+)(?::[0-9]{1,5})?"
_POSTGRES: Final = re.compile(
    r"postgres(?:ql)?://(?:(?:[^%/@#?\s]|%[0-9a-fA-F]{2})+@)?"
    rf"(?P<hosts>(?:{_HOST}(?:,{_HOST})*)?)/(?P<database>[^/@#?\s]+)(?P<query>\?[^#\s]*)?"
)
NAMES: Final = (
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_SIGNING_SECRET",
    "SLACK_API_URL",
    "DATABASE_URL",
    "PROMETHEUS_URL",
    "HTTP_HOST",
    "HTTP_PORT",
    "LOG_LEVEL",
)


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """app_token present = Socket Mode; else signing_secret = HTTP. An absent secret is None."""

    bot_token: Secret | None = None
    app_token: Secret | None = None
    signing_secret: Secret | None = None
    api_url: str = SLACK_API  # ends with a slash

    @property
    def mode(self) -> str | None:
        """`socket`, `http`, or None when Slack is not configured (check without Slack)."""
        if self.bot_token is None:
            return None
        return "socket" if self.app_token else "http" if self.signing_secret else None


@dataclass(frozen=True, slots=True)
class Environment:
    slack: SlackSettings
    database_url: Url
    prometheus_url: Url
    http_host: str
    http_port: int
    log_level: str


class Reader:
    """Reads variables and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def problem(self, what: str, mend: str) -> None:
        self.problems.append(Problem(ENVIRONMENT, 0, what, mend))

    def text(self, name: str) -> str | None:
        """The value of NAME or the content of the file NAME_FILE names; stripped; None when absent or empty."""
        value = self.environ.get(name, "").strip()
        path = self.environ.get(f"{name}_FILE", "").strip()
        if value and path:
            self.problem(f"{name} and {name}_FILE are both set", "keep one of the two")
        if value or not path:
            return value or None
        try:
            content = Path(os.path.expanduser(path)).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            self.problem(f"{name}_FILE: {show(path)} cannot be read: {reason}", "name a file the bot's user can read")
            return None
        if not content:
            self.problem(f"{name}_FILE: {show(path)} is empty", "put the value into it")
        return content or None


def read_environment(
    environ: Mapping[str, str], bot: BotFile, *, require_slack: bool
) -> tuple[Environment, list[Problem], list[Problem]]:
    """(environment, problems, warnings). Values of `bot` stand where the environment says nothing."""
    reader = Reader(environ)
    slack = _slack(reader, require_slack)
    prometheus = reader.text("PROMETHEUS_URL")
    if prometheus is not None and not is_http_url(prometheus):
        reader.problem(f"PROMETHEUS_URL is not a URL: {show(Url(prometheus).safe)}", "write it as http://host:9090")
    level = (reader.text("LOG_LEVEL") or bot.log_level).upper()
    if level not in LEVELS:
        reader.problem(f"LOG_LEVEL: {show(level)} is not a level", suggest(level, LEVELS))
    result = Environment(
        slack=slack,
        database_url=_database(reader),
        prometheus_url=Url((prometheus or bot.prometheus_url).rstrip("/")),
        http_host=reader.text("HTTP_HOST") or bot.http_host,
        http_port=_port(reader, bot.http_port),
        log_level=level,
    )
    return result, reader.problems, reader.warnings


def _slack(reader: Reader, required: bool) -> SlackSettings:
    known_bad = len(reader.problems)
    bot, app = reader.text("SLACK_BOT_TOKEN"), reader.text("SLACK_APP_TOKEN")
    signing = reader.text("SLACK_SIGNING_SECRET")
    unread = len(reader.problems) > known_bad  # then what is absent was meant to be there
    if required and not unread:
        if bot is None:
            mend = "set it to the Bot User OAuth Token (xoxb-…), or SLACK_BOT_TOKEN_FILE to a file with it"
            reader.problem("SLACK_BOT_TOKEN is missing", mend)
        if app is None and signing is None:
            mend = "set SLACK_APP_TOKEN (xapp-…) for Socket Mode, or SLACK_SIGNING_SECRET for HTTP"
            reader.problem("neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET is set", mend)
    if bot is not None and not bot.startswith("xoxb-"):
        reader.problem("SLACK_BOT_TOKEN is not a bot token", "it begins with xoxb-; see OAuth & Permissions of the app")
    if app is not None and not app.startswith("xapp-"):
        mend = "it begins with xapp- and has connections:write; see Basic Information of the app"
        reader.problem("SLACK_APP_TOKEN is not an app-level token", mend)
    if signing is not None and signing.startswith(("xoxb-", "xapp-")):
        mend = "copy Signing Secret from Basic Information of the app"
        reader.problem("SLACK_SIGNING_SECRET is a token", mend)
    url = reader.text("SLACK_API_URL") or SLACK_API
    if not is_http_url(url):
        reader.problem(f"SLACK_API_URL is not a URL: {show(Url(url).safe)}", f"write it as {SLACK_API}")
    elif url.startswith("http:") and urlsplit(url).hostname not in ("localhost", "127.0.0.1", "::1"):
        what = "SLACK_API_URL is not https: the token travels in the clear"
        reader.warnings.append(Problem(ENVIRONMENT, 0, what, "use https, except on this machine"))
    return SlackSettings(
        bot_token=Secret(bot) if bot else None,
        app_token=Secret(app) if app else None,
        signing_secret=Secret(signing) if signing else None,
        api_url=url if url.endswith("/") else url + "/",
    )


def _database(reader: Reader) -> Url:
    url = reader.text("DATABASE_URL") or "sqlite:///rollout-bot.db"
    if url.startswith(("postgresql:", "postgres:")):
        mend = _postgres_mend(url)
    else:
        file = url.startswith("sqlite:///") and url != "sqlite:///"
        mend = "" if file else f"write it as {SQLITE_FORM}, or as {POSTGRES_FORM}"
    if mend:
        reader.problem(f"DATABASE_URL: {show(Url(url).safe if '://' in url else '***')} is not understood", mend)
    return Url(url)


def _postgres_mend(url: str) -> str:
    """ "" where the form is right; whether the server is there is seen by the bot."""
    found = _POSTGRES.fullmatch(url)
    if found is None:
        return f"write it as {POSTGRES_FORM}, and in the password % as %25, / as %2F, @ as %40, # as %23, ? as %3F"
    if not found["hosts"] and "host=" not in (found["query"] or ""):
        return f"it names no host: write it as {POSTGRES_FORM}"
    return ""


def _port(reader: Reader, default: int) -> int:
    text = reader.text("HTTP_PORT")
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= 65535):
        reader.problem(f"HTTP_PORT: {show(text)} is not a port", "write 1 to 65535; 0 takes a free one")
        return default
    return int(text)
