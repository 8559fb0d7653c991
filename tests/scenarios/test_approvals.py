"""Who may let a stage start: reactions that count, that do not, that come too late, and a changed plan."""

from __future__ import annotations

from typing import Any

import pytest

from bot.rollout.events import (
    ApprovalClosed,
    ApproversChanged,
    PlanChanged,
    ReactionRefused,
    RolloutCompleted,
    ShiftDone,
    ShiftOrdered,
    StageApproved,
)
from bot.rollout.model import Hold, Status
from bot.sandbox.slack.workspace import texts_of
from tests.scenarios.kit import FIRST, LAST, VETO, Play, on_both

pytestmark = pytest.mark.asyncio(loop_scope="module")


@on_both
async def test_from_the_start_to_everybody(play: Play) -> None:
    since = await play.seq()
    rollout = await play.start()
    for stage in (FIRST, LAST):
        message = await play.react("wang")
        await play.until(lambda r, s=stage: r.live_stage == s, f"{stage} live")  # type: ignore[misc]
        decided = f"approval:{rollout.id}:{stage}:1"
        if stage == FIRST:
            assert set((await play.served()).values()) == {("shift", 10.0)}
            await play.passed()
            assert set((await play.served()).values()) == {("shift", 10.0)}
            await play.type("lin", "/rollout promote")
            await play.until(lambda r: r.stage == LAST, "the last asking")
            assert set((await play.served()).values()) == {("shift", 10.0)}, "promote alone moves nothing"
        else:
            decided = f"approval:{rollout.id}:{stage}:2"
        shown = play.keyed(decided)[-1]
        assert shown.ts == message.ts
    done = await play.status(Status.COMPLETED)
    assert set((await play.served()).values()) == {("canary", 100.0)}
    assert await play.versions() == {"2.1.0"}
    events = await play.events(since)
    wang = play.person("wang").id
    assert [e.approvers for e in events if isinstance(e, StageApproved)] == [(wang,), (wang,)]
    assert [(e.stage, e.weight) for e in events if isinstance(e, ShiftOrdered)] == [(FIRST, 10.0), (LAST, 100.0)]
    assert isinstance(events[-1], RolloutCompleted)
    assert play.card(done)
    # Broadcast is the end alone; everything else stays in the thread.
    await play.posted(f"tell:{done.id}:{await play.seq()}")


@on_both
async def test_whoever_may_not_approve_is_told_once_in_private(play: Play) -> None:
    since, cursor = await play.seq(), play.log.cursor
    await play.start()
    cursor = play.log.cursor
    rules = {"lin": "own_rollout", "chen": "no_role", "guest": "guest", "external": "external"}
    message = await play.asking()
    for who in rules:
        await play.react(who, message=message)
        await play.whispered(who, cursor)
    looked = play.workspace.calls["reactions.get"]
    await play.unreact("chen", message)
    await play.react("chen", message=message)
    await play.workspace_until(lambda: play.workspace.calls["reactions.get"] >= looked + 2, "both to be looked at")
    await play.react("zhao", message=message)  # by the Slack group alone
    await play.until(lambda r: r.live_stage == FIRST, "the stage live")
    codes = {e.user: e.code for e in await play.events(since) if isinstance(e, ReactionRefused)}
    assert codes == {play.person(who).id: code for who, code in rules.items()}
    assert {who: len(play.whispers(who, cursor)) for who in rules} == dict.fromkeys(rules, 1)
    approved = [e for e in await play.events(since) if isinstance(e, StageApproved)]
    assert [e.approvers for e in approved] == [(play.person("zhao").id,)]


@on_both
async def test_what_is_decided_stays_decided_and_says_by_whom(play: Play) -> None:
    await play.start()
    message = await play.asking()
    await play.live()
    wang = f"<@{play.person('wang').id}>"
    await play.workspace_until(
        lambda: any(wang in text for text in texts_of(message.blocks)), "the asking to name who approved"
    )
    assert message.edited
    await play.passed()
    since, cursor = await play.seq(), play.log.cursor
    await play.react("zhao", message=message)
    await play.whispered("zhao", cursor)
    await play.unreact("wang", message)  # withdraws nothing any more
    await play.react("zhao", VETO, message=message)
    await play.workspace_until(lambda: len(play.whispers("zhao", cursor)) == 2, "the veto to be answered too")
    assert await play.events(since) == []
    assert (await play.now()).status is Status.PASSED


@on_both
async def test_a_reaction_on_the_card_counts_for_nothing(play: Play) -> None:
    rollout = await play.start()
    await play.asking()
    since, cursor = await play.seq(), play.log.cursor
    await play.react("wang", message=play.card(rollout))
    await play.whispered("wang", cursor)
    assert await play.events(since) == []


@on_both
async def test_a_veto_holds_and_a_retry_asks_again(play: Play) -> None:
    rollout = await play.start()
    vetoed = await play.react("wang", VETO)
    held = await play.status(Status.HELD)
    assert held.hold is Hold.VETOED
    assert set((await play.served()).values()) <= {None, ("stable", 0.0)}
    cursor = play.log.cursor
    await play.react("zhao", message=vetoed)
    await play.whispered("zhao", cursor)
    assert (await play.now()).status is Status.HELD
    await play.type("lin", "/rollout retry")
    again = await play.status(Status.AWAITING_APPROVAL)
    assert again.approval and again.approval.attempt == 2
    assert (await play.asking(again)).ts != vetoed.ts
    await play.live()
    assert play.card(rollout)


@on_both
async def test_withdrawn_before_the_quorum_withdraws_and_after_it_nothing(play: Play) -> None:
    def quorum(number: int) -> Any:
        return lambda plan: plan["approval"].update(quorum=number)

    await play.replan(quorum(2))
    try:
        since = await play.seq()
        rollout = await play.start()
        wang, zhao = play.person("wang").id, play.person("zhao").id
        message = await play.react("wang")
        await play.until(lambda r: bool(r.approval and r.approval.approvers == (wang,)), "one approval")
        await play.unreact("wang", message)
        await play.until(lambda r: bool(r.approval and not r.approval.approvers), "none")
        await play.react("zhao", message=message)
        await play.until(lambda r: bool(r.approval and r.approval.approvers == (zhao,)), "the other's")
        assert (await play.now()).status is Status.AWAITING_APPROVAL
        await play.react("wang", message=message)
        await play.until(lambda r: r.live_stage == FIRST, "the stage live")
        await play.unreact("wang", message)
        await play.unreact("zhao", message)
        await play.passed()
        events = await play.events(since)
        assert [e.approvers for e in events if isinstance(e, ApproversChanged)] == [
            (wang,),
            (),
            (zhao,),
            tuple(sorted((wang, zhao))),
        ]
        assert len([e for e in events if isinstance(e, ShiftDone)]) == 1
        assert play.card(rollout)
    finally:
        await play.end()
        await play.replan(quorum(1))


@on_both
async def test_a_plan_changed_on_the_disk_voids_the_asking_and_asks_again(play: Play) -> None:
    def bake(seconds: int) -> Any:
        return lambda plan: plan["stages"][0].update(bake=f"{seconds}s")

    rollout = await play.start()
    before = await play.asking(rollout)
    since = await play.seq()
    await play.replan(bake(2))
    try:
        again = await play.until(lambda r: bool(r.approval and r.approval.attempt == 2), "the second asking")
        assert again.status is Status.AWAITING_APPROVAL
        assert again.plan_hash != rollout.plan_hash
        kinds = [type(e) for e in await play.events(since)]
        assert kinds[:2] == [PlanChanged, ApprovalClosed]
        new = await play.asking(again)
        assert new.ts != before.ts
        cursor = play.log.cursor
        await play.react("wang", message=before)
        await play.whispered("wang", cursor)
        assert (await play.now()).status is Status.AWAITING_APPROVAL
        await play.live()
    finally:
        await play.end()
        await play.replan(bake(1))
