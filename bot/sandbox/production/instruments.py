"""What the demo service measures about itself and exports to Prometheus."""

from __future__ import annotations

import resource
import time
from collections import OrderedDict
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CODES = ("200", "404", "500")
RESULTS = ("success", "failure")
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0, 12.5, 15.0, 20.0)
USER_WINDOW = 10.0  # seconds
CPU_WINDOW = 0.5  # seconds
_STATM = Path("/proc/self/statm")


class Instruments:
    """The metrics of one version; a deploy makes new ones, as the new process of a real deploy would.

    Every counter exists at 0 from the start: one that is born at 4 has an `increase()` of 0.
    """

    def __init__(self, service: str, version: str, address: str, memory_limit_mb: float) -> None:
        self.registry = CollectorRegistry()
        self._limit = memory_limit_mb * 1024 * 1024
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._cpu = (time.monotonic(), time.process_time())
        labels = (service, version)
        names = ("service", "version")

        requests = Counter("http_requests_total", "Requests answered", (*names, "code"), registry=self.registry)
        self.requests = {code: requests.labels(*labels, code) for code in CODES}
        reports = Counter("reports_total", "Reports made", (*names, "result"), registry=self.registry)
        self.reports = {result: reports.labels(*labels, result) for result in RESULTS}
        self.duration = Histogram(
            "http_request_duration_seconds", "Time to answer", names, buckets=BUCKETS, registry=self.registry
        ).labels(*labels)
        self.alerts = self._gauge("app_open_critical_alerts", "Critical alerts open (dial)", names).labels(*labels)
        self._cpu_percent = self._gauge("app_cpu_percent", "CPU of this process, of one core", names).labels(*labels)
        self._memory = self._gauge("app_memory_percent", "Resident memory, of the limit", names).labels(*labels)
        self._users = self._gauge("app_concurrent_users", "Distinct users in the last 10 s", names).labels(*labels)
        self._gauge("app_info", "Always 1", (*names, "address")).labels(*labels, address).set(1)

    def _gauge(self, name: str, text: str, labels: tuple[str, ...]) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def saw(self, user: str) -> None:
        self._seen[user] = time.monotonic()
        self._seen.move_to_end(user)

    def export(self) -> bytes:
        """The text exposition format, with the gauges measured now."""
        self._memory.set(100.0 * _resident() / self._limit)
        self._users.set(self._recent_users())
        self._measure_cpu()
        return generate_latest(self.registry)

    def _recent_users(self) -> int:
        oldest = time.monotonic() - USER_WINDOW
        while self._seen and next(iter(self._seen.values())) < oldest:
            self._seen.popitem(last=False)
        return len(self._seen)

    def _measure_cpu(self) -> None:
        # Two readers a moment apart must not make the second one measure only the first one's visit.
        wall, used = time.monotonic(), time.process_time()
        if wall - self._cpu[0] >= CPU_WINDOW:
            self._cpu_percent.set(100.0 * (used - self._cpu[1]) / (wall - self._cpu[0]))
            self._cpu = (wall, used)


def _resident() -> int:
    """Bytes of this process that are in memory now."""
    return int(_STATM.read_text().split()[1]) * resource.getpagesize()
