"""The engine as a whole, in memory: from start to the end, and what goes wrong on the way."""

from __future__ import annotations

import pytest

from bot.rollout.intents import Pause, Promote, Resume, RollBack
from bot.rollout.model import Hold, Status
from tests.engine.conftest import CHEN, LIN, SERVICE, WANG, Rig, a_plan, baked


async def test_a_rollout_goes_from_start_to_completed(rig: Rig) -> None:
    await rig.start()
    assert rig.shares() == {-1.0}  # nothing touched before an approval
    await rig.react(WANG.user)
    assert rig.shares() == {10.0}
    await baked(rig)
    assert (await rig.rollout()).status is Status.PASSED
    await rig.rollouts.submit(SERVICE, Promote(LIN))
    await rig.work()
    assert rig.shares() == {10.0}
    await rig.react(WANG.user)
    assert rig.shares() == {100.0}
    await baked(rig, 18)
    rollout = await rig.rollout()
    assert rollout.status is Status.COMPLETED
    assert [r.approvers for r in rollout.stages] == [(WANG.user,), (WANG.user,)]
    assert len(rig.chat.by_key("card:")) == 1


@pytest.mark.parametrize(("user", "code"), [(LIN.user, "own_rollout"), (CHEN.user, "no_role"), ("U0NOBODY", "unknown")])
async def test_a_reaction_that_does_not_count_changes_nothing_and_is_explained_once(
    rig: Rig, user: str, code: str
) -> None:
    await rig.start()
    await rig.react(user)
    await rig.react(user)
    assert (await rig.rollout()).status is Status.AWAITING_APPROVAL
    assert rig.shares() == {-1.0}
    told = [text for who, text in rig.chat.whispers if who == user]
    assert len(told) == 1
    assert code in told[0]


async def test_a_reaction_whose_event_never_came_is_found_by_looking(rig: Rig) -> None:
    rollout = await rig.start()
    assert rollout.approval
    ref = await rig.store.message(f"approval:{rollout.id}:10%:1")
    assert ref
    rig.chat.marks[ref.ts].add((WANG.user, "white_check_mark"))
    await rig.tick()
    assert rig.shares() == {10.0}


async def test_a_failing_canary_goes_back_by_itself(rig: Rig) -> None:
    await rig.start()
    await rig.react(WANG.user)
    await rig.tick()
    rig.metrics.values["error_rate"] = 50.0
    await rig.tick()
    assert rig.shares() == {10.0}  # a single bad reading does not trip it
    await rig.tick()
    await rig.tick()
    rollout = await rig.rollout()
    assert rollout.status is Status.ROLLED_BACK
    assert rig.shares() == {0.0}
    assert rollout.rollback and rollout.rollback.trigger and rollout.rollback.trigger.value == 50.0
    assert [m for m in rig.chat.by_key("tell:") if m["broadcast"]]


async def test_blindness_never_passes_and_is_told(rig: Rig) -> None:
    await rig.start()
    await rig.react(WANG.user)
    await rig.tick()
    rig.metrics.error = "Prometheus cannot be reached"
    await baked(rig, 30)
    rollout = await rig.rollout()
    assert rollout.status is Status.BAKING
    assert rollout.blind_told
    rig.metrics.error = ""
    await baked(rig, 11)
    assert (await rig.rollout()).status is Status.PASSED


async def test_too_few_samples_prolong_and_then_hold(rig: Rig) -> None:
    await rig.start()
    await rig.react(WANG.user)
    rig.metrics.values["requests"] = 3.0
    await baked(rig, 14)
    assert (await rig.rollout()).prolonged
    await baked(rig, 50)
    rollout = await rig.rollout()
    assert (rollout.status, rollout.hold) == (Status.HELD, Hold.NOT_ENOUGH_DATA)


async def test_a_pause_stops_the_clock_and_not_the_triggers(rig: Rig) -> None:
    await rig.start()
    await rig.react(WANG.user)
    await rig.rollouts.submit(SERVICE, Pause(LIN))
    await baked(rig, 20)
    assert (await rig.rollout()).status is Status.BAKING
    rig.metrics.values["error_rate"] = 50.0
    await baked(rig, 4)
    assert (await rig.rollout()).status is Status.ROLLED_BACK


async def test_quorum_reached_in_a_pause_counts_when_it_is_over(rig: Rig) -> None:
    await rig.start()
    await rig.rollouts.submit(SERVICE, Pause(LIN))
    await rig.react(WANG.user)
    assert rig.shares() == {-1.0}
    await rig.rollouts.submit(SERVICE, Resume(LIN))
    await rig.work()
    assert rig.shares() == {10.0}


async def test_a_new_process_goes_on_where_the_old_one_was(rig: Rig) -> None:
    await rig.start()
    await rig.react(WANG.user)
    for _ in range(6):
        await rig.tick()
    rig.build()
    board = await rig.rollouts.board(SERVICE)
    assert board and 5.0 <= board.baked <= 6.0
    for _ in range(6):
        await rig.tick()
    assert (await rig.rollout()).status is Status.PASSED


async def test_time_in_which_no_process_ran_is_not_measured_time(rig: Rig) -> None:
    await rig.start()
    await rig.react(WANG.user)
    for _ in range(3):
        await rig.tick()
    rig.build()
    await rig.tick(100)
    board = await rig.rollouts.board(SERVICE)
    assert board and board.baked <= 6.0


async def test_a_plan_changed_between_two_processes_voids_the_pending_approval(rig: Rig) -> None:
    await rig.start()
    rig.plan = a_plan(source="plan two")
    rig.build()
    await rig.tick()
    rollout = await rig.rollout()
    assert rollout.approval and rollout.approval.attempt == 2
    assert rollout.plan_hash == rig.plan.hash
    assert rig.shares() == {-1.0}
    await rig.react(WANG.user)
    assert rig.shares() == {10.0}


async def test_values_read_while_the_hosts_moved_belong_to_no_stage(rig: Rig) -> None:
    await rig.start()
    await rig.react(WANG.user)
    await rig.tick()

    async def meanwhile() -> None:
        rig.metrics.before = None
        await rig.rollouts.submit(SERVICE, RollBack(LIN, ""))
        await rig.work()

    rig.metrics.before = meanwhile
    rig.metrics.values["error_rate"] = 99.0
    await rig.tick()
    rollout = await rig.rollout()
    assert rollout.rollback and rollout.rollback.by == LIN.user


async def test_what_was_said_of_an_earlier_rollout_counts_for_nothing(rig: Rig) -> None:
    first = await rig.start("2.0.0")
    await rig.rollouts.submit(SERVICE, RollBack(LIN, "not yet"))
    await rig.start("2.0.1")
    ref = await rig.store.message(f"approval:{first.id}:10%:1")
    assert ref
    for who, emoji in ((WANG, "white_check_mark"), (WANG, "x")):
        rig.chat.marks[ref.ts].add((who.user, emoji))
        await rig.intake.reaction(f"Ev{emoji}", first.id, "10%", 1, who.user, emoji, True)
        await rig.work()
    rollout = await rig.rollout()
    assert rollout.status is Status.AWAITING_APPROVAL
    assert rollout.approval and not rollout.approval.decided
    assert rig.shares() == {-1.0}


async def test_a_stage_gone_from_the_plan_keeps_its_triggers(rig: Rig) -> None:
    await rig.start()
    await rig.react(WANG.user)
    await rig.tick()
    rig.plan = a_plan(source="plan two", stages=rig.plan.stages[1:])
    rig.build()
    rig.metrics.values["error_rate"] = 50.0
    await baked(rig, 5)
    assert (await rig.rollout()).status is Status.ROLLED_BACK


async def test_a_watch_does_not_end_on_no_data(rig: Rig) -> None:
    await rig.start()
    await rig.react(WANG.user)
    await baked(rig)
    await rig.rollouts.submit(SERVICE, Promote(LIN))
    await rig.work()
    await rig.react(WANG.user)
    await baked(rig)
    assert (await rig.rollout()).status is Status.WATCHING
    rig.metrics.values = {}
    await baked(rig, 20)
    assert (await rig.rollout()).status is Status.WATCHING
    rig.metrics.values = {"error_rate": 0.0, "requests": 1000.0}
    await baked(rig, 2)
    assert (await rig.rollout()).status is Status.COMPLETED
