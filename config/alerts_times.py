"""`oncall:` and `quiet_hours:` of alerts.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Final

from bot.alerts.plan import QuietHours, Rotation
from config.alerts_routes import matchers
from config.alerts_schema import QuietModel, RotationModel
from config.bot_file import is_zone
from config.people import Person
from config.problems import show, suggest
from config.report import Report
from config.yaml_source import Path_

_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY: Final = 86400.0


def build_rotations(
    models: Mapping[str, RotationModel], people: Mapping[str, Person], report: Report
) -> tuple[Rotation, ...]:
    return tuple(_rotation(name, model, people, report) for name, model in models.items())


def _rotation(name: str, model: RotationModel, people: Mapping[str, Person], report: Report) -> Rotation:
    at: Path_ = ("oncall", name)
    mends = {
        "people": "add people: [lin, wang], in their order",
        "timezone": "add timezone: Asia/Shanghai",
        "starts": 'add starts: "2026-03-02", the first handover\'s day',
    }
    given = {"people": model.people or None, "timezone": model.timezone, "starts": model.starts}
    report.need(at, given, mends)
    for index, person in enumerate(model.people or []):
        if person not in people:
            report.problem((*at, "people", index), f"{show(person)} is nobody in people.yaml", suggest(person, people))
    turn = DAY * 7 if model.turn is None else model.turn
    if turn % DAY or not DAY <= turn <= 90 * DAY:
        report.problem((*at, "turn"), "a turn is whole days", "write 1d for daily handovers, 7d for weekly ones")
    if model.starts is not None and not _is_day(model.starts):
        report.problem((*at, "starts"), f"{show(model.starts)} is not a day", 'write it as "2026-03-02"')
    return Rotation(
        name=name,
        people=tuple(model.people or ("",)),
        timezone=_zone((*at, "timezone"), model.timezone, report),
        starts=model.starts if model.starts and _is_day(model.starts) else "2026-01-05",
        handover=_clock((*at, "handover"), model.handover, 9 * 60, report),
        days=max(1, int(turn // DAY)),
    )


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == 10


def _zone(at: Path_, given: str | None, report: Report) -> str:
    if given is None or is_zone(given):
        return given or "UTC"
    report.problem(at, f"timezone: {show(given)} is not known", "write a name of the IANA list, as in Asia/Shanghai")
    return "UTC"


def _clock(at: Path_, given: str | None, default: int, report: Report) -> int:
    """Minutes after midnight."""
    if given is None:
        return default
    found = _CLOCK.fullmatch(given)
    if found is None:
        report.problem(at, f"{show(given)} is not a time of day", 'write it in quotes, as in "09:00"')
        return default
    return int(found[1]) * 60 + int(found[2])


def build_quiet(models: list[QuietModel], report: Report) -> tuple[QuietHours, ...]:
    found: list[QuietHours] = []
    for index, model in enumerate(models):
        at: Path_ = ("quiet_hours", index)
        mends = {
            "match": "add match: [severity = warning]",
            "timezone": "add timezone: Asia/Shanghai",
            "from": 'add from: "22:00"',
            "to": 'add to: "08:00"',
        }
        given = {"match": model.match or None, "timezone": model.timezone, "from": model.start, "to": model.end}
        report.need(at, given, mends)
        taken = matchers((*at, "match"), model.match, report)
        if not any(m.name == "severity" for m in taken) and model.match:
            report.warn((*at, "match"), "quiet hours that also hold back Critical", "add severity = warning")
        quiet = QuietHours(
            name=model.name or f"quiet-{index + 1}",
            matchers=taken,
            timezone=_zone((*at, "timezone"), model.timezone, report),
            start=_clock((*at, "from"), model.start, 0, report),
            end=_clock((*at, "to"), model.end, 0, report),
            days=tuple(DAYS.index(day) for day in model.days) if model.days else tuple(range(7)),
        )
        if quiet.start == quiet.end and model.start and model.end:
            report.problem((*at, "to"), "it begins and ends at the same time", "write when it ends")
        found.append(quiet)
    return tuple(found)
