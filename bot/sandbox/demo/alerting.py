"""The demo's alerts.yaml and channels.yaml: every mail and SMS ends in the page's inbox, and hours are seconds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from config.durations import format_duration, parse_duration

FASTER = 30  # a rule's minute is two seconds
LEAST = 1.0  # seconds between two looks
SILENT = 60.0  # seconds; the least that alerts.yaml takes for `blind_after` and `keep`
WORDS = {
    "ErrorRateHigh": ("Error rate high", "requests to {{ $labels.version }} fail"),
    "ErrorRateCritical": ("Error rate far too high", "requests to {{ $labels.version }} fail"),
    "P95Slow": ("P95 slow", "{{ $labels.version }} answers slowly"),
    "P99Slow": ("P99 slow", "{{ $labels.version }} answers slowly"),
    "ReportSuccessLow": ("Report success low", "{{ $labels.version }} fails to make reports"),
    "CpuHigh": ("CPU high", "{{ $labels.version }} at {{ $labels.instance }} is busy"),
    "MemoryHigh": ("Memory high", "{{ $labels.version }} at {{ $labels.instance }} needs much memory"),
}
ABSENT = ("DiskFull",)  # nothing here exports disks, so this rule could only ever be blind
SMS = {"kind": "gateway", "body": '{"to": "${to}", "text": "${short}"}'}

_WINDOW = re.compile(r"\[((?:[0-9]+(?:ms|[smhd]))+)\]")


def adapt_channels(channels: Any, sms_url: str) -> None:
    """Nothing leaves this machine: mail goes to the one SMTP server, all else but Slack to the one SMS gateway."""
    for name, given in channels.get("channels", {}).items():
        if given["kind"] == "mail":
            given["url_env"] = "SMTP_URL"
        elif given["kind"] != "slack":
            kept = {"segments": given["segments"]} if given["kind"] == "gateway" and "segments" in given else {}
            channels["channels"][name] = SMS | {"url": sms_url} | kept
    channels.pop("heartbeat", None)


def adapt_shipped(alerts: Any, language: str) -> None:
    """The shipped rules for a page to watch: each version by itself, so that one percent of the traffic is seen too,
    and a Slack channel for each severity."""
    alerts["rules"] = [rule for rule in alerts["rules"] if rule["alert"] not in ABSENT]
    for rule in alerts["rules"]:
        if "by (service" in rule["query"]:
            rule["query"] = _each_version(rule["query"], 100 if "<" in rule["when"] else 0)
        rule["summary"] = rule["summary"].replace(
            "{{ $labels.service }}", "{{ $labels.service }} {{ $labels.version }}"
        )
        if language == "en":
            rule["title"], rule["summary"] = WORDS[rule["alert"]]
    alerts["receivers"]["dev-slack"]["to"] = ["critical"]
    alerts["receivers"]["warnings-slack"] = {"channel": "slack", "to": ["warnings"]}
    alerts["route"]["notify"] = [*alerts["route"]["notify"], "warnings-slack"]


def _each_version(query: str, at_rest: int) -> str:
    """The query with a series for each version. at_rest: its value where a version gets no requests.

    Without it the alert about a version that was rolled back would wait for traffic that does not come.
    """
    each = query.strip().replace("by (service", "by (service, version")
    return f"({each}) >= 0\nor {at_rest} * max by (service, version) (app_info)\n"


def shorten(alerts: Any) -> None:
    """Every duration a thirtieth of what it was, each as long as it must be at least."""
    for rule in alerts.get("rules", []):
        rule["query"] = _WINDOW.sub(lambda found: f"[{_short(found[1], 4.0)}]", rule["query"])
        _times(rule, ("every",), LEAST)
        _times(rule, ("for", "keep_firing_for"), 0.0)
    for route in _routes(alerts["route"]):
        _times(route, ("group_wait",), 0.0)
        _times(route, ("group_interval", "repeat_interval"), LEAST)
        for step in route.get("escalate", []):
            _times(step, ("after",), LEAST)
    _times(alerts, ("blind_after", "keep"), SILENT)


def _routes(route: Any) -> Iterable[Any]:
    yield route
    for inner in route.get("routes", []):
        yield from _routes(inner)


def _times(within: Any, keys: tuple[str, ...], least: float) -> None:
    for key in keys:
        if key in within:
            within[key] = _short(within[key], least)


def _short(text: str, least: float) -> str:
    return format_duration(max(least, parse_duration(text) / FASTER))
