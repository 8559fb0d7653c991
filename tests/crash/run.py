"""One run of a play on a stand of its own, killed where it is armed, sampled throughout."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.demo.sampling import Sampler, above_approved
from tests.crash.cast import Cast, CrashStand
from tests.crash.ending import Summary, summary
from tests.crash.plays import PLAYS


@dataclass(frozen=True)
class Ran:
    """above: samples of nginx that show more than was approved by then. samples: how many there were."""

    end: Summary
    reached: frozenset[str]
    killed: tuple[str, ...]
    samples: int
    above: tuple[object, ...]


async def run(root: Path, play: str, arm: Iterable[str] = (), but: Iterable[str] = ()) -> Ran:
    act, change = PLAYS[play]
    stand = CrashStand(root, change)
    stand.ledger.arm(arm, but)
    async with stand, Sampler(stand.world.hosts) as sampler:
        cast = Cast(stand)
        try:
            await act(cast)
            look = await cast.look()
            return Ran(
                await summary(cast),
                stand.ledger.reached,
                stand.ledger.killed,
                len(sampler.samples),
                tuple(above_approved(sampler.samples, list(look.events))),
            )
        finally:
            await cast.close()
            await stand.play.close()
