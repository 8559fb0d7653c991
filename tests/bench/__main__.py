"""Runs the benchmarks named, or all."""

from __future__ import annotations

import asyncio
import sys

from tests.bench import command, live, store, tick
from tests.bench.report import Result


async def store_and_live() -> list[Result]:
    return [*await store.run(), *await live.run()]


BENCHES = {"command": command.run, "tick": tick.run, "store": store_and_live}


def main() -> int:
    names = sys.argv[1:] or list(BENCHES)
    unknown = [n for n in names if n not in BENCHES]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    results: list[Result] = []
    for name in names:
        results += asyncio.run(BENCHES[name]())
    for result in results:
        print(result.line())
    return 0


sys.exit(main())
