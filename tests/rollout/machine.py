"""Anybody does anything at any time: the state machine over the model world."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bot.rollout import intents as it
from bot.rollout.intents import Reaction
from bot.rollout.model import Person
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
    FLIP,
    GOOD,
    HOSTS,
    INI,
    NAN,
    NO,
    PLAN,
    SHARE,
    SKEWED,
    STEPPED,
    WAVES,
    YES,
    Reading,
    plan,
    with_stage,
)
from tests.rollout.world import World

PLANS = (
    PLAN,
    with_stage(PLAN, "few", weight=15.0),
    with_stage(PLAN, "some", gates=PLAN.stages[0].gates[:1]),
    plan("without some", stages=tuple(s for s in PLAN.stages if s.name != "some")),
    replace(PLAN, promote="auto", source="auto"),
    FLIP,
    SHARE,
    WAVES,
    STEPPED,
    BOOKED,
)
READINGS = st.sampled_from(
    [
        GOOD,
        GOOD,
        GOOD,
        GOOD,
        SKEWED,
        BAD,
        FEW,
        EMPTY,
        BLIND,
        NAN,
        Reading(errors=12.0),
        AWFUL,
        Reading(failed=("users",)),
    ]
)
OPERATORS = st.sampled_from([ANN, ANN, BEN, INI, EVE, *EVERYBODY])
SECONDS = st.sampled_from([0.0, 1.0, 15.0, 15.0, 29.0, 60.0, 600.0, 5 * 3600.0])
REACTIONS = st.lists(
    st.builds(
        Reaction,
        st.sampled_from([ANN, BEN, ANN, BEN, *EVERYBODY]),
        st.sampled_from([YES, YES, YES, f"{YES}::skin-tone-3", NO, "eyes"]),
    ),
    max_size=4,
).map(tuple)


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @initialize(steps=st.integers(0, 60))
    def begin(self, steps: int) -> None:
        self.world.start()
        self.onward(steps)

    @rule(steps=st.integers(1, 14))
    def onward(self, steps: int) -> None:
        for _ in range(steps):
            self.world.onward()

    @rule(by=OPERATORS)
    def start(self, by: Person) -> None:
        self.world.start("2.0.0", by)

    @rule(reactions=REACTIONS, stale=st.sampled_from([0, 0, 0, 1, -1]))
    def react(self, reactions: tuple[Reaction, ...], stale: int) -> None:
        self.world.react(*reactions, stale=stale)

    @rule(by=OPERATORS, reason=st.sampled_from(["", "", " ", "we must"]))
    def promote(self, by: Person, reason: str) -> None:
        self.world.submit(it.Promote(by, reason))

    @rule(by=OPERATORS, gradual=st.booleans())
    def roll_back(self, by: Person, gradual: bool) -> None:
        self.world.submit(it.RollBack(by, "it smells", gradual))

    @rule(by=OPERATORS, back=st.booleans())
    def pause(self, by: Person, back: bool) -> None:
        self.world.submit(it.Resume(by) if back else it.Pause(by))

    @rule(by=OPERATORS)
    def retry(self, by: Person) -> None:
        self.world.submit(it.Retry(by))

    @rule(by=OPERATORS, choice=st.sampled_from(["adopt", "restore"]))
    def answer_drift(self, by: Person, choice: str) -> None:
        self.world.submit(it.AnswerDrift(by, choice))  # type: ignore[arg-type]

    @rule(by=OPERATORS)
    def note(self, by: Person) -> None:
        self.world.submit(it.AddNote(by, "hello"))

    @rule(reading=READINGS, seconds=SECONDS, times=st.integers(1, 6))
    def evaluate(self, reading: Reading, seconds: float, times: int) -> None:
        for _ in range(times):
            self.world.evaluate(reading, seconds)

    @rule(index=st.integers(0, 5), swapped=st.integers(0, 2), fails=st.sampled_from([False, False, True]))
    def perform(self, index: int, swapped: int, fails: bool) -> None:
        self.world.perform(index, swapped=swapped, fails=fails)

    @rule(generation=st.integers(-2, 1), ok=st.booleans())
    def stray_reports(self, generation: int, ok: bool) -> None:
        """From a worker that was thought dead: never of the order under way."""
        r = self.world.r
        if r is not None and generation:
            self.world.submit(it.ReportShift(r.generation + generation, ok, "done" if ok else "reverted"))
            self.world.submit(it.ReportRollback(r.generation + generation, HOSTS, ()))

    @rule(index=st.integers(0, 2), weight=st.sampled_from([0.0, 1.0, 30.0, 100.0]), newer=st.sampled_from([0, 0, 30]))
    def by_hand(self, index: int, weight: float, newer: int) -> None:
        host = self.world.hosts[index]
        if host.generation:
            host.weight, host.by_hand, host.generation = weight, True, host.generation + newer

    @rule(index=st.integers(0, 2))
    def a_host_comes_or_goes(self, index: int) -> None:
        self.world.hosts[index].answers = not self.world.hosts[index].answers

    @rule()
    def patrol(self) -> None:
        self.world.read_fleet()

    @rule(seconds=SECONDS)
    def tick(self, seconds: float) -> None:
        self.world.tick(seconds)

    @rule(index=st.integers(0, len(PLANS) - 1), noticed=st.booleans())
    def another_plan(self, index: int, noticed: bool) -> None:
        self.world.plan = PLANS[index]
        if noticed:
            self.world.tick()

    @invariant()
    def rules_hold(self) -> None:
        self.world.invariants()

    def teardown(self) -> None:
        self.world.replayed()
        self.world.finishes()
        self.world.goes_back()
