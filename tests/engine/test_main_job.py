"""The engine as a whole, in memory: from start to the end, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.engine.ports.errors import Gone, Retryable
from bot.fleet.fake import Fault
from bot.rollout.effects import Tell
from bot.rollout.intents import AddNote, Pause, Promote, Resume, Retry, RollBack
from bot.rollout.model import Hold, Status
from bot.store.memory import MemoryStore
from tests.engine.conftest import BOT, CHEN, LIN, SERVICE, WANG, Rig, a_plan


async def baked(rig: Rig, seconds: int = 12) -> None:
    for _ in range(seconds):
        await rig.tick()


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


async def test_a_host_that_refuses_holds_with_nothing_changed_and_a_retry_goes_on(rig: Rig) -> None:
    await rig.start()
    rig.fleet.fault("lb-2", Fault.TEST_FAILS)
    await rig.react(WANG.user)
    rollout = await rig.rollout()
    assert (rollout.status, rollout.hold) == (Status.HELD, Hold.SHIFT_FAILED)
    assert "lb-2" in rollout.hold_detail
    assert rig.shares() == {-1.0}
    rig.fleet.mend("lb-2")
    await rig.rollouts.submit(SERVICE, Retry(LIN))
    await rig.work()
    assert rig.shares() == {10.0}


async def test_a_rollback_takes_the_reachable_hosts_at_once_and_the_others_when_they_answer(rig: Rig) -> None:
    await rig.start()
    await rig.react(WANG.user)
    rig.fleet.fault("lb-2", Fault.UNREACHABLE)
    await rig.rollouts.submit(SERVICE, RollBack(CHEN, "looks wrong"))
    await rig.work()
    rollout = await rig.rollout()
    assert rollout.status is Status.ROLLING_BACK
    assert rollout.rollback and rollout.rollback.pending == ("lb-2",)
    served = rig.fleet.served("lb-1", SERVICE)
    assert served and served.mode == "stable"
    rig.fleet.mend("lb-2")
    rig.now += 3
    await rig.work()
    assert rig.shares() == {0.0}
    assert (await rig.rollout()).status is Status.ROLLED_BACK


async def test_slack_being_away_stops_no_rollback(rig: Rig) -> None:
    await rig.start()
    await rig.react(WANG.user)
    rig.chat.fail = [Retryable("away", 1.0) for _ in range(20)]
    await rig.rollouts.submit(SERVICE, RollBack(LIN, ""))
    await rig.work()
    assert rig.shares() == {0.0}
    rig.chat.fail = []
    rig.now += 60
    await rig.work()
    assert "rolled_back" in rig.chat.by_key("card:")[0]["text"]


async def test_a_deleted_card_is_posted_anew(rig: Rig) -> None:
    await rig.start()
    card = rig.chat.by_key("card:")[0]["ts"]
    del rig.chat.messages[card]
    await rig.react(WANG.user)
    await rig.tick(4)
    assert len(rig.chat.by_key("card:")) == 1


async def test_a_line_for_a_deleted_card_brings_the_card_back(rig: Rig) -> None:
    await rig.start()
    card = rig.chat.by_key("card:")[0]["ts"]
    del rig.chat.messages[card]
    await rig.rollouts.submit(SERVICE, AddNote(LIN, "looking into it"))
    rig.chat.fail = [Gone("thread_not_found")]
    claimed = [c for c in await rig.store.claim("me", rig.now, 15.0, 16) if isinstance(c.effect, Tell)]
    await rig.worker._run(claimed[0])
    cards = rig.chat.by_key("card:")
    assert len(cards) == 1
    assert [m["thread"] for m in rig.chat.by_key(claimed[0].key)] == [cards[0]["ts"]]


async def test_a_card_deleted_behind_an_edit_under_way_is_posted_anew_for_the_line(rig: Rig) -> None:
    """The edit came through just before, and its end must not pass for a card that is there."""
    rollout = await rig.start()
    card = rig.chat.by_key("card:")[0]["ts"]
    await rig.rollouts.submit(SERVICE, AddNote(LIN, "looking into it"))
    update, edited, on = rig.chat.update, asyncio.Event(), asyncio.Event()

    async def update_slowly(*args: object) -> None:
        await update(*args)  # type: ignore[arg-type]
        edited.set()
        await on.wait()

    rig.chat.update = update_slowly  # type: ignore[method-assign, assignment]
    known = await rig.store.message(f"card:{rollout.id}")
    assert known
    await rig.store.put_message(replace(known, digest="of what it said before"))
    claimed = [c for c in await rig.store.claim("me", rig.now, 15.0, 16) if isinstance(c.effect, Tell)]
    showing = asyncio.create_task(rig.speaker.show_card(SERVICE, rollout.id))
    await asyncio.wait_for(edited.wait(), 10)
    del rig.chat.messages[card]
    rig.chat.update = update  # type: ignore[method-assign]
    rig.chat.fail = [Gone("thread_not_found")]
    telling = asyncio.create_task(rig.worker._run(claimed[0]))
    for _ in range(50):  # turns of the loop: the line has met the deleted card, and can go no further
        await asyncio.sleep(0)
    assert not rig.chat.fail
    on.set()
    await asyncio.wait_for(asyncio.gather(showing, telling), 10)
    cards = rig.chat.by_key("card:")
    assert len(cards) == 1 and cards[0]["ts"] != card
    assert [m["thread"] for m in rig.chat.by_key(claimed[0].key)] == [cards[0]["ts"]]


async def test_an_asking_that_was_deleted_is_asked_again(rig: Rig) -> None:
    await rig.start()
    asking = rig.chat.by_key("approval:")[0]["ts"]
    del rig.chat.messages[asking]
    await rig.tick(40)
    again = [m for m in rig.chat.by_key("approval:") if not m["thread"]]
    assert len(again) == 1 and again[0]["ts"] != asking
    assert rig.chat.marks[again[0]["ts"]] >= {(BOT, "white_check_mark"), (BOT, "x")}
    await rig.react(WANG.user)
    assert (await rig.rollout()).status is Status.SHIFTING or rig.shares() == {10.0}


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


async def test_a_hand_edited_host_stops_the_way_forward_until_somebody_answers(rig: Rig) -> None:
    await rig.start()
    await rig.react(WANG.user)
    rig.fleet.edit("lb-1", SERVICE, lambda text: text + "# by hand\n")
    await rig.observer.patrol(SERVICE)
    await rig.work()
    assert [d.host for d in (await rig.rollout()).drift] == ["lb-1"]
    await baked(rig, 15)
    assert (await rig.rollout()).status is Status.BAKING
    refused = await rig.rollouts.submit(SERVICE, Promote(LIN, "now"))
    assert refused.refusal and refused.refusal.code == "drifted"


async def test_a_host_changed_by_hand_since_the_last_order_stops_the_next_shift(rig: Rig) -> None:
    await rig.start()
    await rig.react(WANG.user)
    await baked(rig)
    await rig.rollouts.submit(SERVICE, Promote(LIN))
    await rig.work()
    rig.fleet.edit("lb-1", SERVICE, lambda text: text + "# by hand\n")
    await rig.react(WANG.user)
    rollout = await rig.rollout()
    assert (rollout.status, rollout.hold) == (Status.HELD, Hold.SHIFT_FAILED)
    assert [d.host for d in rollout.drift] == ["lb-1"]
    assert 100.0 not in rig.shares()


async def test_a_host_that_cannot_be_read_before_a_shift_stops_it(rig: Rig) -> None:
    await rig.start()
    await rig.react(WANG.user)
    await baked(rig)
    await rig.rollouts.submit(SERVICE, Promote(LIN))
    await rig.work()
    rig.fleet.edit("lb-1", SERVICE, lambda text: text + "# by hand\n")
    rig.fleet.fault("lb-1", Fault.UNREACHABLE)
    read = rig.fleet.read

    async def read_and_mend(service: str) -> object:
        readings = await read(service)
        rig.fleet.mend("lb-1")
        return readings

    rig.fleet.read = read_and_mend  # type: ignore[method-assign, assignment]
    await rig.react(WANG.user)
    rollout = await rig.rollout()
    assert (rollout.status, rollout.hold) == (Status.HELD, Hold.SHIFT_FAILED)
    assert "lb-1" in rollout.hold_detail
    assert 100.0 not in rig.shares()


async def test_what_somebody_changed_where_nginx_is_down_is_not_overwritten_as_it_starts(rig: Rig) -> None:
    await rig.start()
    await rig.react(WANG.user)
    await baked(rig)
    await rig.rollouts.submit(SERVICE, Promote(LIN))
    await rig.work()
    rig.fleet.edit("lb-1", SERVICE, lambda _: "")
    rig.fleet.fault("lb-1", Fault.STOPPED)
    read = rig.fleet.read

    async def read_and_start(service: str) -> object:
        readings = await read(service)
        rig.fleet.mend("lb-1")
        return readings

    rig.fleet.read = read_and_start  # type: ignore[method-assign, assignment]
    await rig.react(WANG.user)
    rollout = await rig.rollout()
    assert (rollout.status, rollout.hold) == (Status.HELD, Hold.SHIFT_FAILED)
    assert "lb-1: nginx is not running" in rollout.hold_detail
    assert rig.fleet.served("lb-1", SERVICE) is None


async def test_a_file_that_came_after_the_look_is_named_where_it_cannot_be_taken_back(rig: Rig) -> None:
    """The shift may not go on; a host to which somebody brought a file of its generation meanwhile is told of."""
    await rig.start()
    await rig.react(WANG.user)
    await baked(rig)
    await rig.rollouts.submit(SERVICE, Promote(LIN))
    await rig.work()
    rig.fleet.fault("lb-1", Fault.UNREACHABLE)
    rig.fleet.fault("lb-2", Fault.RELOAD_IGNORED)
    read = rig.fleet.read

    async def read_and_bring(service: str) -> object:
        readings = await read(service)
        ordered = (await rig.rollout()).generation
        rig.fleet.edit("lb-2", SERVICE, lambda text: text.replace("# generation 1", f"# generation {ordered}"))
        return readings

    rig.fleet.read = read_and_bring  # type: ignore[method-assign, assignment]
    await rig.react(WANG.user)
    rollout = await rig.rollout()
    assert (rollout.status, rollout.hold) == (Status.HELD, Hold.SHIFT_FAILED)
    assert "lb-1" in rollout.hold_detail and "lb-2" in rollout.hold_detail


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


async def test_a_lost_database_does_not_send_everybody_to_the_old_pool(rig: Rig) -> None:
    await rig.start()
    await rig.react(WANG.user)
    await baked(rig)
    await rig.rollouts.submit(SERVICE, Promote(LIN))
    await rig.work()
    await rig.react(WANG.user)
    await baked(rig, 18)
    assert (await rig.rollout()).status is Status.COMPLETED
    rig.store = MemoryStore()
    rig.build()
    await rig.start("3.0.0")
    await rig.react(WANG.user)
    rollout = await rig.rollout()
    assert (rollout.status, rollout.hold) == (Status.HELD, Hold.SHIFT_FAILED)
    assert "does not know" in rollout.hold_detail
    assert rig.shares() == {100.0}


@pytest.mark.parametrize("stage", ["10%", "100%"])
async def test_a_bot_killed_between_the_swap_and_its_outcome_finishes_its_own_shift(rig: Rig, stage: str) -> None:
    await rig.start()
    if stage == "100%":
        await rig.react(WANG.user)
        await baked(rig)
        await rig.rollouts.submit(SERVICE, Promote(LIN))
        await rig.work()
    perform, killed = rig.performers._fleets[SERVICE].shift, []

    async def shift_and_die(*args: object) -> object:
        killed.append(await perform(*args))  # type: ignore[arg-type]
        raise ConnectionError("killed here")

    rig.fleet.shift = shift_and_die  # type: ignore[assignment]
    await rig.react(WANG.user)
    assert killed
    assert (await rig.rollout()).status is Status.SHIFTING
    rig.fleet.shift = perform  # type: ignore[method-assign]
    rig.build()
    rig.now += 60
    await rig.work()
    rollout = await rig.rollout()
    assert (rollout.status, rollout.hold, rollout.drift) == (Status.BAKING, None, ())
    assert rig.shares() == {float(stage.rstrip("%"))}


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


async def test_a_deleted_card_is_posted_anew_once_though_the_answer_to_it_is_lost(rig: Rig) -> None:
    await rig.start()
    del rig.chat.messages[rig.chat.by_key("card:")[0]["ts"]]
    post, lost = rig.chat.post, []

    async def post_and_lose(key: str, *args: object, **facts: object) -> tuple[str, str]:
        where = await post(key, *args, **facts)  # type: ignore[arg-type]
        if key.startswith("card:") and not lost:
            lost.append(where)
            raise Retryable("the answer was lost", 0.0)
        return where

    rig.chat.post = post_and_lose  # type: ignore[method-assign, assignment]
    await rig.react(WANG.user)
    await rig.tick(4)
    assert lost
    assert len(rig.chat.by_key("card:")) == 1
