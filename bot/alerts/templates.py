"""Annotations with values in them, in the part of Prometheus' template language that rules really use. Pure.

`{{ $value }}`, `{{ $labels.instance }}`, `{{ $value | humanize }}`, `{{ printf "%.2f" $value }}`. What is not
understood stays as it was written: an alert must not be lost for a mistake in its sentence.
"""

from __future__ import annotations

import math
import re
from typing import Final

from bot.alerts.labels import Labels, value_of

_FIELD: Final = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_LABEL: Final = re.compile(r"(?:\$labels|\.Labels)\.([A-Za-z_][A-Za-z0-9_]*)")
_PRINTF: Final = re.compile(r'printf\s+"%(?:\.(\d))?([fgdsve])(%%|[^"%]*)"\s+(.+)')


def expand(template: str, labels: Labels, value: float | None) -> str:
    """Never raises."""
    return _FIELD.sub(lambda found: _field(found[1], found[0], labels, value), template)


def faults(template: str) -> tuple[str, ...]:
    """The fields that `expand` would leave as they are."""
    return tuple(found[0] for found in _FIELD.finditer(template) if _term(found[1], (), 1.0) is None)


def _field(term: str, written: str, labels: Labels, value: float | None) -> str:
    found = _term(term, labels, value)
    return written if found is None else found


def _term(term: str, labels: Labels, value: float | None) -> str | None:
    """None = not understood."""
    head, *pipes = [part.strip() for part in term.split("|")]
    printed = _PRINTF.fullmatch(head)
    if printed and not pipes:
        return _printf(printed, labels, value)
    if label := _LABEL.fullmatch(head):
        return value_of(labels, label[1]) if not pipes else None
    if head not in ("$value", ".Value"):
        return None
    if value is None:
        return "?"
    if not pipes:
        return number(value)
    how = _HUMAN.get(pipes[0]) if len(pipes) == 1 else None
    return how(value) if how else None


def _printf(found: re.Match[str], labels: Labels, value: float | None) -> str | None:
    digits, kind, suffix, operand = found.groups()
    inner = operand.strip()
    if inner in ("$value", ".Value") and kind in "fgdev":
        shown = "?" if value is None else f"{value:.{digits}f}" if digits and kind == "f" else number(value)
        return shown + suffix.replace("%%", "%")
    text = _term(inner, labels, value)
    return None if text is None else text + suffix.replace("%%", "%")


def number(value: float) -> str:
    """At most four significant digits, without exponents for what people meet."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.1f}"


def _humanize(value: float) -> str:
    for limit, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.4g}{unit}"
    return number(value)


def _humanize_1024(value: float) -> str:
    for power, unit in ((4, "Ti"), (3, "Gi"), (2, "Mi"), (1, "Ki")):
        if abs(value) >= 1024**power:
            return f"{value / 1024**power:.4g}{unit}"
    return number(value)


def _duration(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    if abs(value) < 60:
        return f"{number(value)}s"
    minutes, seconds = divmod(int(abs(value)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [
        f"{amount}{unit}" for amount, unit in ((days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s")) if amount
    ]
    return ("-" if value < 0 else "") + " ".join(parts)


_HUMAN: Final = {
    "humanize": _humanize,
    "humanize1024": _humanize_1024,
    "humanizePercentage": lambda value: f"{number(value * 100)}%",
    "humanizeDuration": _duration,
}
