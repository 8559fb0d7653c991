"""Who gets which version: one request per user as fast as nginx answers, and whether a share is the one asked for."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from bot.sandbox.production.children import ProductionError
from bot.sandbox.production.http1 import Address, Answer, Connection, Lost, get

_PIPELINE = 32  # requests in flight per connection
_ATTEMPTS = 5  # connections one batch may lose; a reload closes each of them once


@dataclass(frozen=True, slots=True)
class ShareResult:
    """versions: user -> the version of that user's last good answer. requests: version -> good answers.

    moved: users who got more than one version. failed: answers that were not 200. seconds: from first to last.
    """

    versions: dict[str, str]
    requests: dict[str, int]
    moved: frozenset[str]
    failed: int
    seconds: float

    @property
    def total(self) -> int:
        return sum(self.requests.values())

    @property
    def rate(self) -> float:
        """Requests per second."""
        return (self.total + self.failed) / self.seconds

    def users_of(self, version: str) -> frozenset[str]:
        return frozenset(user for user, got in self.versions.items() if got == version)

    def share(self, version: str) -> float:
        """Percent of the good answers; 0 when there were none."""
        return 100.0 * self.requests.get(version, 0) / self.total if self.total else 0.0

    def lost_in(self, later: ShareResult, version: str) -> frozenset[str]:
        """Users who had `version` here and got another one in `later`. Users not asked again are not lost."""
        return frozenset(u for u in self.users_of(version) if later.versions.get(u, version) != version)


def within_99(observed: int, n: int, share: float) -> bool:
    """Whether `observed` of `n` is inside the 99 % interval of a true share of `share` percent.

    Exact: with X binomial(n, share/100), neither P(X <= observed) nor P(X >= observed) is below 0.5 %. It is the test
    that Clopper and Pearson invert for their interval (Biometrika 26, 1934, p. 404). At 0 and 100 % only all will do.
    """
    p = share / 100.0
    if not 0 <= p <= 1 or not 0 <= observed <= n:
        raise ValueError(f"{observed} of {n} at {share} % is impossible")
    if p in (0.0, 1.0):
        return observed == p * n
    low, high = (0, observed) if observed <= n * p else (observed, n)
    tail = math.fsum(math.exp(_log_probability(k, n, p)) for k in range(low, high + 1))
    return tail >= 0.005


def _log_probability(k: int, n: int, p: float) -> float:
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return ways + k * math.log(p) + (n - k) * math.log1p(-p)


async def measure_shares(
    url: str, users: int, requests: int | None = None, *, connections: int = 8, first_user: int = 0
) -> ShareResult:
    """Send `requests` (default: one per user) from users `u<first_user>` on, in turn, and note each one's version.

    url: `http://host:port[/path]`, default path /report. A request whose connection ends before its answer is sent
    again, as a browser would. Raises ProductionError when the host stays away, ValueError on an impossible url.
    """
    address = Address.of(url)
    ids = [f"u{first_user + n}" for n in range(users)]
    count = users if requests is None else requests
    batches = iter(_batches([ids[n % users] for n in range(count)]))
    answers: list[tuple[str, Answer]] = []
    began = time.perf_counter()
    try:
        async with asyncio.TaskGroup() as group:
            for n in range(connections):
                group.create_task(_ask(address, batches, answers), name=f"shares {n}")
    except* (OSError, Lost) as errors:
        raise ProductionError(f"{url} does not answer: {errors.exceptions[0]}") from errors
    return _summary(answers, time.perf_counter() - began)


def _batches(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _PIPELINE):
        yield ids[start : start + _PIPELINE]


async def _ask(address: Address, batches: Iterator[list[str]], answers: list[tuple[str, Answer]]) -> None:
    """One connection's work: take the next batch until there is none."""
    connection: Connection | None = None
    try:
        for batch in batches:
            missing, attempts = batch, 0
            while missing:
                if attempts == _ATTEMPTS:
                    raise Lost(f"connection lost {attempts} times in a row")
                if connection is None or not connection.usable:
                    connection = await Connection.open(address)
                missing = await _ask_batch(connection, address, missing, answers)
                attempts += 1
    finally:
        if connection is not None:
            connection.close()


async def _ask_batch(
    connection: Connection, address: Address, batch: list[str], answers: list[tuple[str, Answer]]
) -> list[str]:
    """Appends to `answers`; returns the users whose answer did not come."""
    futures = connection.send([get(address, user) for user in batch])
    got = await asyncio.gather(*futures, return_exceptions=True)
    missing: list[str] = []
    for user, answer in zip(batch, got, strict=True):
        if isinstance(answer, Answer):
            answers.append((user, answer))
        else:
            missing.append(user)
    return missing


def _summary(answers: list[tuple[str, Answer]], seconds: float) -> ShareResult:
    versions: dict[str, str] = {}
    requests: Counter[str] = Counter()
    moved: set[str] = set()
    failed = 0
    for user, answer in answers:
        if answer.status != 200:
            failed += 1
            continue
        requests[answer.version] += 1
        if versions.setdefault(user, answer.version) != answer.version:
            moved.add(user)
            versions[user] = answer.version
    return ShareResult(versions, dict(requests), frozenset(moved), failed, seconds)
