"""Fills a plan's PromQL. Pure. Only `$service $version $pool $instances $window` are known; `check` refuses others."""

from __future__ import annotations

import functools
import re

PLACEHOLDERS = ("service", "version", "pool", "instances", "window")


def escape_label(value: str) -> str:
    """For inside double quotes, as PromQL reads them (Go string escapes)."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@functools.lru_cache(4096)
def escape_regex(value: str) -> str:
    """A literal for `=~`, then escaped for the quotes around it."""
    return escape_label(re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", value))


def duration(seconds: float) -> str:
    """PromQL duration in whole milliseconds; never zero, which PromQL refuses."""
    ms = max(1, round(seconds * 1000))
    return f"{ms // 1000}s" if ms % 1000 == 0 else f"{ms}ms"


def fill(query: str, *, service: str, version: str, pool: str, instances: tuple[str, ...], window: float) -> str:
    values = {
        "service": escape_label(service),
        "version": escape_label(version),
        "pool": escape_label(pool),
        "instances": "|".join(escape_regex(i) for i in instances),
        "window": duration(window),
    }
    return re.sub(r"\$(\w+)", lambda m: values.get(m[1], m[0]), query)
