"""What a benchmark answers."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """value and baseline_value in `unit`; ratio = value / baseline_value."""

    name: str
    value: float
    unit: str
    baseline: str
    baseline_value: float
    runs: int

    def line(self) -> str:
        shown = {k: round(v, 4) if isinstance(v, float) else v for k, v in vars(self).items()}
        return json.dumps(shown | {"ratio": round(self.value / self.baseline_value, 3)})


def percentile(values: Sequence[float], percent: int) -> float:
    """percent: 1 to 99."""
    return statistics.quantiles(values, n=100)[percent - 1]
