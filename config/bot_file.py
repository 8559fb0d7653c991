"""`bot.yaml`: what is the same for all services and is no secret. Every key may be left out."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

from config.problems import show, suggest
from config.report import Report
from config.structure import Model, Text, Whole, choice, validate

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True)
class BotFile:
    """The values of bot.yaml with the defaults filled in; the environment has the last word on the latter four."""

    language: Literal["zh", "en"] = "zh"
    timezone: str = "Asia/Shanghai"
    prometheus_url: str = "http://127.0.0.1:9090"
    http_host: str = "127.0.0.1"
    http_port: int = 8080
    log_level: str = "INFO"


class HttpModel(Model):
    host: Text | None = None
    port: Whole | None = None


class BotModel(Model):
    language: Annotated[Literal["zh", "en"], choice("zh", "en")] | None = None
    timezone: Text | None = None
    prometheus_url: Text | None = None
    http: HttpModel | None = None
    log_level: Annotated[str, choice(*LEVELS)] | None = None


def build_bot_file(report: Report) -> BotFile:
    """The document as a BotFile; defaults stand where a value was refused."""
    model, default = validate(BotModel, report), BotFile()
    http = model.http or HttpModel()
    if model.timezone is not None and not is_zone(model.timezone):
        mend = suggest(model.timezone, sorted(zoneinfo.available_timezones()))
        if not mend.startswith("did"):
            mend = "write a name of the IANA list, as in Asia/Shanghai or UTC"
        report.problem(("timezone",), f"timezone: {show(model.timezone)} is not known", mend)
    if model.prometheus_url is not None and not is_http_url(model.prometheus_url):
        mend = "write it as http://prometheus.example.com:9090"
        report.problem(("prometheus_url",), f"prometheus_url: {show(model.prometheus_url)} is not a URL", mend)
    if http.port is not None and not 0 <= http.port <= 65535:
        report.problem(("http", "port"), f"port {http.port} is out of range", "write 1 to 65535; 0 takes a free one")
    return BotFile(
        language=model.language or default.language,
        timezone=model.timezone or default.timezone,
        prometheus_url=model.prometheus_url or default.prometheus_url,
        http_host=http.host or default.http_host,
        http_port=default.http_port if http.port is None else http.port,
        log_level=model.log_level or default.log_level,
    )


def is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def is_http_url(text: str) -> bool:
    """Whether it is an absolute http or https URL with a host and, if any, a valid port."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
