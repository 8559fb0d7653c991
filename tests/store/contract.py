"""What every store has to do. A subclass brings the fixture `store`."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

import pytest

from bot.engine.ports.errors import Conflict, Fenced
from bot.engine.ports.records import Commit, Committed, MessageRef, Stored
from bot.engine.ports.store import Store
from bot.rollout.effects import RestoreTraffic, ShiftTraffic, ShowCard
from bot.rollout.events import Event, ShiftDone
from bot.store.shapes import CodecError
from tests.store.samples import (
    DAY,
    NOW,
    board,
    card,
    knows,
    measurement,
    note,
    put,
    read,
    restore,
    rollout,
    shift,
    state,
    take,
    take_one,
)

R1 = f"ROLLOUT-{DAY}-1"


class LogContract:
    async def test_an_empty_store_has_nothing(self, store: Store) -> None:
        assert await store.load("shop") == Stored(None, ())
        assert await store.streams() == await store.events("shop") == await store.pending() == ()
        assert await store.claim("w", NOW, 30, 10) == await store.rollouts() == await store.measurements(R1) == ()
        assert await store.next_due() is await store.board(R1, "1%") is await store.rollout(R1) is None
        assert await store.message("k") is await store.message_at("C1", "1.1") is None
        assert await store.next_rollout_number(DAY) == 1
        assert await store.prune(NOW) == await store.resign("w") == 0
        assert await store.leads() == ()
        assert not await knows(store, "c")

    async def test_events_are_numbered_from_one_and_read_back_in_order(self, store: Store) -> None:
        assert await store.commit(Commit("shop", 0, NOW, events=(note("a"), note("b")))) == Committed()
        await store.commit(Commit("shop", 2, NOW, events=(note("c"),)))
        await store.commit(Commit("mail", 0, NOW, events=(note("other"),)))
        everything = ((1, note("a")), (2, note("b")), (3, note("c")))
        assert await store.events("shop") == everything
        assert await store.events("shop", after=1) == everything[1:]
        assert await store.events("shop", after=3) == await store.events("shop", after=99) == ()
        assert await store.load("shop") == Stored(None, everything)
        assert await store.streams() == ("mail", "shop")

    async def test_a_commit_without_events_makes_no_stream(self, store: Store) -> None:
        await store.commit(Commit("shop", 0, NOW, "c"))
        assert await store.streams() == ()
        assert await knows(store, "c")

    @pytest.mark.parametrize("expected", [0, 2])
    async def test_a_conflict_leaves_nothing(self, store: Store, expected: int) -> None:
        await store.commit(Commit("shop", 0, NOW, events=(note(),), effects=(shift(1),)))
        claimed = await take_one(store)
        with pytest.raises(Conflict):
            await store.commit(full_commit(expected, finish=(claimed.id,)))
        await self._assert_nothing_new(store)
        assert [c.id for c in await store.pending()] == [claimed.id]
        assert await store.finish(claimed.id, "w")

    async def test_a_rollout_of_another_stream_conflicts_and_leaves_nothing(self, store: Store) -> None:
        await store.commit(Commit("mail", 0, NOW, rollout=rollout(1, "mail")))
        await store.commit(Commit("shop", 0, NOW, events=(note(),)))
        with pytest.raises(Conflict, match=R1):
            await store.commit(full_commit(1))
        assert await store.rollout(R1) == rollout(1, "mail")
        assert await store.events("shop") == ((1, note()),)
        assert not await knows(store, "full")
        assert await store.board(R1, "1%") is None
        assert await store.pending() == await store.measurements(R1) == ()

    async def test_what_cannot_be_written_leaves_nothing(self, store: Store) -> None:
        await store.commit(Commit("shop", 0, NOW, events=(note(),)))
        wrong: Event = ShiftDone("1%", 1, 7, 1.0, NOW)  # type: ignore[arg-type]
        with pytest.raises(CodecError, match=r"ShiftDone\.hosts"):
            await store.commit(replace(full_commit(1), events=(note(), wrong)))
        await self._assert_nothing_new(store)
        assert await store.pending() == ()

    async def _assert_nothing_new(self, store: Store) -> None:
        assert await store.load("shop") == Stored(None, ((1, note()),))
        assert not await knows(store, "full")
        assert await store.board(R1, "1%") is await store.rollout(R1) is None
        assert await store.measurements(R1) == ()
        assert not [c for c in await store.pending() if c.key != "shift:R:1"]

    async def test_a_known_cause_writes_nothing_whatever_was_expected(self, store: Store) -> None:
        await store.commit(Commit("shop", 0, NOW, "full", events=(note(),)))
        for stream, expected in (("shop", 1), ("shop", 0), ("mail", 0)):
            commit = replace(full_commit(expected), stream=stream)
            assert await store.commit(commit) == Committed(duplicate=True)
        assert await store.load("shop") == Stored(None, ((1, note()),))
        assert await store.load("mail") == Stored(None, ())
        assert await store.pending() == await store.measurements(R1) == await store.rollouts() == ()

    async def test_a_known_cause_still_finishes_its_effect(self, store: Store) -> None:
        await store.commit(Commit("shop", 0, NOW, "c", effects=(shift(1),)))
        claimed = await take_one(store)
        assert (await store.commit(Commit("shop", 7, NOW, "c", finish=(claimed.id,)))).duplicate
        assert await store.pending() == ()
        assert not await store.finish(claimed.id, "w")

    async def test_no_cause_is_never_a_duplicate(self, store: Store) -> None:
        for _ in range(2):
            assert not (await store.commit(Commit("shop", 0, NOW, measurements=(measurement(NOW),)))).duplicate
        assert len(await store.measurements(R1)) == 2

    async def test_load_gives_the_newest_snapshot_and_what_follows(self, store: Store) -> None:
        await store.commit(Commit("shop", 0, NOW, events=(note("a"), note("b")), snapshot=state(2)))
        await store.commit(Commit("shop", 2, NOW, events=(note("c"),)))
        assert await store.load("shop") == Stored(state(2), ((3, note("c")),))
        await store.commit(Commit("shop", 3, NOW, events=(note("d"),), snapshot=state(4)))
        assert await store.load("shop") == Stored(state(4), ())
        await store.commit(Commit("shop", 4, NOW, snapshot=state(3)))
        assert await store.load("shop") == Stored(state(4), ())
        assert len(await store.events("shop")) == 4

    async def test_a_snapshot_may_come_after_its_commit_and_the_newest_stays(self, store: Store) -> None:
        await store.commit(Commit("shop", 0, NOW, events=(note("a"), note("b"), note("c"))))
        await store.put_snapshot("shop", state(2))
        await store.put_snapshot("shop", state(1))
        assert await store.load("shop") == Stored(state(2), ((3, note("c")),))
        with pytest.raises(ValueError, match="a snapshot of seq 4, but the stream ends at 3"):
            await store.put_snapshot("shop", state(4))
        assert await store.load("shop") == Stored(state(2), ((3, note("c")),))

    async def test_a_snapshot_of_the_future_is_a_mistake(self, store: Store) -> None:
        with pytest.raises(ValueError, match="seq 2"):
            await store.commit(Commit("shop", 0, NOW, events=(note(),), snapshot=state(2)))
        assert await store.load("shop") == Stored(None, ())

    async def test_of_50_at_once_exactly_one_takes_each_seq(self, store: Store) -> None:
        async def append(name: int) -> int:
            tries = 0
            while True:
                tries += 1
                seq = len(await store.events("shop"))
                commit = Commit("shop", seq, NOW, f"c{name}", (note(str(name)),), (read(str(name)),))
                try:
                    await store.commit(commit)
                    return tries
                except Conflict:
                    continue

        tries = await asyncio.gather(*(append(name) for name in range(50)))
        log = await store.events("shop")
        assert [seq for seq, _ in log] == list(range(1, 51))
        assert {event.text for _, event in log} == {str(n) for n in range(50)}  # type: ignore[union-attr]
        assert len(await store.pending()) == 50
        assert max(tries) > 1, "they did not meet"

    async def test_of_50_with_one_cause_exactly_one_is_written(self, store: Store) -> None:
        commits = (store.commit(Commit("shop", 0, NOW, "same", measurements=(measurement(n),))) for n in range(50))
        done = await asyncio.gather(*commits)
        assert [d.duplicate for d in done].count(False) == 1
        assert len(await store.measurements(R1)) == 1


class OutboxContract:
    async def test_a_key_is_added_once_whatever_became_of_it(self, store: Store) -> None:
        async def only(expected: int) -> None:
            await put(store, read("a"), read("a"))
            assert len(await store.pending()) == expected

        await only(1)
        claimed = await take_one(store)
        await only(1)
        await store.finish(claimed.id, "w")
        await only(0)
        await put(store, read("b"))
        await store.fail((await take_one(store)).id, "w", "no")
        await put(store, read("b"))
        assert await store.pending() == ()

    async def test_coalescing_leaves_one_waiting_at_the_earlier_time(self, store: Store) -> None:
        await put(store, card(due_at=NOW + 5))
        (first,) = await store.pending()
        await put(store, card(due_at=NOW + 3), card(due_at=NOW + 9))
        assert await store.pending() == (first,)
        assert await store.next_due() == NOW + 3

    async def test_coalescing_beside_a_claimed_one_adds_one_that_waits_for_it(self, store: Store) -> None:
        await put(store, card())
        first = await take_one(store)
        await put(store, card(), card())
        assert len(await store.pending()) == 2
        assert await take(store) == []
        await store.finish(first.id, "w")
        second = await take_one(store)
        assert (second.key, second.id > first.id, second.attempts) == (first.key, True, 0)

    async def test_coalescing_after_a_done_or_failed_one_adds_one(self, store: Store) -> None:
        for settle in (store.finish, lambda id, owner: store.fail(id, owner, "no")):
            await put(store, card())
            assert await settle((await take_one(store)).id, "w")
            assert await store.pending() == ()
        await put(store, card())
        assert len(await store.pending()) == 1

    async def test_retrying_one_whose_newer_twin_waits_leaves_the_newer(self, store: Store) -> None:
        await put(store, card())
        first = await take_one(store)
        await put(store, card())
        assert await store.retry(first.id, "w", NOW + 20, "429")
        (left,) = await store.pending()
        assert left.id > first.id
        assert await store.next_due() == NOW + 20
        assert (await take_one(store, NOW + 20)).attempts == 1

    async def test_claims_come_by_priority_then_id_and_only_when_due(self, store: Store) -> None:
        await put(
            store, card("A", "a"), read("1"), read("later", due_at=NOW + 0.5), shift(1), read("2"), restore(1, "x")
        )
        claimed = await store.claim("w", NOW, 30, 100)
        assert [c.key for c in claimed] == ["rollback:R:1", "shift:R:1", "read:R:1", "read:R:2", "card:A"]
        assert {c.lease_until for c in claimed} == {NOW + 30}
        assert {(c.attempts, c.stream) for c in claimed} == {(0, "shop")}
        assert [e.key for e in await take(store, NOW + 0.5)] == ["read:R:later"]

    async def test_a_claim_takes_no_more_than_its_limit_and_only_its_kinds(self, store: Store) -> None:
        await put(store, read("1"), read("2"), read("3"), shift(1))
        assert await store.claim("w", NOW, 30, 10, kinds=()) == ()
        assert await store.claim("w", NOW, 30, 0) == ()
        found = await store.claim("w", NOW, 30, 2, kinds=("ReadFleet", "ShowCard"))
        assert [c.key for c in found] == ["read:R:1", "read:R:2"]
        assert [e.key for e in await take(store)] == ["shift:R:1", "read:R:3"]

    async def test_a_kind_whose_room_is_full_is_passed_over_and_holds_up_nothing(self, store: Store) -> None:
        await put(store, read("1", "x"), read("2", "y"), card("A", "y"), card("B", "z"), restore(1, "x"))
        rooms = ((("ReadFleet", "ShiftTraffic"), 0), (("ShowCard",), 1), (("RestoreTraffic",), 5))
        found = await store.claim("w", NOW, 30, 10, rooms=rooms)
        assert [c.key for c in found] == ["rollback:R:1", "card:A"]
        assert await store.claim("w", NOW, 30, 10, rooms=((("ReadFleet",), 1), (("ShowCard",), 0))) == ()
        assert [c.key for c in await store.claim("w", NOW, 30, 10, rooms=((("ReadFleet",), 1),))] == ["card:B"]

    async def test_a_lane_is_claimed_one_at_a_time(self, store: Store) -> None:
        await put(store, read("1", "thread"), read("2", "thread"), shift(9, "thread"), read("3", "other"))
        first = await store.claim("w", NOW, 30, 10)
        assert [c.key for c in first] == ["shift:R:9", "read:R:3"]
        assert await take(store, owner="v") == []
        await store.finish(first[0].id, "w")
        assert [e.key for e in await take(store)] == ["read:R:1"]

    async def test_a_rollback_is_never_held_up_but_holds_up_its_lane(self, store: Store) -> None:
        await put(store, shift(1))
        running = await take_one(store)
        await put(store, shift(2), restore(3), restore(4))
        both = await store.claim("w", NOW, 30, 10)
        assert [c.effect for c in both] == [RestoreTraffic("R", 3), RestoreTraffic("R", 4)]
        await store.finish(running.id, "w")
        assert await take(store) == []
        for claimed in both:
            await store.finish(claimed.id, "w")
        assert await take(store) == [ShiftTraffic("R", "1%", 2)]

    async def test_a_lease_that_ran_out_is_claimed_again(self, store: Store) -> None:
        await put(store, shift(1), shift(2))
        first = await take_one(store, owner="dead", lease=30)
        assert await take(store, NOW + 29.9, "new") == []
        again = await take_one(store, NOW + 30, "new")
        assert again == replace(first, attempts=1, lease_until=NOW + 60, owner="new")
        assert await take(store, NOW + 31, "third") == []

    async def test_only_the_owner_of_a_claim_settles_it(self, store: Store) -> None:
        await put(store, shift(1))
        await take_one(store, owner="dead")
        id = (await take_one(store, NOW + 30, "new")).id
        for other in ("dead", ""):
            assert not await store.renew(id, other, NOW + 99)
            assert not await store.finish(id, other)
            assert not await store.retry(id, other, NOW, "late")
            assert not await store.fail(id, other, "late")
        assert await store.renew(id, "new", NOW + 100)
        assert await take(store, NOW + 99) == []
        assert await store.finish(id, "new")
        for settled in (store.finish(id, "new"), store.renew(id, "new", NOW), store.fail(id, "new", "")):
            assert not await settled
        assert not await store.finish(id + 100, "new")

    async def test_a_lease_that_ran_out_unnoticed_can_be_renewed(self, store: Store) -> None:
        await put(store, shift(1))
        claimed = await take_one(store)
        assert await store.renew(claimed.id, "w", NOW + 1000)
        assert await take(store, NOW + 999) == []

    async def test_retry_waits_and_counts(self, store: Store) -> None:
        await put(store, shift(1))
        for attempt in range(3):
            claimed = await take_one(store, NOW + attempt)
            assert claimed.attempts == attempt
            assert await store.retry(claimed.id, "w", NOW + attempt + 1, "down")
            assert not await store.finish(claimed.id, "w")
            assert await take(store, NOW + attempt + 0.9) == []

    async def test_what_waits_for_a_retry_does_not_hold_up_its_lane(self, store: Store) -> None:
        await put(store, shift(1), shift(2))
        await store.retry((await take_one(store)).id, "w", NOW + 60, "down")
        assert await take(store) == [ShiftTraffic("R", "1%", 2)]

    async def test_a_failed_one_is_kept_for_people(self, store: Store) -> None:
        await put(store, read("1"), read("2"))
        for claimed in await store.claim("w", NOW, 30, 10):
            assert await store.fail(claimed.id, "w", f"no {claimed.key}")
        assert await store.pending() == ()
        assert await store.next_due() is None
        failed = await store.failed()  # type: ignore[attr-defined]
        assert [(c.key, error) for c, error in failed] == [("read:R:2", "no read:R:2"), ("read:R:1", "no read:R:1")]

    async def test_an_outcome_finishes_its_effect_in_the_same_commit(self, store: Store) -> None:
        await put(store, shift(1))
        claimed = await take_one(store)
        await store.commit(Commit("shop", 0, NOW, "outcome", (note(),), (shift(2),), finish=(claimed.id,)))
        assert [c.key for c in await store.pending()] == ["shift:R:2"]
        assert not await store.retry(claimed.id, "w", NOW, "late")
        await store.commit(Commit("shop", 1, NOW, finish=(12345,)))

    async def test_outcomes_reported_together_finish_their_effects_together(self, store: Store) -> None:
        await put(store, shift(1), read("a"), read("b"), read("c"))
        claimed = await store.claim("w", NOW, 10, 10)
        done = tuple(c.id for c in claimed[:3])
        with pytest.raises(Conflict):
            await store.commit(Commit("shop", 5, NOW, events=(note(),), finish=done))
        assert len(await store.pending()) == 4
        await store.commit(Commit("shop", 0, NOW, events=(note(),), finish=(*done, 12345)))
        assert [c.id for c in await store.pending()] == [claimed[3].id]
        assert not await store.finish(done[0], "w")
        assert await store.finish(claimed[3].id, "w")

    async def test_an_outcome_may_add_the_key_it_finishes(self, store: Store) -> None:
        await put(store, card())
        claimed = await take_one(store)
        await store.commit(Commit("shop", 0, NOW, effects=(card(),), finish=(claimed.id,)))
        assert await take(store) == [ShowCard("R")]

    async def test_next_due_is_when_something_can_be_claimed(self, store: Store) -> None:
        await put(store, read("1", due_at=NOW + 50))
        assert await store.next_due() == NOW + 50
        await put(store, shift(1, due_at=NOW - 5), shift(2, due_at=NOW - 5))
        assert await store.next_due() == NOW - 5
        await take_one(store, lease=30)
        assert await store.next_due() == NOW + 30, "its lane is held up until then"
        assert await take(store, NOW + 29) == []
        await put(store, restore(3, due_at=NOW + 10))
        assert await store.next_due() == NOW + 10

    async def test_pending_shows_all_that_is_open(self, store: Store) -> None:
        await put(store, read("1", due_at=NOW + 5), shift(1))
        claimed = await take_one(store)
        waiting = (await store.pending())[1]
        assert await store.pending() == (claimed, waiting)
        assert (waiting.key, waiting.attempts, waiting.lease_until) == ("read:R:1", 0, 0.0)

    async def test_of_50_claiming_at_once_no_two_get_the_same(self, store: Store) -> None:
        await put(store, *(read(str(n), f"lane{n % 20}") for n in range(60)))

        async def work(owner: str) -> list[str]:
            mine = []
            while claimed := await store.claim(owner, NOW, 30, 3):
                lanes = [c.lane for c in claimed]
                assert len(set(lanes)) == len(lanes)
                for c in claimed:
                    assert c.lane not in held
                    held.add(c.lane)
                await asyncio.sleep(0)
                for c in claimed:
                    held.remove(c.lane)
                    assert await store.finish(c.id, owner)
                mine += [c.key for c in claimed]
            return mine

        held: set[str] = set()
        done = [key for keys in await asyncio.gather(*(work(f"w{n}") for n in range(50))) for key in keys]
        # A worker that found every lane held has gone; what it left is still there to be claimed.
        while more := await work("last"):
            done += more
        assert sorted(done) == sorted(f"read:R:{n}" for n in range(60))


class BesideContract:
    async def test_a_board_is_replaced(self, store: Store) -> None:
        await store.commit(Commit("shop", 0, NOW, board=board(1.0)))
        await store.commit(Commit("shop", 0, NOW, board=board(0.0, "10%")))
        await store.commit(Commit("shop", 0, NOW, board=board(2.0)))
        assert await store.board(R1, "1%") == board(2.0)
        assert await store.board(R1, "10%") == board(0.0, "10%")
        assert await store.board("ROLLOUT-x", "1%") is None

    async def test_measurements_come_by_time(self, store: Store) -> None:
        late, early, other = measurement(NOW + 2), measurement(NOW, value=None), measurement(NOW + 1, "10%")
        same = measurement(NOW + 2, value=9.0)
        await store.commit(Commit("shop", 0, NOW, measurements=(late, early)))
        await store.commit(Commit("shop", 0, NOW, measurements=(other, same, measurement(NOW, n=2))))
        assert await store.measurements(R1) == (early, other, late, same)
        assert await store.measurements(R1, "1%") == (early, late, same)
        assert await store.measurements(R1, "50%") == ()

    async def test_nan_is_no_value_and_infinity_is_one(self, store: Store) -> None:
        nan, huge = measurement(NOW, value=math.nan), measurement(NOW, value=math.inf)
        await store.commit(Commit("shop", 0, NOW, measurements=(nan, huge)))
        assert [m.value for m in await store.measurements(R1)] == [None, math.inf]

    async def test_prune_drops_old_measurements_and_causes_and_nothing_else(self, store: Store) -> None:
        old = Commit("shop", 0, NOW - 10, "old", (note(),), (read("1"), card()), board(), rollout=rollout(1))
        await store.commit(replace(old, measurements=(measurement(NOW - 10), measurement(NOW))))
        for claimed in await store.claim("w", NOW, 30, 10):
            await store.finish(claimed.id, "w")
        await store.commit(Commit("shop", 1, NOW, "new"))
        assert await store.prune(NOW) == 2
        assert await store.prune(NOW) == 0
        assert await store.measurements(R1) == (measurement(NOW),)
        assert (await knows(store, "old"), await knows(store, "new")) == (False, True)
        assert await store.events("shop") == ((1, note()),)
        assert (await store.board(R1, "1%"), await store.rollout(R1)) == (board(), rollout(1))
        await put(store, read("1"))
        assert await store.pending() == (), "the key of a done effect is remembered"

    async def test_rollouts_come_newest_first(self, store: Store) -> None:
        rows = [rollout(1), rollout(2, "mail", NOW + 5), rollout(3, "shop", NOW + 3), rollout(4, "shop", NOW + 3)]
        for row in rows:
            await store.commit(Commit(row.service, 0, NOW, rollout=row))
        assert [r.id[-1] for r in await store.rollouts()] == ["2", "4", "3", "1"]
        assert [r.id[-1] for r in await store.rollouts("shop")] == ["4", "3", "1"]
        assert [r.id[-1] for r in await store.rollouts("shop", limit=1)] == ["4"]
        assert await store.rollouts("nobody") == await store.rollouts(limit=0) == ()

    async def test_a_rollout_is_replaced_in_its_place(self, store: Store) -> None:
        for row in (rollout(1), rollout(2), rollout(1, stage="10%")):
            await store.commit(Commit("shop", 0, NOW, rollout=row))
        assert await store.rollout(R1) == rollout(1, stage="10%")
        assert [r.id[-1] for r in await store.rollouts()] == ["2", "1"]

    async def test_a_rollout_stays_with_its_service(self, store: Store) -> None:
        await store.commit(Commit("shop", 0, NOW, rollout=rollout(1)))
        for stream, service in (("mail", "mail"), ("mail", "shop"), ("shop", "mail")):
            with pytest.raises(Conflict):
                await store.commit(Commit(stream, 0, NOW, rollout=rollout(1, service)))
        assert await store.rollouts() == (rollout(1),)

    async def test_the_next_number_is_above_the_highest_of_its_day(self, store: Store) -> None:
        for n in (2, 10, 9):
            await store.commit(Commit("shop", 0, NOW, rollout=rollout(n)))
        for id in ("ROLLOUT-20260303-44", "ROLLOUT-20260302-x", "hand-made"):
            await store.commit(Commit("shop", 0, NOW, rollout=rollout(1, id=id)))
        assert await store.next_rollout_number(DAY) == 11
        assert await store.next_rollout_number("20260303") == 45
        assert await store.next_rollout_number("20260304") == 1

    async def test_of_services_that_start_at_once_each_gets_its_own_number(self, store: Store) -> None:
        async def start(service: str) -> int:
            while True:
                n = await store.next_rollout_number(DAY)
                try:
                    await store.commit(Commit(service, 0, NOW, events=(note(),), rollout=rollout(n, service)))
                    return n
                except Conflict:
                    continue

        numbers = await asyncio.gather(*(start(f"service-{n}") for n in range(10)))
        assert sorted(numbers) == list(range(1, 11))

    async def test_messages_are_found_by_key_and_by_place(self, store: Store) -> None:
        card, thread = MessageRef("card:R", "C1", "1.5", "d1"), MessageRef("tell:R:1", "C1", "1.6")
        await store.put_message(card)
        await store.put_message(thread)
        assert (await store.message("card:R"), await store.message_at("C1", "1.6")) == (card, thread)
        moved = replace(card, ts="2.0", digest="d2")
        await store.put_message(moved)
        assert await store.message("card:R") == await store.message_at("C1", "2.0") == moved
        assert await store.message_at("C1", "1.5") is await store.message_at("C2", "1.6") is None

    async def test_of_two_keys_at_one_place_the_newest_is_found(self, store: Store) -> None:
        a, b = MessageRef("a", "C1", "1.5"), MessageRef("b", "C1", "1.5")
        for ref in (a, b, a):
            await store.put_message(ref)
        assert await store.message_at("C1", "1.5") == a


class LeadContract:
    """Of stores that are shared and of those that have a sole owner. A lease of 0 s has run out at once."""

    async def test_a_lead_is_taken_and_kept(self, store: Store) -> None:
        before = await store.now()
        lead = await store.lead("shop", "a", 1000)
        assert lead and (lead.stream, lead.owner, lead.epoch) == ("shop", "a", 1)
        assert before + 1000 <= lead.until <= await store.now() + 1000
        again = await store.lead("shop", "a", 2000)
        assert again and again.epoch == 1 and again.until > lead.until + 900
        other = await store.lead("mail", "b", 1000)
        assert other and other.epoch == 1
        assert await store.leads() == (other, again)

    async def test_another_gets_it_only_when_it_ran_out_unless_the_owner_must_be_dead(self, store: Store) -> None:
        await store.lead("shop", "a", 1000)
        taken = await store.lead("shop", "b", 1000)
        assert (taken is None) == store.shared
        await store.lead("shop", "a" if store.shared else "b", 0)
        after = await store.lead("shop", "c", 1000)
        assert after and after.epoch == (2 if store.shared else 3)
        assert await store.leads() == (after,)

    async def test_a_lead_that_ran_out_and_was_not_taken_goes_on_under_its_epoch(self, store: Store) -> None:
        await store.lead("shop", "a", 0)
        await store.commit(Commit("shop", 0, NOW, events=(note(),), epoch=1))
        again = await store.lead("shop", "a", 1000)
        assert again and again.epoch == 1

    async def test_of_20_that_want_it_at_once_one_gets_it(self, store: Store) -> None:
        found = await asyncio.gather(*(store.lead("shop", f"w{n}", 1000) for n in range(20)))
        got = [lead for lead in found if lead]
        assert len(got) == (1 if store.shared else 20)
        assert sorted(lead.epoch for lead in got) == list(range(1, len(got) + 1))

    async def test_resigning_frees_the_owners_leads_and_no_others(self, store: Store) -> None:
        for stream, owner in (("shop", "a"), ("mail", "a"), ("news", "b")):
            await store.lead(stream, owner, 1000)
        assert await store.resign("a") == 2
        assert await store.resign("a") == 0
        assert [lead.stream for lead in await store.leads()] == ["news"]
        after = await store.lead("shop", "b", 1000)
        assert after and after.epoch == 2

    async def test_who_resigned_still_commits_but_claims_nothing(self, store: Store) -> None:
        await put(store, shift(1), read("1"))
        await store.lead("shop", "a", 1000)
        (claimed,) = await store.claim("a", NOW, 30, 1, epochs={"shop": 1})
        await store.resign("a")
        assert await store.claim("a", NOW, 30, 10, epochs={"shop": 1}) == ()
        await store.commit(Commit("shop", 0, NOW, "outcome", (note(),), finish=(claimed.id,), epoch=1))
        assert [c.key for c in await store.pending()] == ["read:R:1"]
        again = await store.lead("shop", "a", 1000)
        assert again and again.epoch == 2, "somebody could have led in between"

    async def test_a_commit_of_an_earlier_epoch_is_fenced_and_leaves_nothing(self, store: Store) -> None:
        await store.lead("shop", "a", 0)
        await store.lead("shop", "b", 1000)
        for epoch in (0, 1, 3):
            with pytest.raises(Fenced, match="shop"):
                await store.commit(replace(full_commit(0), epoch=epoch))
        assert await store.load("shop") == Stored(None, ())
        assert await store.pending() == await store.measurements(R1) == await store.rollouts() == ()
        assert not await knows(store, "full")
        assert not (await store.commit(replace(full_commit(0), epoch=2))).duplicate

    async def test_fencing_comes_before_all_else(self, store: Store) -> None:
        await store.commit(Commit("shop", 0, NOW, "known", (note(),), (shift(1),)))
        await store.lead("shop", "a", 1000)
        claimed = await take_one(store)
        for commit in (Commit("shop", 1, NOW, "known", finish=(claimed.id,)), Commit("shop", 7, NOW)):
            with pytest.raises(Fenced):
                await store.commit(replace(commit, epoch=9))
        assert [c.id for c in await store.pending()] == [claimed.id]

    async def test_a_persons_intent_and_another_stream_are_not_fenced(self, store: Store) -> None:
        await store.lead("shop", "a", 1000)
        await store.commit(Commit("shop", 0, NOW, events=(note(),)))
        await store.commit(Commit("mail", 0, NOW, events=(note(),), epoch=0))
        with pytest.raises(Fenced):
            await store.commit(Commit("mail", 1, NOW, events=(note(),), epoch=1))

    async def test_claims_under_a_lead_are_of_its_streams_and_carry_its_epoch(self, store: Store) -> None:
        await put(store, read("1"), shift(1))
        await put(store, read("2"), stream="mail")
        await store.lead("shop", "a", 0)
        await store.lead("shop", "b", 1000)
        await store.lead("mail", "a", 1000)
        for owner, epochs in (
            ("a", {}),
            ("a", {"shop": 1}),
            ("b", {"shop": 1}),
            ("c", {"shop": 2}),
            ("b", {"mail": 1}),
        ):
            assert await store.claim(owner, NOW, 30, 10, epochs=epochs) == ()
        assert await store.claim("b", NOW, 30, 10, kinds=("ShowCard",), epochs={"shop": 2}) == ()
        found = await store.claim("b", NOW, 30, 10, epochs={"shop": 2, "mail": 1})
        assert [(c.key, c.stream, c.epoch) for c in found] == [("shift:R:1", "shop", 2), ("read:R:1", "shop", 2)]
        assert set(found) < set(await store.pending())
        (unled,) = await store.claim("a", NOW, 30, 10)
        assert (unled.key, unled.epoch, unled.owner) == ("read:R:2", 0, "a")

    async def test_a_change_of_holder_makes_the_claims_of_its_stream_pending_at_once(self, store: Store) -> None:
        await put(store, shift(1), card(), read("waits", due_at=NOW + 99))
        await put(store, read("other"), stream="mail")
        unled = await store.claim("dead", NOW, 30, 10)
        await put(store, card(due_at=NOW + 7))
        await store.lead("shop", "a", 0)
        assert not await store.finish(unled[0].id, unled[0].owner)
        left = {c.key: (c.attempts, c.owner) for c in await store.pending()}
        assert left == {"shift:R:1": (1, ""), "read:R:waits": (0, ""), "card:R": (1, ""), "read:R:other": (0, "dead")}
        first = await store.claim("a", NOW, 30, 10, epochs={"shop": 1})
        assert [c.attempts for c in first] == [1], "the card waits for its time"
        await store.lead("shop", "b", 1000)
        second = await store.claim("b", NOW, 30, 10, epochs={"shop": 2})
        assert [(c.id, c.attempts, c.epoch) for c in second] == [(first[0].id, 2, 2)]

    async def test_renewing_leaves_claims_alone(self, store: Store) -> None:
        await put(store, shift(1))
        await store.lead("shop", "a", 0)
        (claimed,) = await store.claim("a", NOW, 30, 10, epochs={"shop": 1})
        await store.lead("shop", "a", 1000)
        assert await store.pending() == (claimed,)
        assert await store.finish(claimed.id, claimed.owner)

    async def test_who_led_again_since_cannot_end_an_earlier_claim(self, store: Store) -> None:
        await put(store, shift(1))
        await store.lead("shop", "a", 0)
        (old,) = await store.claim("a", NOW, 30, 10, epochs={"shop": 1})
        await store.lead("shop", "b", 0)
        await store.lead("shop", "a", 1000)
        (new,) = await store.claim("a", NOW, 30, 10, epochs={"shop": 3})
        assert new.id == old.id and new.owner != old.owner
        for late in (
            store.renew(old.id, old.owner, NOW + 99),
            store.finish(old.id, old.owner),
            store.retry(old.id, old.owner, NOW, "late"),
            store.fail(old.id, old.owner, "late"),
        ):
            assert not await late
        assert await store.pending() == (new,)
        assert await store.renew(new.id, new.owner, NOW + 99)
        assert await store.finish(new.id, new.owner)

    async def test_next_due_of_some_streams(self, store: Store) -> None:
        await put(store, read("1", due_at=NOW + 5))
        await put(store, read("2", due_at=NOW + 9), stream="mail")
        assert await store.next_due(("mail", "shop")) == NOW + 5
        assert await store.next_due(["mail"]) == NOW + 9
        assert await store.next_due({"news"}) is await store.next_due(()) is None

    async def test_a_lane_is_held_up_across_streams(self, store: Store) -> None:
        await put(store, shift(1, "one"))
        await take_one(store)
        await put(store, shift(2, "one"), stream="mail")
        assert await store.next_due(("mail",)) == NOW + 30
        assert await take(store) == []

    async def test_listeners_hear_of_every_commit_that_changed_something(self, store: Store) -> None:
        heard: list[str] = []
        again: list[str] = []
        await store.listen(heard.append)
        await store.listen(again.append)
        await store.commit(Commit("shop", 0, NOW, "c", events=(note(),)))
        await store.commit(Commit("shop", 1, NOW, "c"))
        for refused in (Commit("shop", 0, NOW), Commit("mail", 0, NOW, epoch=4)):
            with pytest.raises((Conflict, Fenced)):
                await store.commit(refused)
        await put(store, read("1"), stream="mail")
        await store.lead("news", "a", 1000)
        await store.resign("a")
        await asyncio.gather(eventually(heard, ["shop", "mail", "news"]), eventually(again, ["shop", "mail", "news"]))

    async def test_the_stores_clock_goes_on(self, store: Store) -> None:
        first = await store.now()
        assert 0 <= await store.now() - first < 3600
        assert first > NOW


async def eventually(heard: list[str], expected: list[str]) -> None:
    """Without "", which a store may say whenever it is not sure."""
    async with asyncio.timeout(60):
        while [stream for stream in heard if stream] != expected:  # noqa: ASYNC110 a store has no event for it
            await asyncio.sleep(0.005)


class StoreContract(LogContract, OutboxContract, BesideContract, LeadContract):
    """All of it."""


def full_commit(expected: int, finish: tuple[int, ...] = ()) -> Commit:
    """One with everything in it."""
    return Commit(
        "shop",
        expected,
        NOW,
        "full",
        (note("full"),),
        (read("full"), card("full")),
        board(),
        (measurement(NOW),),
        finish,
        rollout(1),
        state(1),
    )
