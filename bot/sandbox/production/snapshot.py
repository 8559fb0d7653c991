"""What a page shows of the sandbox production at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bot.fleet.nginx import file_name, is_ours_unedited, parse_header
from bot.rollout.plan import Pool
from bot.sandbox.production.backends import Backend
from bot.sandbox.production.nginx import NginxHost
from bot.sandbox.production.prometheus import PrometheusServer
from bot.sandbox.production.traffic import Traffic


def snapshot(
    service: str,
    pools: Mapping[Pool, Backend],
    hosts: Iterable[NginxHost],
    prometheus: PrometheusServer,
    load: Traffic,
) -> dict[str, Any]:
    """JSON-ready. Rates are requests per second and errors percent, both as the users saw them in the last second.

    {"pools": {"stable": {"version", "address", "running", "rate", "share", "error_rate", "dial"}, "canary": …},
     "hosts": [{"name", "url", "running", "file", "generation", "mode", "weight", "internal", "rollout"}],
     "prometheus": {"url", "running"}, "load": {"running", "rate", "unanswered"}}
    share: percent of all requests, null without any. error_rate: null without requests to that pool.
    file: absent | ours | edited | foreign; the keys after it are null unless it carries the bot's header.
    """
    last = load.last() if load.running else {}
    versions: dict[str, dict[str, int]] = last.get("versions", {})
    seconds = float(last.get("seconds") or 1.0)
    everything = sum(row["requests"] for row in versions.values())
    return {
        "pools": {pool: _pool(backend, versions, everything, seconds) for pool, backend in pools.items()},
        "hosts": [_host(service, host) for host in hosts],
        "prometheus": {"url": prometheus.url, "running": prometheus.running},
        "load": {
            "running": load.running,
            "rate": float(last.get("rate", 0.0)),
            "unanswered": versions.get("-", {}).get("requests", 0) / seconds,
        },
    }


def _pool(backend: Backend, versions: dict[str, dict[str, int]], everything: int, seconds: float) -> dict[str, Any]:
    row = versions.get(backend.version, {"requests": 0, "errors": 0})
    requests = row["requests"]
    return {
        "version": backend.version,
        "address": backend.address,
        "running": backend.running,
        "rate": round(requests / seconds, 1),
        "share": round(100.0 * requests / everything, 2) if everything else None,
        "error_rate": round(100.0 * row["errors"] / requests, 2) if requests else None,
        "dial": dict(backend.dialled),
    }


def _host(service: str, host: NginxHost) -> dict[str, Any]:
    try:
        text = host.read(file_name(service))
    except FileNotFoundError:
        text = ""
    serving = parse_header(text)
    state = "foreign" if text and serving is None else "absent" if serving is None else "edited"
    return {
        "name": host.name,
        "url": host.url,
        "running": host.running,
        "file": "ours" if serving is not None and is_ours_unedited(text) else state,
        "generation": serving.generation if serving else None,
        "mode": serving.mode if serving else None,
        "weight": serving.weight if serving else None,
        "internal": serving.internal if serving else None,
        "rollout": serving.rollout if serving else None,
    }
