"""What is typed or pressed wrongly, too early or by the wrong person: one private answer, and nothing changes."""

from __future__ import annotations

import pytest

from bot.rollout.model import Status
from bot.sandbox.demo.stand import CHANNEL, SERVICE
from tests.scenarios.kit import FIRST, NEW, OLD, Play, on_both

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT_REST = [
    "/rollout strat brand-diagnosis 9.9.9",
    "/rollout frobnicate",
    "/rollout start",
    f"/rollout start {SERVICE}",
    "/rollout start brand-diagnosi 9.9.9",
    "/rollout start nothing-like-it 9.9.9",
    f"/rollout start {SERVICE} not/a/version",
    f"/rollout start {SERVICE} {OLD}",  # serves already
    "/rollout promote",
    "/rollout rollback",
    "/rollout pause",
    "/rollout resume",
    "/rollout retry",
    "/rollout adopt",
    "/rollout restore",
    "/rollout note",
    "/rollout plan",
    f"/rollout plan {SERVICE} {NEW}",
    "/rollout",
    "/rollout status nothing-like-it",
    "/rollout history",
    "/rollout help start",
]
UNDER_WAY = [
    f"/rollout start {SERVICE} 9.9.9",
    f"/rollout promote {SERVICE}",
    "/rollout promote --force",
    "/rollout promote forwards",
    "/rollout resume",
    "/rollout retry",
    "/rollout adopt",
    "/rollout restore",
    "/rollout note",
    "/rollout status",
]


async def _all_private(play: Play, who: str, lines: list[str]) -> None:
    since, cursor = await play.seq(), play.log.cursor
    for line in lines:
        said = await play.type(who, line)
        assert said.ok and len(said.private) == 1, f"{line}: {said}"
        assert said.text.strip() and not said.public, line
    assert await play.events(since) == []
    posted = [e for e in play.log.since(cursor) if e["kind"] == "message.posted"]
    assert posted == []


@on_both
async def test_at_rest(play: Play) -> None:
    await _all_private(play, "lin", AT_REST)
    assert set((await play.served()).values()) <= {None, ("stable", 0.0)}


@on_both
async def test_who_may_not_start(play: Play) -> None:
    for who in ("chen", "guest", "external"):
        await _all_private(play, who, [f"/rollout start {SERVICE} {NEW}"])


@on_both
async def test_under_way(play: Play) -> None:
    rollout = await play.start()
    await play.asking()
    await play.posted(f"approval:{rollout.id}:{FIRST}:1:diff")
    await play.settled()
    await _all_private(play, "lin", UNDER_WAY)
    await _all_private(
        play, "chen", ["/rollout promote", "/rollout pause", "/rollout retry", "/rollout promote --force x"]
    )
    assert (await play.now()).status is Status.AWAITING_APPROVAL


@on_both
async def test_a_phone_that_writes_it_its_own_way_is_understood(play: Play) -> None:
    said = await play.type("lin", f"/rollout START “{SERVICE}” “{NEW}” weekly")
    assert said.ok
    rollout = await play.until(lambda r: r.version == NEW and r.active, "the rollout")
    assert rollout.reason == "weekly"


@on_both
async def test_the_cards_buttons_do_what_the_commands_do(play: Play) -> None:
    rollout = await play.start()
    await play.live()
    lin = play.person("lin").id
    await play.press("lin", rollout, "pause")
    assert (await play.until(lambda r: bool(r.paused_by), "the pause")).paused_by == lin
    await play.press("lin", rollout, "resume")
    await play.until(lambda r: not r.paused_by, "the resumption")
    await play.passed()
    await play.press("lin", rollout, "promote", confirmed=True)
    asked = await play.status(Status.AWAITING_APPROVAL)
    await play.react("wang", "x")
    await play.status(Status.HELD)
    await play.press("lin", rollout, "retry")
    again = await play.status(Status.AWAITING_APPROVAL)
    assert again.approval and asked.approval and again.approval.attempt == asked.approval.attempt + 1
    await play.press("lin", rollout, "rollback", confirmed=True)
    await play.status(Status.ROLLED_BACK)
    assert play.card(rollout)


@on_both
async def test_a_button_is_refused_to_whom_the_command_is(play: Play) -> None:
    rollout = await play.start()
    await play.live()
    await play.passed()
    since, cursor = await play.seq(), play.log.cursor
    await play.press("chen", rollout, "promote", confirmed=True)
    await play.whispered("chen", cursor)
    assert len(play.whispers("chen", cursor)) == 1
    assert await play.events(since) == []


@on_both
async def test_a_button_of_an_older_card_is_refused(play: Play) -> None:
    older = await play.start()
    await play.live()
    await play.card_with(older, "rollout.pause")
    card = play.card(older)
    kept = [dict(block) for block in card.blocks]  # as a client has it that has not been told of the change yet
    await play.type("lin", "/rollout rollback")
    await play.status(Status.ROLLED_BACK)
    await play.settled()
    await play.start()
    await play.asking()
    since = await play.seq()
    card.blocks = kept
    for action in ("rollout.pause", "rollout.rollback"):
        cursor = play.log.cursor
        await play.person("lin").click(CHANNEL, card.ts, action, confirmed=True, wait=2.0)
        await play.whispered("lin", cursor)
        assert len(play.whispers("lin", cursor)) == 1
    assert await play.events(since) == []
    now = await play.now()
    assert (now.status, now.paused_by) == (Status.AWAITING_APPROVAL, "")
