"""Slack as it is on a bad day."""

from __future__ import annotations

import pytest

from bot.rollout.events import RolledBack, RolloutStarted, ShiftDone, StageApproved
from bot.rollout.model import Status
from bot.sandbox.demo.people import message_key
from bot.sandbox.demo.stand import CHANNEL, SERVICE
from bot.sandbox.slack import posting
from bot.sandbox.slack.faults import Outage
from tests.scenarios.kit import FIRST, NEW, Play, on_both

pytestmark = pytest.mark.asyncio(loop_scope="module")


def _nothing_twice(play: Play) -> None:
    keys = [key for m in play.workspace.messages(CHANNEL) if (key := message_key(m))]
    assert len(keys) == len(set(keys)), sorted(k for k in keys if keys.count(k) > 1)


@on_both
async def test_refused_for_being_too_fast(play: Play) -> None:
    for method in ("chat.postMessage", "reactions.get"):
        play.faults.rate_limit(method, retry_after=1, times=2)
    play.faults.rate_limit("chat.update", retry_after=1, every=2)
    rollout = await play.start()
    await play.live()
    await play.passed()
    assert play.card(rollout)
    _nothing_twice(play)


@on_both
async def test_late_repeated_and_out_of_order(play: Play) -> None:
    since = await play.seq()
    play.faults.delay, play.faults.repeat, play.faults.reorder = 0.3, True, True
    rollout = await play.start()
    await play.live()
    await play.passed()
    await play.type("lin", "/rollout promote")
    await play.status(Status.AWAITING_APPROVAL)
    await play.type("lin", "/rollout rollback")
    await play.status(Status.ROLLED_BACK)
    events = await play.events(since)
    for kind in (RolloutStarted, StageApproved, ShiftDone, RolledBack):
        assert len([e for e in events if isinstance(e, kind)]) == 1, kind
    assert play.card(rollout)
    _nothing_twice(play)


@on_both
async def test_answers_that_are_lost_post_nothing_twice(play: Play) -> None:
    play.faults.lose_responses = {"chat.postMessage": 2, "reactions.add": 1}
    rollout = await play.start()
    await play.asking()
    await play.react("wang")
    await play.until(lambda r: r.live_stage == FIRST, "the stage live", 40)
    assert play.card(rollout)
    _nothing_twice(play)


OUTAGES: dict[str, Outage] = {"socket": "503", "http": "reset"}


@on_both
async def test_slack_is_away_while_going_back(play: Play) -> None:
    rollout = await play.start()
    await play.live()
    play.faults.outage = OUTAGES[play.stand.delivery]
    await play.type("chen", f"/rollout rollback {SERVICE} looks wrong")
    await play.status(Status.ROLLED_BACK)
    await play.back_on_old()
    seq = await play.seq()
    said = f"tell:{rollout.id}:{seq}"
    assert not play.keyed(said)
    play.faults.clear()
    end = await play.posted(said, 60)  # nothing that could not be said is dropped
    assert end.broadcast
    assert play.card(rollout)
    _nothing_twice(play)


@on_both
async def test_a_card_that_somebody_deleted_comes_back(play: Play) -> None:
    rollout = await play.start()
    await play.asking()
    first = play.card(rollout)
    posting.delete(play.workspace, first)
    await play.live()
    await play.workspace_until(lambda: play.card(rollout).ts != first.ts, "a new card")


@on_both
async def test_a_server_that_lacks_methods(play: Play) -> None:
    play.faults.disable(
        "usergroups.users.list", "files.getUploadURLExternal", "files.completeUploadExternal", "reactions.add"
    )
    await play.restart()  # or it still knows for a while who was in the group
    await play.start()
    cursor = play.log.cursor
    await play.react("zhao")  # a member of the group alone, which nobody can see now
    await play.whispered("zhao", cursor)
    assert (await play.now()).status is Status.AWAITING_APPROVAL
    await play.live()  # wang is named in people.yaml
    await play.passed()


@on_both
async def test_people_who_cannot_be_looked_up_do_not_count(play: Play) -> None:
    await play.start()
    await play.asking()
    play.faults.disable("users.info", error="internal_error")
    cursor = play.log.cursor
    await play.react("wang")
    await play.log.wait_for(lambda e: e["kind"] == "delivery.acked" and e["name"] == "reaction_added", 10, cursor)
    looked = play.workspace.calls["users.info"]
    await play.workspace_until(lambda: play.workspace.calls["users.info"] >= looked, "somebody to be looked up")
    assert (await play.now()).status is Status.AWAITING_APPROVAL
    play.faults.clear()
    await play.react("zhao")
    await play.until(lambda r: r.live_stage == FIRST, "the stage live", 40)


@on_both
async def test_a_bot_that_was_away_finds_what_was_done_meanwhile(play: Play) -> None:
    since = await play.seq()
    rollout = await play.start()
    message = await play.asking()
    await play.posted(f"approval:{rollout.id}:{FIRST}:1:diff")
    await play.stand.kill_bot()
    await play.react("wang", message=message)
    await play.stand.start_bot()
    await play.until(lambda r: r.live_stage == FIRST, "the stage live")
    started = [e for e in await play.events(since) if isinstance(e, RolloutStarted)]
    assert [e.version for e in started] == [NEW]
    assert play.card(rollout)
    _nothing_twice(play)
