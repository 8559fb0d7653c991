"""The outbox: effects added once, claimed by priority, lane and lease, and settled by whoever claimed them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.engine.ports.errors import Conflict
from bot.engine.ports.records import Commit
from bot.engine.ports.store import Store
from bot.rollout.effects import RestoreTraffic, ShiftTraffic, ShowCard
from tests.store.samples import NOW, card, note, put, read, restore, shift, take, take_one


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
