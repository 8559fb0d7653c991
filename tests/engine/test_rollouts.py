"""Load, decide, append: causes, conflicts, ids, snapshots."""

from __future__ import annotations

import asyncio

import pytest

from bot.engine.ports.errors import Away, Retryable
from bot.engine.ports.records import Commit, Committed
from bot.engine.rollouts import SNAPSHOT_EVERY, Rollouts
from bot.rollout.effects import ShiftTraffic
from bot.rollout.events import NoteAdded
from bot.rollout.intents import AddNote, Promote, Reaction, ReportReactions
from bot.store.memory import MemoryStore
from tests.engine.conftest import BOT, LIN, SERVICE, WANG, Rig


async def test_a_known_cause_does_nothing_and_says_so(rig: Rig) -> None:
    first = await rig.rollouts.start(SERVICE, "2.0.0", LIN, "", "trigger-1")
    again = await rig.rollouts.start(SERVICE, "2.0.0", LIN, "", "trigger-1")
    assert not first.duplicate
    assert again.duplicate
    assert again.refusal is None
    assert len(await rig.store.rollouts()) == 1


async def test_a_refusal_is_remembered_as_handled_too(rig: Rig) -> None:
    refused = await rig.rollouts.submit(SERVICE, Promote(LIN), "trigger-2")
    again = await rig.rollouts.submit(SERVICE, Promote(LIN), "trigger-2")
    assert refused.refusal and refused.refusal.code == "no_rollout"
    assert again.duplicate


async def test_of_many_starts_at_once_one_wins(rig: Rig) -> None:
    every = await asyncio.gather(*(rig.rollouts.start(SERVICE, f"2.0.{n}", LIN, "", f"t{n}") for n in range(20)))
    assert sum(s.refusal is None for s in every) == 1
    assert {s.refusal.code for s in every if s.refusal} == {"already_active"}


async def test_two_processes_on_one_log_settle_it_by_seq(rig: Rig) -> None:
    await rig.start()
    other = Rollouts(rig.store, {SERVICE: rig.plan}, {SERVICE: rig.fleet}, bot_user=lambda: BOT, clock=lambda: rig.now)
    await other.state(SERVICE)
    notes = [
        who.submit(SERVICE, AddNote(LIN, f"note {n}"), f"n{n}")
        for n in range(10)
        for who in (rig.rollouts, other)[n % 2 :][:1]
    ]
    await asyncio.gather(*notes)
    events = await rig.store.events(SERVICE)
    assert [seq for seq, _ in events] == list(range(1, len(events) + 1))
    fresh = Rollouts(rig.store, {SERVICE: rig.plan}, {SERVICE: rig.fleet}, clock=lambda: rig.now)
    state = await fresh.state(SERVICE)
    assert state.rollout and len(state.rollout.notes) == 10


async def test_ids_count_up_within_a_day(rig: Rig) -> None:
    first = await rig.start()
    assert first.id.endswith("-1")
    from bot.rollout.intents import RollBack

    await rig.rollouts.submit(SERVICE, RollBack(LIN, ""))
    second = await rig.start("3.0.0")
    assert second.id == first.id[:-1] + "2"


async def test_a_restart_folds_from_a_snapshot_to_the_same_state(rig: Rig) -> None:
    await rig.start()
    for n in range(SNAPSHOT_EVERY + 5):
        await rig.rollouts.submit(SERVICE, AddNote(LIN, f"note {n}"))
    stored = await rig.store.load(SERVICE)
    assert stored.snapshot is not None
    assert len(stored.events) < SNAPSHOT_EVERY
    before = await rig.rollouts.state(SERVICE)
    rig.build()
    assert await rig.rollouts.state(SERVICE) == before


async def test_a_connection_lost_in_a_commit_is_asked_about_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it was recorded is then known: by its cause it is done once, whatever the first try came to."""
    await rig.start()
    commit, lost = rig.store.commit, []

    def losing(*, recorded: bool) -> None:
        async def lose(asked: Commit) -> Committed:
            if not lost:
                lost.append(asked.cause)
                if recorded:
                    await commit(asked)
                raise Away("the connection broke")
            return await commit(asked)

        lost.clear()
        monkeypatch.setattr(rig.store, "commit", lose)

    losing(recorded=True)
    done = await rig.rollouts.submit(SERVICE, AddNote(LIN, "first"), "cause-1")
    assert done.duplicate and lost == ["cause-1"]
    losing(recorded=False)
    done = await rig.rollouts.submit(SERVICE, AddNote(LIN, "second"), "cause-2")
    assert done.events and lost == ["cause-2"]
    noted = [event.text for _, event in await rig.store.events(SERVICE) if isinstance(event, NoteAdded)]
    assert noted == ["first", "second"]


async def test_what_has_no_cause_is_not_tried_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await rig.start()
    tries = []

    async def away(asked: Commit) -> Committed:
        tries.append(asked)
        raise Away("away")

    monkeypatch.setattr(rig.store, "commit", away)
    with pytest.raises(Away):
        await rig.rollouts.submit(SERVICE, AddNote(LIN, "a note"))
    assert len(tries) == 1


class Forgetful(MemoryStore):
    """Does the next commit, and loses its answer: a connection that broke after COMMIT, or a task cut off in it."""

    def __init__(self) -> None:
        super().__init__(shared=False)
        self.forgets = False

    async def commit(self, commit: Commit) -> Committed:
        done = await super().commit(commit)
        if self.forgets:
            self.forgets = False
            raise Retryable("the answer was lost")
        return done


async def test_a_commit_whose_answer_was_lost_is_known_all_the_same(rig: Rig) -> None:
    rig.store = store = Forgetful()
    rig.build()
    await rig.start()
    store.forgets = True
    with pytest.raises(Retryable):
        await rig.rollouts.submit(SERVICE, AddNote(LIN, "hello"), "n1")
    assert (await rig.rollout()).notes[0][:2] == (LIN.user, "hello")


async def test_a_shift_ordered_by_a_commit_whose_answer_was_lost_is_carried_out(rig: Rig) -> None:
    rig.store = store = Forgetful()
    rig.build()
    rollout = await rig.start()
    store.forgets = True
    report = ReportReactions(rollout.id, "10%", 1, (Reaction(WANG, "white_check_mark"),))
    with pytest.raises(Retryable):
        await rig.rollouts.submit(SERVICE, report)
    await rig.work()
    assert rig.shares() == {10.0}


async def test_an_effect_is_not_history_because_its_own_commit_has_not_answered_yet(rig: Rig) -> None:
    answer = asyncio.Event()

    class Slow(MemoryStore):
        async def commit(self, commit: Commit) -> Committed:
            done = await super().commit(commit)
            if any(isinstance(new.effect, ShiftTraffic) for new in commit.effects):
                await answer.wait()
            return done

    rig.store = Slow(shared=False)
    rig.build()
    rollout = await rig.start()
    report = ReportReactions(rollout.id, "10%", 1, (Reaction(WANG, "white_check_mark"),))
    submitting = asyncio.create_task(rig.rollouts.submit(SERVICE, report))
    while not any(isinstance(c.effect, ShiftTraffic) for c in await rig.store.pending()):  # noqa: ASYNC110
        await asyncio.sleep(0)
    working = asyncio.create_task(rig.work())
    for _ in range(50):
        await asyncio.sleep(0)
    answer.set()
    await submitting
    await working
    assert rig.shares() == {10.0}


async def test_what_an_effect_says_waits_for_the_commit_that_it_came_with(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be claimed before its commit has returned: what it then read would be from before, and it did nothing."""
    rollout = await rig.start()
    written, returned = asyncio.Event(), asyncio.Event()
    commit = rig.store.commit

    async def late(what: Commit) -> Committed:
        done = await commit(what)
        written.set()
        await returned.wait()
        return done

    monkeypatch.setattr(rig.store, "commit", late)
    monkeypatch.setattr(rig.store, "_shared", False)  # one that others write to as well is read anew each time
    noting = asyncio.create_task(rig.rollouts.submit(SERVICE, AddNote(LIN, "all is well"), "trigger-9"))
    await written.wait()
    speaking = asyncio.create_task(rig.speaker.rollout(SERVICE, rollout.id))
    await asyncio.sleep(0)
    assert not speaking.done()
    returned.set()
    read = await speaking
    assert read is not None and len(read.notes) == 1
    await noting


async def test_what_was_decided_is_due_at_once_whatever_the_clocks(rig: Rig) -> None:
    """A replica whose clock is behind the writer's claims the older line of a thread before the newer one too."""
    await rig.rollouts.start(SERVICE, "2.0.0", LIN, "", "trigger-1")
    rig.now -= 3600
    assert await rig.store.next_due() == 0.0
