"""The lead of a stream: taken, kept, given up, and guarded by its epoch; and who hears of a change."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.engine.ports.errors import Conflict, Fenced
from bot.engine.ports.records import Commit, Stored
from bot.engine.ports.store import Store
from tests.store.samples import NOW, R1, card, full_commit, knows, note, put, read, shift, take, take_one


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
