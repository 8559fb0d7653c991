"""Values a YAML file names by their environment variable, and durations with their bounds."""

from __future__ import annotations

import re
from typing import Final

from config.bot_file import is_http_url
from config.durations import format_duration
from config.environment import Reader
from config.problems import show
from config.report import Report
from config.secret import Secret
from config.yaml_source import Path_

_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]*")


def from_environment(
    report: Report, reader: Reader, path: Path_, variable: str
) -> tuple[Secret | None, tuple[str, ...]]:
    """(the value, ()) or (None, the variable's name), the latter with a warning unless it was there and unreadable."""
    if not _VARIABLE.fullmatch(variable):
        what = f"{path[-1]}: {'the value' if '://' in variable else show(variable)} is not an environment variable"
        report.problem(path, what, "write the name of one, as in SMTP_URL; the value itself goes into the environment")
        return None, ()
    before = len(reader.problems)
    text = reader.text(variable)
    if text is None and len(reader.problems) == before:
        where = ".".join(map(str, path[:2]))
        what = f"the environment variable {variable} is not set: {where} does nothing"
        report.warn(path, what, f"set it (or {variable}_FILE to a file with it), or remove {where}")
    return (Secret(text), ()) if text else (None, (variable,))


def environment_url(
    report: Report, reader: Reader, path: Path_, variable: str
) -> tuple[Secret | None, tuple[str, ...]]:
    """As from_environment, of an address over http or https."""
    url, missing = from_environment(report, reader, path, variable)
    if url and not is_http_url(url.reveal()):
        reader.problem(f"{variable} is not a URL", "write it as https://hooks.example.com/…")
    return url, missing


def seconds(report: Report, path: Path_, given: float | None, low: float, high: float) -> None:
    """Reports a duration that is out of range; None is the default, which never is."""
    if given is not None and not low <= given <= high:
        what = f"{path[-1]} {format_duration(given)} is out of range"
        report.problem(path, what, f"write {format_duration(low)} to {format_duration(high)}")
