"""Runs the benchmarks named, or all."""

from __future__ import annotations

import asyncio
import logging
import sys

import structlog

from tests.bench import alerts, command, fleet, live, store, tick
from tests.bench.report import Result


async def store_and_live() -> list[Result]:
    return [*await store.run(), *await live.run()]


BENCHES = {
    "command": command.run,
    "tick": tick.run,
    "store": store_and_live,
    "fleet": fleet.run,
    "alerts": alerts.run,
}


def main() -> int:
    names = sys.argv[1:] or list(BENCHES)
    unknown = [n for n in names if n not in BENCHES]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    results: list[Result] = []
    for name in names:
        results += asyncio.run(BENCHES[name]())
    for result in results:
        print(result.line())
    return 0


sys.exit(main())
