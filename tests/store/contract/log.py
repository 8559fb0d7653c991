"""The log: events in their order, each cause once, a commit that happens whole or not at all, snapshots."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.engine.ports.errors import Conflict
from bot.engine.ports.records import Commit, Committed, Stored
from bot.engine.ports.store import Store
from bot.rollout.events import Event, ShiftDone
from bot.store.shapes import CodecError
from tests.store.samples import (
    DAY,
    NOW,
    R1,
    full_commit,
    knows,
    measurement,
    note,
    read,
    rollout,
    shift,
    state,
    take_one,
)


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

    async def test_a_log_is_read_from_a_time_on(self, store: Store) -> None:
        assert await store.last_before("shop", NOW) == 0
        await store.commit(Commit("shop", 0, NOW, events=(note("a"), note("b"))))
        await store.commit(Commit("shop", 2, NOW + 60, events=(note("c"),)))
        await store.commit(Commit("mail", 0, NOW - 60, events=(note("other"),)))
        found = [await store.last_before("shop", at) for at in (NOW, NOW + 0.5, NOW + 60, NOW + 61)]
        assert found == [0, 2, 2, 3]
        assert await store.last_before("mail", NOW) == 1

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
