"""Durations as people write them: `24h`, `90s`, `1h30m`, `500ms`, `2d`. A plain number is refused: 90 what?"""

from __future__ import annotations

import re
from typing import Final

_PATTERN: Final = re.compile(
    r"(?:([0-9]{1,4})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,8})m)?(?:([0-9]{1,9})s)?(?:([0-9]{1,9})ms)?"
)
_MILLISECONDS: Final = (86_400_000, 3_600_000, 60_000, 1000, 1)


class DurationError(ValueError):
    """`what` is wrong and the `mend`, each one line."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what} — {mend}")
        self.what, self.mend = what, mend


def parse_duration(text: str) -> float:
    """Seconds, exact to the millisecond. Raises DurationError.

    Units in falling order, each once: d h m s ms; whole numbers only (`1h30m`, not `1.5h`).
    """
    match = _PATTERN.fullmatch(text)
    if match and any(match.groups()):
        parts = zip(match.groups(), _MILLISECONDS, strict=True)
        return sum(int(number) * unit for number, unit in parts if number) / 1000
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        raise DurationError(
            f"`{text}` has no unit", f"write {text}s for seconds, {text}m for minutes or {text}h for hours"
        )
    if re.fullmatch(r"[0-9]*\.[0-9]+(d|h|m|s|ms)", text):
        raise DurationError(f"`{text}` is a fraction", "use the smaller unit too, as in 1h30m or 500ms")
    shown = text if len(text) <= 40 else text[:39] + "…"
    raise DurationError(f"`{shown}` is not a duration", "write it as 24h, 1h30m, 90s or 500ms")


def format_duration(seconds: float) -> str:
    """The shortest usual form, `24h`, `1h30m`, `500ms`; `0s` for nothing. Rounds to the millisecond.

    `parse_duration(format_duration(x)) == x` for every x of whole milliseconds.
    """
    left = round(seconds * 1000)
    if not left:
        return "0s"
    words = []
    for unit, name in zip(_MILLISECONDS[1:], ("h", "m", "s", "ms"), strict=True):
        number, left = divmod(left, unit)
        if number:
            words.append(f"{number}{name}")
    return "".join(words)
