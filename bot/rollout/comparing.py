"""How a number is held against a threshold: the operators of the plan. Pure."""

from __future__ import annotations

from typing import Literal

Op = Literal["<", "<=", ">", ">=", "==", "!="]


def compare(value: float, op: Op, threshold: float) -> bool:
    """Whether `value op threshold` is true."""
    match op:
        case "<":
            return value < threshold
        case "<=":
            return value <= threshold
        case ">":
            return value > threshold
        case ">=":
            return value >= threshold
        case "==":
            return value == threshold
        case "!=":
            return value != threshold
