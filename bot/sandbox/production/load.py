"""Steady traffic of many users: `python -m bot.sandbox.production.load --url http://127.0.0.1:8001 --rps 100`.

Prints one JSON object a second (see `Tally.line`), and a last one when SIGTERM or SIGINT ends it.
It never sends faster than it was told, and does not catch up on what it could not send.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from bot.sandbox.production.http1 import Address, Answer, Connection, Lost, get

PACE = 0.01  # seconds between two looks at how much is due
MAX_IN_FLIGHT = 1500
ANSWER_WITHIN = 30.0  # seconds
LOST = "-"  # the version of a request that got no answer, or one without X-Version


@dataclass(slots=True)
class Tally:
    """What was sent and what came back, by version and status; a request without any answer has status 0."""

    sent: int = 0
    skipped: int = 0
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)

    def line(self, before: Tally, seconds: float, in_flight: int) -> dict[str, object]:
        """What happened since `before`, `seconds` ago.

        `rate` (sent per second), `in_flight`, `skipped` (due, but too many were unanswered), `versions` of the last
        interval: {version: {"requests", "errors"}}; `total`: the same since the start, with `sent`.
        """
        return {
            "time": round(time.time(), 3),
            "seconds": round(seconds, 3),
            "rate": round((self.sent - before.sent) / seconds, 1) if seconds else 0.0,
            "in_flight": in_flight,
            "skipped": self.skipped - before.skipped,
            "versions": _by_version(self.answers - before.answers),
            "total": {"sent": self.sent, "versions": _by_version(self.answers)},
        }

    def copy(self) -> Tally:
        return Tally(self.sent, self.skipped, Counter(self.answers))


def _by_version(answers: Counter[tuple[str, int]]) -> dict[str, dict[str, int]]:
    """Errors are answers of 500 and above, and requests without an answer."""
    out: dict[str, dict[str, int]] = {}
    for (version, status), count in sorted(answers.items()):
        row = out.setdefault(version, {"requests": 0, "errors": 0})
        row["requests"] += count
        row["errors"] += count if status == 0 or status >= 500 else 0
    return out


class Users:
    """The same people in every run: `u0`, `u1`, …; the first `internal_share` of them send the internal header."""

    def __init__(self, count: int, internal_share: float) -> None:
        self._count = count
        self._internal = round(count * internal_share)
        self._random = random.Random(20260302)

    def next(self) -> tuple[str, bool]:
        n = self._random.randrange(self._count)
        return f"u{n}", n < self._internal


class Load:
    """rps: requests per second over all addresses together."""

    def __init__(self, addresses: list[Address], rps: float, users: Users) -> None:
        self._addresses = addresses
        self._rps = rps
        self._users = users
        self._idle: dict[Address, list[Connection]] = {address: [] for address in addresses}
        self._tasks: set[asyncio.Task[None]] = set()
        self.tally = Tally()

    @property
    def in_flight(self) -> int:
        return len(self._tasks)

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop`; then wait a moment for what is under way, and drop the rest."""
        due, last = 0.0, time.monotonic()
        while not stop.is_set():
            now = time.monotonic()
            due, last = min(due + (now - last) * self._rps, max(1.0, 0.1 * self._rps)), now
            while due >= 1:
                due -= 1
                self._launch()
            await _sleep_unless(stop, PACE)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=0.5)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _launch(self) -> None:
        if len(self._tasks) >= MAX_IN_FLIGHT:
            self.tally.skipped += 1
            return
        self.tally.sent += 1
        task = asyncio.create_task(self._one(self._addresses[self.tally.sent % len(self._addresses)]), name="request")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _one(self, address: Address) -> None:
        user, internal = self._users.next()
        connection: Connection | None = None
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                connection = await self._connection(address)
                answer = await connection.send([get(address, user, internal)])[0]
        except Lost:
            # nginx closes idle connections when it reloads; one that went out at that moment was not served.
            await self._again(address, user, internal)
        except (OSError, TimeoutError):
            if connection is not None:
                connection.close()
            self.tally.answers[LOST, 0] += 1
        else:
            self._answered(address, connection, answer)

    def _answered(self, address: Address, connection: Connection, answer: Answer) -> None:
        self.tally.answers[answer.version or LOST, answer.status] += 1
        if connection.usable:
            self._idle[address].append(connection)

    async def _connection(self, address: Address) -> Connection:
        idle = self._idle[address]
        while idle:
            connection = idle.pop()
            if connection.usable:
                return connection
        return await Connection.open(address)

    async def _again(self, address: Address, user: str, internal: bool) -> None:
        """One more try, on a new connection, as a browser does for a GET on a kept connection that was closed."""
        connection: Connection | None = None
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                connection = await Connection.open(address)
                answer = await connection.send([get(address, user, internal)])[0]
        except (OSError, TimeoutError):
            if connection is not None:
                connection.close()
            self.tally.answers[LOST, 0] += 1
        else:
            self._answered(address, connection, answer)


async def _sleep_unless(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


async def _report(load: Load, stop: asyncio.Event) -> None:
    before, then = load.tally.copy(), time.monotonic()
    while not stop.is_set():
        await _sleep_unless(stop, max(0.0, then + 1.0 - time.monotonic()))
        now, current = time.monotonic(), load.tally.copy()
        print(json.dumps(current.line(before, now - then, load.in_flight)), flush=True)
        before, then = current, now


async def _main(addresses: list[Address], rps: float, users: Users) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    load = Load(addresses, rps, users)
    async with asyncio.TaskGroup() as group:
        group.create_task(load.run(stop), name="load")
        group.create_task(_report(load, stop), name="report")
    print(json.dumps(load.tally.line(Tally(), 0.0, load.in_flight)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Steady traffic against the sandbox's nginx hosts.")
    parser.add_argument("--url", action="append", required=True, help="http://host:port[/path]; repeat per host")
    parser.add_argument("--rps", type=float, required=True, help="requests per second, over all hosts")
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--internal-share", type=float, default=0.02, help="0 to 1")
    args = parser.parse_args()
    if args.rps <= 0 or args.users <= 0 or not 0 <= args.internal_share <= 1:
        sys.exit("--rps and --users must be above 0, --internal-share from 0 to 1")
    try:
        addresses = [Address.of(url) for url in args.url]
    except ValueError as error:
        sys.exit(str(error))
    asyncio.run(_main(addresses, args.rps, Users(args.users, args.internal_share)))


if __name__ == "__main__":
    main()
