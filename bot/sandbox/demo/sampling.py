"""Samples what nginx really serves, over and over, to compare it with what was approved at that moment."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field

import aiohttp

from bot.fleet.nginx import parse_status
from bot.rollout.events import Event, RolloutStarted, StageApproved
from bot.rollout.plan import Host
from bot.sandbox.demo.plans import SERVICE

EVERY = 0.02  # seconds between looks


@dataclass(frozen=True, slots=True)
class Sample:
    began: float  # Unix seconds before the request, so never later than the moment it tells of
    host: str
    weight: float  # percent of everyone to the canary
    generation: int


@dataclass
class Sampler:
    hosts: tuple[Host, ...]
    samples: list[Sample] = field(default_factory=list)
    _task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Sampler:
        self._task = asyncio.create_task(self._run(), name="nginx sampler")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=1)) as session:
            while True:
                for host in self.hosts:
                    await self._look(session, host)
                await asyncio.sleep(EVERY)

    async def _look(self, session: aiohttp.ClientSession, host: Host) -> None:
        began = time.time()
        url = f"http://{host.status}/rollout/{SERVICE}"
        headers = {"Host": f"rollout-{SERVICE}", "Connection": "close"}
        try:
            async with session.get(url, headers=headers) as answer:
                text = await answer.text() if answer.status == 200 else ""
        except (aiohttp.ClientError, TimeoutError):
            return
        if not text:
            return
        serving, _ = parse_status(text)
        weight = {"stable": 0.0, "canary": 100.0}.get(serving.mode, serving.weight)
        self.samples.append(Sample(began, host.name, weight, serving.generation))


def above_approved(samples: list[Sample], events: list[Event]) -> list[tuple[Sample, float]]:
    """The samples that show more than the highest share approved by then, each with that share."""
    approved: list[tuple[float, float]] = [(0.0, 0.0)]
    weights: dict[str, float] = {}
    for event in events:
        if isinstance(event, RolloutStarted):
            weights = dict(event.stages)
        elif isinstance(event, StageApproved):
            approved.append((event.at, weights[event.stage]))
    return [(s, limit) for s in samples if s.weight > (limit := _at(approved, s.began)) + 1e-9]


def _at(approved: list[tuple[float, float]], when: float) -> float:
    return [weight for at, weight in approved if at <= when][-1]
