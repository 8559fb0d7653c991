"""Seeded random walks through the model world: cheaper and deeper than the state machine, but without shrinking."""

from __future__ import annotations

import random
from collections.abc import Callable

from bot.rollout import effects as fx
from bot.rollout import intents as it
from bot.rollout.intents import Reaction
from bot.rollout.model import Status
from tests.rollout.book import BOOKED
from tests.rollout.kit import (
    ANN,
    AWFUL,
    BAD,
    BEN,
    BLIND,
    EMPTY,
    EVE,
    EVERYBODY,
    FEW,
    GOOD,
    INI,
    NAN,
    NO,
    SKEWED,
    STEPPED,
    YES,
    Reading,
)
from tests.rollout.machine import PLANS
from tests.rollout.world import World

Act = Callable[[World, random.Random], None]
TEAM = (ANN, BEN, INI)
STEPS = 80


def onward(world: World, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 6)):
        world.onward()


def react(world: World, rng: random.Random) -> None:
    people = [rng.choice((*TEAM, *EVERYBODY)) for _ in range(rng.randint(1, 4))]
    world.react(*(Reaction(p, rng.choice((YES, YES, YES, YES, NO, "eyes"))) for p in people))


def evaluate(world: World, rng: random.Random) -> None:
    """A whole bake and more of one kind of reading, then often another: what must not have counted shows then."""
    reading = rng.choice((GOOD, BAD, SKEWED, FEW, EMPTY, BLIND, NAN, Reading(users=None), Reading(samples=50.0)))
    for _ in range(rng.randint(1, 9)):
        world.evaluate(reading, rng.choice((15.0, 15.0, 15.0, 1.0, 300.0)))
    if rng.random() < 0.5:
        world.evaluate(rng.choice((GOOD, GOOD, BLIND, EMPTY)))


def disaster(world: World, rng: random.Random) -> None:
    world.evaluate(AWFUL)


def astray(world: World, rng: random.Random) -> None:
    for _ in range(rng.randint(2, 6)):
        world.evaluate(SKEWED)


def pause(world: World, rng: random.Random) -> None:
    world.submit(it.Pause(rng.choice(TEAM), "lunch"))
    for _ in range(rng.randint(0, 6)):
        world.evaluate(GOOD)
    if rng.random() < 0.7:
        world.submit(it.Resume(rng.choice(TEAM)))


def operate(world: World, rng: random.Random) -> None:
    who = rng.choice((*TEAM, EVE))
    world.submit(rng.choice((it.Promote(who), it.Promote(who, "we must"), it.Retry(who), it.AddNote(who, "hello"))))


def book(world: World, rng: random.Random) -> None:
    """What people do about the work, and after the end, by somebody who may or may not."""
    who = rng.choice((*TEAM, EVE))
    held = world.r.hold_detail.split(", ") if world.r and world.r.hold_detail else ["disk"]
    names = ("", rng.choice(held), rng.choice(held), "nothing")
    report = next((r for r in (world.r, *world.state.closing) if r and r.report), None)
    reactions = tuple(Reaction(p, YES) for p in rng.choice((TEAM, (ANN,), (EVE, BEN), ())))
    acts: list[it.Intent] = [
        it.Override(who, rng.choice(names), rng.choice(("known", ""))),
        it.TickItem(who, rng.choice(("logs", "alarm", "coffee")), rng.random() < 0.8),
        it.AddFollowUp(who, "mend it", "UBEN", "1970-01-12", "P1"),
        it.CloseFollowUp(who, "F1"),
    ]
    if report and report.report:
        acts.append(it.ReportSignatures(report.id, report.report.edition, reactions, who))
    for act in rng.sample(acts, 2):
        world.submit(act)
    works = [n for n, e in enumerate(world.waiting) if isinstance(e, fx.DoWork)]
    if works:
        world.perform(works[0], fails=True)
    if world.r and world.r.work and world.r.status is Status.HELD:
        world.submit(it.Override(who, rng.choice(held), "known"))
    if rng.random() < 0.2:
        world.tick(2 * 3600.0)


def booked(world: World, rng: random.Random) -> None:
    """Another rollout with everything around it, well on its way, and sometimes to its end."""
    if world.state.active is None:
        world.plan = BOOKED
        world.start()
        for _ in range(rng.choice((5, 20, 60, 150))):
            if any(isinstance(e, fx.DoWork) for e in world.waiting) and rng.random() < 0.15:
                world.perform(0, fails=True)
            else:
                world.onward()


def back_while_working(world: World, rng: random.Random) -> None:
    """Traffic goes back before a step has said what it came to."""
    if any(isinstance(e, fx.DoWork) for e in world.waiting):
        world.submit(it.RollBack(EVE, "it smells"))
        orders = [n for n, e in enumerate(world.waiting) if isinstance(e, fx.RestoreTraffic)]
        if orders:
            world.perform(orders[0])


def answer(world: World, rng: random.Random) -> None:
    world.submit(it.AnswerDrift(ANN, rng.choice(("adopt", "restore"))))  # type: ignore[arg-type]


def roll_back(world: World, rng: random.Random) -> None:
    world.submit(it.RollBack(rng.choice(EVERYBODY), "it smells"))


def step_down(world: World, rng: random.Random) -> None:
    """Under any plan: only one has steps. Then what comes of it, for a while."""
    if rng.random() < 0.5:
        world.plan = STEPPED
    world.submit(it.RollBack(rng.choice(TEAM), "slowly", gradual=True))
    for _ in range(rng.randint(0, 8)):
        world.onward()


def start(world: World, rng: random.Random) -> None:
    world.start("2.0.0", rng.choice((*TEAM, EVE)))


def perform(world: World, rng: random.Random) -> None:
    world.perform(rng.randrange(6), swapped=rng.randrange(3), fails=rng.random() < 0.5)


def by_hand(world: World, rng: random.Random) -> None:
    host = rng.choice(world.hosts)
    if host.generation:
        host.weight, host.by_hand = rng.choice((0.0, 1.0, 30.0, 100.0)), True
        host.generation += rng.choice((0, 0, 30))
    world.read_fleet()


def silence(world: World, rng: random.Random) -> None:
    host = rng.choice(world.hosts)
    host.answers = not host.answers


def time(world: World, rng: random.Random) -> None:
    world.tick(rng.choice((0.0, 15.0, 600.0, 5 * 3600.0)))


def another_plan(world: World, rng: random.Random) -> None:
    world.plan = rng.choice(PLANS)
    if rng.random() < 0.7:
        world.tick()


WEIGHTS: dict[Act, int] = {
    onward: 40,
    react: 12,
    evaluate: 16,
    astray: 4,
    disaster: 1,
    pause: 5,
    operate: 8,
    answer: 4,
    roll_back: 1,
    step_down: 2,
    start: 3,
    perform: 8,
    by_hand: 5,
    silence: 2,
    time: 4,
    another_plan: 3,
}
BOOKED_WEIGHTS: dict[Act, int] = {
    **WEIGHTS,
    onward: 80,
    another_plan: 0,
    by_hand: 1,
    silence: 1,
    step_down: 0,
    book: 20,
    booked: 16,
    back_while_working: 3,
}


def walk(seed: int, steps: int = STEPS) -> World:
    """The world after a walk; raises Broken where a rule was broken on the way."""
    rng, world = random.Random(seed), World()
    with_book = seed % 3 == 0
    world.plan = BOOKED if with_book else PLANS[seed // 3 % len(PLANS)]  # each in its turn
    world.start()
    if not with_book and rng.random() < 0.2:
        roll_back(world, rng)  # before anything was shifted
    weights = BOOKED_WEIGHTS if with_book else WEIGHTS
    for act in rng.choices(list(weights), list(weights.values()), k=steps):
        act(world, rng)
        world.invariants()
    world.replayed()
    return world
