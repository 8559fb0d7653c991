"""A plan's regular expressions, asked of what others printed, and never for long. Pure."""

from __future__ import annotations

import math

import regex

LIMIT = 0.2  # seconds, in which nothing else is done


class Unfit(Exception):
    """The expression cannot be asked; the sentence names the mend."""


def matched(pattern: str, text: str) -> regex.Match[str] | None:
    """The first place where it matches, ^ and $ being ends of lines. Raises Unfit."""
    try:
        found: regex.Match[str] | None = regex.search(pattern, text, regex.MULTILINE, timeout=LIMIT)
    except regex.error as error:
        raise Unfit(f"/{pattern}/ is no regular expression: {error}; correct it in the plan") from error
    except TimeoutError as error:
        raise Unfit(f"/{pattern}/ takes more than {LIMIT:g} s; write it without nested repetitions") from error
    return found


def number(pattern: str, text: str) -> float | None:
    """The first group of the last place where it matches, as a number; None = there is none. Raises Unfit."""
    try:
        places = list(regex.finditer(pattern, text, regex.MULTILINE, timeout=LIMIT))
        group = places[-1][1] if places else None
    except regex.error as error:
        raise Unfit(f"/{pattern}/ is no regular expression: {error}; correct it in the plan") from error
    except TimeoutError as error:
        raise Unfit(f"/{pattern}/ takes more than {LIMIT:g} s; write it without nested repetitions") from error
    except IndexError as error:
        raise Unfit(f"/{pattern}/ has no group for the number; put it into parentheses") from error
    try:
        value = float(group.replace(",", "")) if group else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None
