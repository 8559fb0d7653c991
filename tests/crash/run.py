"""Plays run to their end: undisturbed, or killed where it is armed; nginx sampled throughout."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.crash.ledger import ALL, Instants, names_of
from bot.sandbox.demo.sampling import Sampler, above_approved
from tests.crash import alarm
from tests.crash.cast import Cast, CrashStand
from tests.crash.ending import Summary, summary
from tests.crash.plays import PLAYS

ROUNDS = 10  # runs of one play until every point is used up; what comes twice in a run needs no second one


@dataclass(frozen=True)
class Ran:
    """died: the signals that ended the lives of the bot.

    above: samples of nginx that show more than was approved by then; samples: how many were taken.
    again: letters that came although they had come before.
    """

    play: str
    end: Summary
    reached: Instants
    killed: Instants
    died: tuple[int, ...]
    samples: int
    above: tuple[object, ...]
    again: int


NewDatabase = Callable[[], str]  # the URL of an empty one; "" = a file of the stand's
Plays = Mapping[str, frozenset[str]]  # the points that each came by, undisturbed


async def run(
    root: Path, play: str, new_database: NewDatabase, arm: Iterable[str] = (), but: Iterable[str] = ()
) -> Ran:
    act, change = PLAYS[play]
    stand = CrashStand(root, change, new_database())
    stand.ledger.arm(arm, but)
    async with stand, Sampler(stand.world.hosts) as sampler:
        cast = Cast(stand)
        try:
            await act(cast)
            end = await summary(cast)
            look = await cast.look()
        finally:
            await cast.close()
            await stand.play.close()
        await stand.stop_bot()  # which is not without points either
        ledger = stand.ledger
        again = alarm.again(look.alerts, stand.inbox)
        above = tuple(above_approved(sampler.samples, list(look.events)))
        return Ran(play, end, ledger.reached, ledger.killed, ledger.died, len(sampler.samples), above, again)


async def undisturbed(root: Path, new_database: NewDatabase) -> dict[str, Ran]:
    """Each play once, beside each other."""
    async with asyncio.TaskGroup() as group:
        tasks = {play: group.create_task(run(root / play, play, new_database), name=play) for play in PLAYS}
    return {play: task.result() for play, task in tasks.items()}


def points_of(references: dict[str, Ran]) -> Plays:
    return {play: names_of(ran.reached) for play, ran in references.items()}


def shared_out(references: dict[str, Ran]) -> dict[str, frozenset[str]]:
    """The points at which each play is to be killed.

    What several come by is dealt out, but for what belongs to a shift: that is the first play's, since in others a
    host hangs, and every kill there costs another wait for it.
    """
    reached = points_of(references)
    shares: dict[str, set[str]] = {play: set() for play in references}
    taken: set[str] = set()
    for play, ran in references.items():
        for turn, instant in enumerate(ran.reached):
            names = set(instant) - taken
            heavy = any(name.startswith("host.") or "Shift" in name for name in names)
            able = [p for p in shares if p == play or (names <= reached[p] and not heavy)]
            shares[able[turn % len(able)]].update(names)
            taken |= names
    return {play: frozenset(mine) for play, mine in shares.items()}


async def disturbed(
    root: Path, play: str, new_database: NewDatabase, points: frozenset[str], others: frozenset[str], plays: Plays
) -> list[Ran]:
    """The play, killed at everything it comes by but the others' points; again, while some of its own points are left.

    plays: the points that each play came by undisturbed. What is left goes to the plays in turn: a kill changes what
    comes next, so that a point may not come again in the same run, and one that needs an effect to last long (the
    renewal of its lease) comes in one play by the machine's load and in another for certain.
    """
    rans = [await run(root / "1", play, new_database, [ALL], others)]
    while (left := points.difference(*(names_of(ran.killed) for ran in rans))) and len(rans) < ROUNDS:
        able = [other for other in turn_from(play, tuple(plays)) if left & plays[other]]
        rans.append(await run(root / f"{len(rans) + 1}", able[len(rans) % len(able)], new_database, left))
    return rans


def turn_from(play: str, plays: tuple[str, ...]) -> tuple[str, ...]:
    at = plays.index(play)
    return plays[at:] + plays[:at]
