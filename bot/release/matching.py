"""A plan's regular expressions, asked of what others printed, and never for long. Pure."""

from __future__ import annotations

import math

import regex

from bot.release.saying import Telling, said

LIMIT = 0.2  # seconds, in which nothing else is done


class Unfit(Telling):
    """The expression cannot be asked; the sentence names the mend."""


def matched(pattern: str, text: str) -> regex.Match[str] | None:
    """The first place where it matches, ^ and $ being ends of lines. Raises Unfit."""
    try:
        found: regex.Match[str] | None = regex.search(pattern, text, regex.MULTILINE, timeout=LIMIT)
    except regex.error as error:
        raise Unfit(said("wrong_pattern", pattern=pattern, error=str(error))) from error
    except TimeoutError as error:
        raise Unfit(said("slow_pattern", {"limit": LIMIT}, pattern=pattern)) from error
    return found


def number(pattern: str, text: str) -> float | None:
    """The first group of the last place where it matches, as a number; None = there is none. Raises Unfit."""
    try:
        places = list(regex.finditer(pattern, text, regex.MULTILINE, timeout=LIMIT))
        group = places[-1][1] if places else None
    except regex.error as error:
        raise Unfit(said("wrong_pattern", pattern=pattern, error=str(error))) from error
    except TimeoutError as error:
        raise Unfit(said("slow_pattern", {"limit": LIMIT}, pattern=pattern)) from error
    except IndexError as error:
        raise Unfit(said("no_group", pattern=pattern)) from error
    try:
        value = float(group.replace(",", "")) if group else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None
