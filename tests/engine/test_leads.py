"""One replica acts for a service; another takes over when it stops, freezes or loses the store."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine import leads as module
from bot.engine.acting import FencedChat, acting, acting_epoch
from bot.engine.leads import LEASE, MARGIN, Leads, StoreClock
from bot.engine.ports.errors import Fenced, Retryable
from bot.engine.ports.rendered import Outgoing
from bot.rollout.intents import AddNote
from bot.store.memory import MemoryStore
from tests.engine.conftest import BOT, LIN, SERVICE, RecordingChat, Rig


class Hands:
    """A wall clock that tests move, and a store on it that can be away."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.store = MemoryStore(clock=lambda: self.now)

    def replica(self, name: str, skew: float = 0.0) -> Leads:
        self.events: list[str] = getattr(self, "events", [])
        clock = StoreClock(lambda: self.now + skew)
        return Leads(
            self.store,
            (SERVICE,),
            name,
            clock,
            gained=lambda s: self.events.append(f"{name} gained {s}"),
            lost=lambda s: self.events.append(f"{name} lost {s}"),
        )


@pytest.fixture
def hands() -> Hands:
    return Hands()


async def test_one_acts_and_the_other_waits(hands: Hands) -> None:
    first, second = hands.replica("a"), hands.replica("b")
    await first.round()
    await second.round()
    assert first.epoch(SERVICE) == 1
    assert second.epoch(SERVICE) is None
    assert first.epochs() == {SERVICE: 1} and second.epochs() == {}


async def test_a_lead_that_ran_out_is_taken_and_the_former_holder_learns_of_it(hands: Hands) -> None:
    first, second = hands.replica("a"), hands.replica("b")
    await first.round()
    hands.now += LEASE + 0.1
    assert first.epoch(SERVICE) is None  # by the clock alone, before it asks anybody
    await second.round()
    assert second.epoch(SERVICE) == 2
    await first.round()
    assert hands.events == ["a gained shop", "b gained shop", "a lost shop"]


async def test_it_stops_acting_before_another_may_begin(hands: Hands) -> None:
    first = hands.replica("a")
    await first.round()
    hands.now += LEASE - MARGIN
    assert first.epoch(SERVICE) is None


async def test_a_renewed_lead_keeps_its_epoch(hands: Hands) -> None:
    first = hands.replica("a")
    for _ in range(5):
        await first.round()
        hands.now += LEASE * 0.6
        assert first.epoch(SERVICE) == 1
    assert hands.events == ["a gained shop"]


async def test_a_lead_that_is_given_up_is_free_at_once(hands: Hands) -> None:
    first, second = hands.replica("a"), hands.replica("b")
    await first.round()
    await first.stop()
    await second.round()
    assert second.epoch(SERVICE) == 2
    assert first.epoch(SERVICE) is None


async def test_replicas_whose_clocks_differ_go_by_the_stores(hands: Hands) -> None:
    early, late = hands.replica("a", skew=-3600), hands.replica("b", skew=3600)
    await early.round()
    await late.round()
    assert early.epochs() == {SERVICE: 1} and late.epochs() == {}
    hands.now += LEASE + 0.1
    await late.round()
    assert early.epochs() == {} and late.epochs() == {SERVICE: 2}


async def test_the_clock_reads_as_the_stores(hands: Hands) -> None:
    clock = StoreClock(lambda: hands.now - 500)
    await clock.follow(hands.store)
    assert clock() == pytest.approx(hands.now)


async def test_an_answer_that_took_long_does_not_set_the_clock(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the time that a restart of the database took would be the error of every time that is written."""
    machine = [5000.0]
    clock = StoreClock(lambda: machine[0], lambda: machine[0])
    real = hands.store.now

    async def slow() -> float:
        told = await real()
        machine[0] += 3.0
        hands.now += 3.0
        return told

    await clock.follow(hands.store)
    assert clock() == pytest.approx(hands.now)
    monkeypatch.setattr(hands.store, "now", slow)
    await clock.follow(hands.store)
    assert clock() == pytest.approx(hands.now)
    for _ in range(10):
        await clock.follow(hands.store)
    assert clock() == pytest.approx(hands.now - 1.5), "a store that is always slow is followed all the same"


async def test_a_store_that_is_away_ends_the_lead(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY", 0.02)
    monkeypatch.setattr(module, "POKES", 0.01)
    first = hands.replica("a")
    await first.start()

    async def away(*_: object) -> None:
        raise Retryable("away")

    monkeypatch.setattr(hands.store, "lead", away)
    async with asyncio.timeout(60):
        while not first.failing:  # noqa: ASYNC110 the loop has no event of its own
            await asyncio.sleep(0.005)
    assert first.epoch(SERVICE) == 1  # what was granted is still good
    hands.now += LEASE
    async with asyncio.timeout(60):
        while "a lost shop" not in hands.events:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    monkeypatch.undo()
    await first.round()
    assert first.epochs() == {SERVICE: 1}  # nobody took it meanwhile
    await first.stop()


async def test_what_an_actor_writes_after_its_lead_passed_on_is_refused(rig: Rig) -> None:
    await rig.start()
    mine = await rig.store.lead(SERVICE, "a", 0.0)
    theirs = await rig.store.lead(SERVICE, "b", 10.0)
    assert mine and theirs and theirs.epoch == mine.epoch + 1
    before = (await rig.rollouts.state(SERVICE)).seq
    with acting(SERVICE, mine.epoch), pytest.raises(Fenced):
        await rig.rollouts.submit(SERVICE, AddNote(LIN, "from the grave"), "cause-1")
    assert (await rig.rollouts.state(SERVICE)).seq == before
    with acting(SERVICE, theirs.epoch):
        assert (await rig.rollouts.submit(SERVICE, AddNote(LIN, "alive"), "cause-2")).events
    assert (await rig.rollouts.submit(SERVICE, AddNote(LIN, "a person"), "cause-3")).events


async def test_acting_for_one_service_is_not_acting_for_another() -> None:
    with acting("shop", 3):
        assert acting_epoch("shop") == 3
        assert acting_epoch("desk") is None
    assert acting_epoch("shop") is None


async def test_an_actor_that_lost_its_lead_says_nothing_any_more() -> None:
    chat, standing = RecordingChat(), {3}
    fenced = FencedChat(chat, lambda _, epoch: epoch in standing)
    with acting(SERVICE, 3):
        _, ts = await fenced.post("k1", "releases", Outgoing("hello"))
        standing.clear()
        with pytest.raises(Fenced):
            await fenced.post("k2", "releases", Outgoing("a ghost"))
        with pytest.raises(Fenced):
            await fenced.update("C1", ts, Outgoing("a ghost"))
        with pytest.raises(Fenced):
            await fenced.whisper("C1", "U1", Outgoing("a ghost"))
        with pytest.raises(Fenced):
            await fenced.seed("C1", ts, ("x",))
    assert [m["text"] for m in chat.messages.values()] == ["hello"]
    assert chat.whispers == []
    await fenced.whisper("C1", "U1", Outgoing("an answer to a person needs no lead"))
    assert fenced.user_id == BOT and len(chat.whispers) == 1


@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(-5000, 5000)), max_size=30))
def test_a_clock_never_goes_back_and_goes_at_half_speed_at_least(steps: list[tuple[float, float]]) -> None:
    """steps: seconds that pass, and by how much the machine's clock is set in that time."""
    wall, passed = 1e9, 0.0
    clock = StoreClock(lambda: wall, lambda: passed)
    for seconds, leap in steps:
        before = clock()
        passed += seconds
        wall += seconds + leap
        assert clock() >= before + seconds / 2 - 1e-3
        assert clock() >= wall


def test_a_clock_that_was_set_back_is_right_again_in_the_end() -> None:
    wall, passed = 1e9, 0.0
    clock = StoreClock(lambda: wall, lambda: passed)
    clock()
    wall -= 3600
    for _ in range(7300):
        wall, passed = wall + 1, passed + 1
        clock()
    assert clock() == wall


async def test_what_the_store_says_sets_the_clock_back_too() -> None:
    """A machine whose clock leapt ahead must not take its own lead for lost until it has caught up."""
    wall = 1_000_000.0
    store = MemoryStore(clock=lambda: 1_000_000.0)
    clock = StoreClock(lambda: wall, lambda: 0.0)
    await clock.follow(store)
    wall += 3600
    assert clock() == 1_003_600.0
    await clock.follow(store)
    assert clock() == 1_000_000.0
