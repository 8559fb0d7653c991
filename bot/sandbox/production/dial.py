"""The faults a person can dial into the demo service. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Dial:
    """error_ratio: share of requests answered 500, 0 to 1. Such a request makes no report, neither good nor bad.
    latency_s: seconds every answer is held back, 0 to 60.
    report_failure_ratio: share of reports (answered 200) that are failures, 0 to 1.
    memory_mb: MiB really allocated on top of what the service needs, 0 to 4096.
    critical_alerts: what `app_open_critical_alerts` shows.
    """

    error_ratio: float = 0.0
    latency_s: float = 0.0
    report_failure_ratio: float = 0.0
    memory_mb: float = 0.0
    critical_alerts: float = 0.0

    def turned(self, changes: Mapping[str, object]) -> Dial:
        """The dial with `changes`; the others stay. Raises ValueError naming the key and what it may be."""
        limits = {"error_ratio": 1.0, "report_failure_ratio": 1.0, "latency_s": 60.0, "memory_mb": 4096.0}
        values: dict[str, float] = {}
        for key, value in changes.items():
            if key not in {f.name for f in fields(self)}:
                raise ValueError(f"no such fault: {key}; there are {', '.join(f.name for f in fields(self))}, crash")
            most = limits.get(key, 1000.0)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
                raise ValueError(f"{key} must be a number from 0 to {most:g}")
            values[key] = float(value)
        return replace(self, **values)

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


class Spread:
    """Says yes to a given share of the calls, evenly: at 0.05 it is 5 of every 100, from the first hundred on."""

    def __init__(self) -> None:
        self._due = 0.0

    def hit(self, ratio: float) -> bool:
        if ratio <= 0:
            self._due = 0.0
            return False
        self._due += ratio
        if self._due < 1 - 1e-9:
            return False
        self._due -= 1
        return True
