"""Prometheus: needs in, values or errors out. Never judges. The only prometheus_api_client import.

One evaluation is one HTTP request: its queries are joined with `or`, each marked by a label (DESIGN §7: ten times
faster than one after the other). Where the join is refused, each is asked alone: one bad query blinds only itself.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from bot.alerts.labels import labels_of
from bot.alerts.rules import Answer, Reading
from bot.rollout.gate import Need, Value, Values

TIMEOUT = (2.0, 5.0)  # seconds to connect, to read; the library waits for ever without
DEADLINE = 8.0  # seconds for one evaluation, whatever the threads still do
MARK = "rollout_bot_need"
BREAK_AFTER = 3  # failures in a row that open the breaker …
BREAK_FOR = 1.0  # … for so many seconds, in which nobody waits for a dead server

T = TypeVar("T")


class Prometheus:
    """bot.engine.ports.metrics.Metrics over the HTTP API of one server."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = PrometheusConnect(
            url=url.rstrip("/"), headers={"Accept-Encoding": "identity"}, retry=Retry(total=0), method="POST"
        )
        session = self._client._session
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(pool_maxsize=4, max_retries=Retry(total=0)))
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="prometheus")
        self._clock = clock
        self._failures = 0
        self._closed_until = 0.0
        self.error = ""  # of the last evaluation; "" = it could see

    async def measure(self, needs: Sequence[Need]) -> Values:
        """An answer for every need. Never raises."""
        if not needs:
            return {}
        values = await self._run(lambda: self._measure(tuple(needs)))
        return dict.fromkeys(needs, Value(None, self.error)) if values is None else values

    async def measure_at(self, needs: Sequence[Need], at: float) -> Values:
        """The same, as of that moment (Unix seconds). Never raises. bot.engine.works.History."""
        if not needs:
            return {}
        values = await self._run(lambda: self._measure(tuple(needs), at))
        return dict.fromkeys(needs, Value(None, self.error)) if values is None else values

    async def series(self, queries: Sequence[str]) -> tuple[Answer, ...]:
        """Every series of every query. Never raises. bot.engine.ports.metrics.Series."""
        if not queries:
            return ()
        answers = await self._run(lambda: self._series(tuple(queries)))
        return (Answer(error=self.error),) * len(queries) if answers is None else answers

    async def _run(self, ask: Callable[[], T]) -> T | None:
        """In a thread. None: the server as a whole could not answer, and `error` says why."""
        if self._clock() < self._closed_until:
            return None
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(DEADLINE):
                found = await loop.run_in_executor(self._pool, ask)
            self._failures, self.error = 0, ""
            return found
        except (requests.RequestException, TimeoutError) as error:
            self._failures += 1
            self.error = describe(error)
            if self._failures >= BREAK_AFTER:
                self._closed_until = self._clock() + BREAK_FOR
            return None

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._client._session.close()

    def _measure(self, needs: tuple[Need, ...], at: float | None = None) -> Values:
        """In a thread. Raises requests.RequestException where the server as a whole could not answer."""
        try:
            rows = self._ask(_joined([need.promql for need in needs]), at)
        except PrometheusApiClientException as error:
            if len(needs) == 1:
                return {needs[0]: Value(None, describe(error))}
            return {need: value for one in needs for need, value in self._alone(one, at).items()}
        found: dict[int, list[Any]] = {n: [] for n in range(len(needs))}
        for row in rows:
            found[int(row["metric"][MARK])].append(row["value"][1])
        return {need: _value(found[n]) for n, need in enumerate(needs)}

    def _series(self, queries: tuple[str, ...]) -> tuple[Answer, ...]:
        """In a thread, as `_measure`."""
        try:
            rows = self._ask(_joined(queries))
        except PrometheusApiClientException:
            return tuple(self._one_series(query) for query in queries)
        found: list[list[Reading]] = [[] for _ in queries]
        for row in rows:
            found[int(row["metric"][MARK])].append(_reading(row))
        return tuple(Answer(tuple(readings)) for readings in found)

    def _one_series(self, query: str) -> Answer:
        try:
            rows = self._ask(query)
        except PrometheusApiClientException as error:
            return Answer(error=describe(error))
        if rows and not isinstance(rows[0], dict):  # a scalar: [time, "value"]
            return Answer((Reading((), float(rows[1])),))
        return Answer(tuple(_reading(row) for row in rows))

    def _alone(self, need: Need, at: float | None) -> Values:
        try:
            rows = self._ask(need.promql, at)
        except PrometheusApiClientException as error:
            return {need: Value(None, describe(error))}
        if rows and not isinstance(rows[0], dict):  # a scalar: [time, "value"]
            return {need: _value([rows[1]])}
        return {need: _value([row["value"][1] for row in rows])}

    def _ask(self, promql: str, at: float | None = None) -> list[Any]:
        try:
            when = {} if at is None else {"time": f"{at:.3f}"}
            return list(self._client.custom_query(promql, params=when, timeout=TIMEOUT))
        except (KeyError, ValueError, TypeError) as error:
            # A proxy's page or a half answer is not an empty result.
            raise requests.RequestException(f"not an answer of Prometheus: {error!r}") from error


def _joined(queries: Sequence[str]) -> str:
    return " or ".join(f'label_replace(({query}), "{MARK}", "{n}", "", "")' for n, query in enumerate(queries))


def _reading(row: dict[str, Any]) -> Reading:
    labels = {name: value for name, value in row["metric"].items() if name not in ("__name__", MARK)}
    return Reading(labels_of(labels), float(row["value"][1]))


def _value(found: list[Any]) -> Value:
    if not found:
        return Value()
    if len(found) > 1:
        return Value(None, f"the query returns {len(found)} series; aggregate it to one")
    number = float(found[0])
    return Value(number) if math.isfinite(number) else Value()


def describe(error: BaseException) -> str:
    """One line a person can act on, without the library's nesting."""
    if isinstance(error, requests.ConnectTimeout | requests.ReadTimeout | TimeoutError):
        return "Prometheus did not answer in time"
    if isinstance(error, requests.ConnectionError):
        return "Prometheus cannot be reached"
    return str(error).replace("\n", " ")[:200]
