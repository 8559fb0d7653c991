"""What lies beside the log: boards, measurements, the index of rollouts, messages; and what is pruned."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

import pytest

from bot.engine.ports.errors import Conflict
from bot.engine.ports.records import Commit, MessageRef
from bot.engine.ports.store import Store
from tests.store.samples import DAY, NOW, R1, board, card, knows, measurement, note, put, read, rollout


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
