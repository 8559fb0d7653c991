"""Dates as people write them: `2026-12-01`, `12-01`, `12月1日`, `tomorrow`, `明天`, `+3d`. `today` is an argument."""

from __future__ import annotations

import re
from datetime import date, timedelta

NAMED = {
    "today": 0,
    "今天": 0,
    "tomorrow": 1,
    "tmr": 1,
    "明天": 1,
    "后天": 2,
    "大后天": 3,
}
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CHINESE_DAYS = "一二三四五六日"
_AFTER = re.compile(r"\+?(\d{1,3})\s*(d|day|days|天|w|week|weeks|周)(?:后|之后)?")
_FULL = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_SHORT = re.compile(r"(\d{1,2})[-/月](\d{1,2})日?")


def looks_like(word: str) -> bool:
    """Whether a date is meant, a sound one or not."""
    return _days(word) is not None or bool(_FULL.fullmatch(word) or _SHORT.fullmatch(word))


def past(word: str, today: date) -> bool:
    """Whether it is a day that is over. What is no day at all is not."""
    day = parse(word, today)
    return day is not None and day < today.isoformat()


def parse(word: str, today: date) -> str | None:
    """YYYY-MM-DD; None where there is no such day. A day without its year is the next one that comes."""
    after = _days(word, today)
    if after is not None:
        return (today + timedelta(days=after)).isoformat()
    if full := _FULL.fullmatch(word):
        return _date(int(full[1]), int(full[2]), int(full[3]))
    if short := _SHORT.fullmatch(word):
        found = _date(today.year, int(short[1]), int(short[2]))
        return found if found and found >= today.isoformat() else _date(today.year + 1, int(short[1]), int(short[2]))
    return None


def _days(word: str, today: date | None = None) -> int | None:
    """Days from today; None = not said in days."""
    typed = word.lower()
    if typed in NAMED:
        return NAMED[typed]
    if after := _AFTER.fullmatch(typed):
        weeks = after[2] in ("w", "week", "weeks", "周")
        return int(after[1]) * (7 if weeks else 1)
    weekday = _weekday(typed)
    if weekday is None:
        return None
    ahead = (weekday - today.weekday()) % 7 if today else 0
    return ahead or 7


def _weekday(typed: str) -> int | None:
    if typed in WEEKDAYS:
        return WEEKDAYS.index(typed)
    for prefix in ("周", "星期", "礼拜"):
        day = typed.removeprefix(prefix)
        if typed != day and len(day) == 1 and day in _CHINESE_DAYS + "天":
            return 6 if day == "天" else _CHINESE_DAYS.index(day)
    return None


def _date(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
