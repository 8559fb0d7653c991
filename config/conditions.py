"""Conditions, `error_rate < 5%`: text to value and back. The unit of the threshold must be the metric's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, cast, get_args

from bot.rollout.comparing import Op
from bot.rollout.plan import Condition, Unit
from bot.rollout.runbook import Must
from config.problems import show, suggest

OPS: Final[tuple[str, ...]] = get_args(Op)
_PATTERN: Final = re.compile(
    r"(?P<metric>[A-Za-z_][A-Za-z0-9_]*)\s*(?P<op>[<>=!≤≥]+)\s*(?P<number>-?[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>[A-Za-z%]*)"
)
_MUST: Final = re.compile(r"(?P<op>[<>=!≤≥]+)\s*(?P<number>-?[0-9]+(?:\.[0-9]+)?)")
_OP_MEND: Final = {"=": "==", "=<": "<=", "=>": ">=", "≤": "<=", "≥": ">=", "<>": "!=", "===": "=="}
_SCALE: Final = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60)}
_HOW: Final[Mapping[Unit, str]] = {
    "percent": "a percentage, as in 5%",
    "seconds": "a time, as in 3s, 500ms or 1m",
    "count": "a bare number, as in 100",
    "ratio": "a bare number, as in 0.95",
}


class ConditionError(ValueError):
    """`what` is wrong and the `mend`, each one line."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what} — {mend}")
        self.what, self.mend = what, mend


def parse_condition(
    text: str, units: Mapping[str, Unit | None], *, hold_for: float = 0.0, window: float = 0.0
) -> Condition:
    """`metric op number unit` -> Condition with the threshold in the metric's base unit and a canonical text.

    units: metric -> unit; None for a metric whose own definition is broken (then any unit is taken).
    Raises ConditionError.
    """
    match = _PATTERN.fullmatch(text.strip())
    if not match:
        raise ConditionError(f"{show(text)} is not a condition", "write metric, comparison, threshold: error_rate < 5%")
    metric, op, number, suffix = match.group("metric", "op", "number", "unit")
    _known_op(op)
    if metric not in units:
        raise ConditionError(f"{show(metric)} is not a metric of this plan", suggest(metric, units))
    unit = units[metric]
    threshold = float(_threshold(metric, unit, Decimal(number), suffix, text))
    named = unit or {"%": "percent", "": "count"}.get(suffix, "seconds")
    canonical = format_condition(metric, cast(Op, op), threshold, cast(Unit, named))
    return Condition(canonical, metric, cast(Op, op), threshold, hold_for, window)


def parse_must(text: str) -> Must:
    """`< 5` -> Must, with a canonical text. Raises ConditionError."""
    match = _MUST.fullmatch(text.strip())
    if not match:
        raise ConditionError(f"{show(text)} does not compare with a number", 'write comparison and number: "< 5"')
    op = match["op"]
    _known_op(op)
    threshold = float(match["number"])
    return Must(cast(Op, op), threshold, f"{op} {format_threshold(threshold, 'count')}")


def _known_op(op: str) -> None:
    if op not in OPS:
        better = _OP_MEND.get(op)
        raise ConditionError(f"{show(op)} is not a comparison", f"write {better or 'one of ' + ' '.join(OPS)}")


def _threshold(metric: str, unit: Unit | None, number: Decimal, suffix: str, text: str) -> Decimal:
    if suffix not in ("", "%", *_SCALE):
        raise ConditionError(f"{show(suffix)} in {show(text)} is not a unit", "use %, ms, s, m or none")
    if unit is None:
        return number * _SCALE.get(suffix, 1)
    wanted = {"percent": ("%",), "seconds": tuple(_SCALE)}.get(unit, ("",))
    if suffix not in wanted:
        what = f"{show(text)} has no unit" if not suffix else f"{show(text)}: {metric} is in {unit}, not in {suffix}"
        raise ConditionError(what, f"write {_HOW[unit]}")
    if number < 0 and unit in ("percent", "seconds"):
        raise ConditionError(f"{show(text)}: {metric} is never below zero", f"write {_HOW[unit]}")
    return number * _SCALE.get(suffix, 1)


def format_condition(metric: str, op: Op, threshold: float, unit: Unit) -> str:
    """The canonical text, which parses back to the same value: `error_rate < 5%`, `p95 < 500ms`."""
    return f"{metric} {op} {format_threshold(threshold, unit)}"


def format_threshold(threshold: float, unit: Unit) -> str:
    """`5%`, `3s`, `500ms` (below a second), `100`; without exponents or trailing zeros."""
    number = Decimal(repr(threshold))
    if unit == "seconds":
        milliseconds = number * 1000
        if 0 < number < 1 and milliseconds == milliseconds.to_integral_value():
            return f"{milliseconds:.0f}ms"
        return f"{_plain(number)}s"
    return _plain(number) + ("%" if unit == "percent" else "")


def _plain(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
