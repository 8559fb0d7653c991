"""Is the difference of two means more than noise: Welch's t-test, on means, spreads and counts alone. Pure.

Welch 1947, "The generalization of Student's problem when several different population variances are involved"; the
tail of Student's t by the regularized incomplete beta function, as a continued fraction (Lentz's method).
"""

from __future__ import annotations

import math
from typing import Literal

from bot.rollout.work import Figure

LEAST = 6  # samples on each side; with fewer the test sees nothing but luck
# Stricter than the usual 0.05: a report tests several metrics at once, and windows one after the other are alike.
ALPHA = 0.01
Judgement = Literal["noise", "real", "few", "none"]


def judge(before: Figure, after: Figure) -> tuple[Judgement, float | None]:
    """(whether the difference is real, p). none: one side has no value. few: fewer than LEAST samples on a side."""
    if before.mean is None or after.mean is None:
        return "none", None
    if min(before.samples, after.samples) < LEAST or before.spread is None or after.spread is None:
        return "few", None
    p = welch(before.mean, before.spread, before.samples, after.mean, after.spread, after.samples)
    return ("real" if p < ALPHA else "noise"), p


def welch(m1: float, s1: float, n1: int, m2: float, s2: float, n2: int) -> float:
    """Two-sided p. s: standard deviations of the samples; n at least 2. Without any spread only equal means are."""
    v1, v2 = s1 * s1 / n1, s2 * s2 / n2
    if v1 + v2 == 0:
        return 1.0 if m1 == m2 else 0.0
    t = (m1 - m2) / math.sqrt(v1 + v2)
    freedom = (v1 + v2) ** 2 / (v1 * v1 / (n1 - 1) + v2 * v2 / (n2 - 1))
    return _beta(freedom / (freedom + t * t), freedom / 2, 0.5)


def _beta(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function I_x(a, b)."""
    if x <= 0 or x >= 1:
        return min(max(x, 0.0), 1.0)
    log = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    if x < (a + 1) / (a + b + 2):  # where the fraction converges fast
        return math.exp(log) * _fraction(x, a, b) / a
    return 1 - math.exp(log) * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1 / _off_zero(1 - (a + b) * x / (a + 1), tiny)
    whole = d
    for m in range(1, 300):
        for factor in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _off_zero(1 + factor * d, tiny)
            c = _off_zero(1 + factor / c, tiny)
            whole *= d * c
        if abs(d * c - 1) < 1e-14:
            break
    return whole


def _off_zero(x: float, tiny: float) -> float:
    return x if abs(x) > tiny else tiny
