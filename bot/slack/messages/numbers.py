"""Numbers as people read them: by unit, with as many decimals as it takes and no more. Pure."""

from __future__ import annotations

import math

from bot.rollout.plan import Unit

NONE = "–"


def number(value: float | None, unit: Unit, against: float | None = None, trim: bool = False) -> str:
    """`value` in its unit: `0.42 %`, `1.23 s`, `230 ms`, `12,345`, `0.97`; None and NaN as a dash.

    against: a threshold; decimals are added until the rounded value stands on the same side of it as the real one,
        so that a failed `< 3 %` never reads `3.00 %`.
    trim: without trailing zeros, for thresholds and weights.
    """
    if value is None or math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    scale, suffix, decimals = _shape(value, unit)
    text = _digits(value * scale, decimals, None if against is None else against * scale, trim)
    return f"{text} {suffix}" if suffix else text


def _shape(value: float, unit: Unit) -> tuple[float, str, int]:
    """(factor, suffix, decimals)."""
    size = abs(value)
    if unit == "seconds":
        if size and size < 1:
            return 1000.0, "ms", 0 if size >= 0.01 else 1
        return 1.0, "s", 0 if size >= 100 else 2
    if unit == "count":
        return 1.0, "", 0 if value == int(value) or size >= 1000 else 2
    return 1.0, "%" if unit == "percent" else "", _fine(size)


def _fine(size: float) -> int:
    """Two decimals; below 0.1 as many as show two digits (up to six); one from 100 on."""
    if size >= 100:
        return 1
    if size == 0 or size >= 0.1:
        return 2
    return min(6, 1 - math.floor(math.log10(size)))


def _digits(value: float, decimals: int, against: float | None, trim: bool) -> str:
    if abs(value) >= 1e15:
        return f"{value:.3g}"
    while against is not None and decimals < 9 and _side(round(value, decimals), against) != _side(value, against):
        decimals += 1
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if trim and "." in text else text


def _side(value: float, against: float) -> int:
    return (value > against) - (value < against)


def samples(value: float | None) -> str:
    """A count for a narrow column: `12,345`, from a million on `1.2 M`."""
    if value is None or math.isnan(value) or math.isinf(value):
        return NONE
    if abs(value) >= 1e12:
        return f"{value:.1e}"
    if abs(value) >= 1e6:
        return f"{value / 1e6:,.1f} M"
    return f"{math.floor(value):,}"


def weight(percent: float) -> str:
    """A share of traffic as the plan says it: `1 %`, `0.5 %`."""
    return number(percent, "percent", trim=True)
