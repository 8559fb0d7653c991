"""`/rollout rollback` in every state, typed and pressed, and what it overtakes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from bot.rollout.events import RollbackOrdered, RolledBack, ShiftDone, StagePassed
from bot.rollout.model import Hold, Status
from bot.sandbox.demo.people import ended
from bot.sandbox.demo.stand import CHANNEL, SERVICE
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.workspace import texts_of
from tests.scenarios.kit import LAST, VETO, Play, on_both

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def _awaiting(play: Play) -> None:
    await play.through_first()


async def _shifting(play: Play) -> None:
    play.hold_up("lb-2")
    await play.start()
    await play.react("wang")
    await play.status(Status.SHIFTING)
    await play.workspace_until(lambda: play.held_up("lb-2"), "the shift to be under way")


async def _baking(play: Play) -> None:
    await play.world.dial("canary", critical_alerts=1)
    await play.world.prometheus.scraped()
    await play.start()
    await play.live()


async def _passed(play: Play) -> None:
    await play.start()
    await play.live()
    await play.passed()


async def _held(play: Play) -> None:
    await play.through_first()
    await play.react("wang", VETO)
    await play.status(Status.HELD)


async def _paused(play: Play) -> None:
    await play.start()
    await play.live()
    await play.type("lin", "/rollout pause")
    await play.until(lambda r: bool(r.paused_by), "the pause")


async def _watching(play: Play) -> None:
    await play.through_first()
    await play.react("wang")
    await play.status(Status.WATCHING)


async def _completed(play: Play) -> None:
    await _watching(play)
    await play.status(Status.COMPLETED)


STATES: dict[str, Callable[[Play], Awaitable[None]]] = {
    "awaiting_approval": _awaiting,
    "shifting": _shifting,
    "baking": _baking,
    "passed": _passed,
    "held": _held,
    "paused": _paused,
    "watching": _watching,
    "completed": _completed,
}


@pytest.mark.parametrize("state", STATES)
@on_both
async def test_typed_in_any_state_it_brings_everybody_back(play: Play, state: str) -> None:
    await STATES[state](play)
    since = await play.seq()
    line = "/rollout rollback" if state == "paused" else f"/rollout rollback {SERVICE} looks wrong"
    said = await play.type("chen", line)  # who has no role and needs none
    assert said.ok and said.private
    done = await play.until(lambda r: ended(r) and r.status is not Status.COMPLETED, "the way back")
    assert done.status is Status.ROLLED_BACK
    assert done.rollback and done.rollback.by == play.person("chen").id
    await play.back_on_old()
    events = await play.events(since)
    assert [type(e) for e in events if isinstance(e, RollbackOrdered | RolledBack)] == [RollbackOrdered, RolledBack]
    forward = [e for e in events if isinstance(e, ShiftDone | StagePassed)]
    # A bake may end in the instant the line is typed; a shift that was overtaken may not be reported as done.
    assert not forward or state == "baking"


@on_both
async def test_before_anything_was_shifted_it_cancels_and_touches_no_host(play: Play) -> None:
    before = await play.served()
    await play.start()
    await play.type("chen", "/rollout rollback")
    assert (await play.until(ended, "the end")).status is Status.CANCELLED
    assert await play.served() == before
    asking = await play.asking()
    await play.settled()
    cursor, since = play.log.cursor, await play.seq()
    await play.react("wang", message=asking)
    await play.whispered("wang", cursor)
    assert await play.events(since) == []


@on_both
async def test_a_shift_that_is_half_way_over_the_hosts_is_overtaken(play: Play) -> None:
    await play.start()
    await play.live()
    await play.passed()
    await play.type("lin", "/rollout promote")
    await play.until(lambda r: r.stage == LAST, "the last asking")
    with play.frozen_nginx("lb-2"):
        await play.react("wang")
        await _served_by(play, "lb-1", ("canary", 100.0))
        since = await play.seq()
        await play.type("chen", "/rollout rollback")
        await _served_by(play, "lb-1", ("stable", 0.0))  # while the other still hangs
        await play.until(lambda r: bool(r.rollback and "lb-2" in r.rollback.pending), "the one that hangs to be named")
    await play.status(Status.ROLLED_BACK)
    await play.back_on_old()
    assert not [e for e in await play.events(since) if isinstance(e, ShiftDone)]


@on_both
async def test_hosts_that_it_cannot_reach_are_a_critical_alert_until_they_are_back(play: Play) -> None:
    await play.start()
    await play.live()
    letters = len(play.stand.inbox.letters)
    await play.world.take_host_down("lb-2")
    try:
        await play.type("chen", "/rollout rollback looks wrong")
        await play.workspace_until(lambda: _alarm(play) == "firing", "the host to be named where criticals go")
    finally:
        await play.world.bring_host_up("lb-2")
    await play.status(Status.ROLLED_BACK)
    await play.workspace_until(lambda: _alarm(play) == "resolved", "the alert to clear itself")
    # The SMS of all the tests together are more than one recipient gets singly: here it may be in a digest.
    assert "mail" in {letter.kind for letter in list(play.stand.inbox.letters)[letters:] if "lb-2" in letter.text}


def _alarm(play: Play) -> str:
    """Where the alert about lb-2 stands, by the newest card in the channel of Critical alerts; "" = there is none."""
    cards = [m for m in play.workspace.messages("critical") if m.thread_ts in (None, m.ts)]
    text = " ".join([cards[-1].text, *texts_of(cards[-1].blocks)]) if cards else ""
    if "Hosts not rolled back" not in text or "lb-2" not in text:
        return ""
    return "resolved" if "Resolved" in text else "firing"


async def _served_by(play: Play, host: str, wanted: tuple[str, float]) -> None:
    async def reached() -> bool:
        return (await play.served())[host] == wanted

    await play.poll(reached, f"{host} to serve {wanted}")


@on_both
async def test_the_button_asks_first_and_then_does_the_same(play: Play) -> None:
    rollout = await play.start()
    await play.live()
    await play.card_with(rollout, "rollout.rollback")
    with pytest.raises(SlackError, match="confirmation_required"):
        await play.person("chen").click(CHANNEL, play.card(rollout).ts, "rollout.rollback")
    await play.press("chen", rollout, "rollback", confirmed=True)
    done = await play.status(Status.ROLLED_BACK)
    assert done.rollback and done.rollback.by == play.person("chen").id
    await play.back_on_old()


@on_both
async def test_a_trigger_brings_everybody_back_without_anybody(play: Play) -> None:
    await play.start()
    await play.live()
    await play.world.dial("canary", crash=True)  # up is 0: `availability < 99%`
    try:
        done = await play.status(Status.ROLLED_BACK)
    finally:
        await play.world.start_service("canary")
    assert done.rollback and done.rollback.by == "trigger" and done.rollback.trigger
    assert set((await play.served()).values()) == {("stable", 0.0)}


@on_both
async def test_gates_that_fail_hold_and_a_retry_bakes_again(play: Play) -> None:
    await _baking(play)
    held = await play.status(Status.HELD)
    assert held.hold is Hold.GATES_FAILED
    since = await play.seq()
    refused = await play.type("lin", "/rollout promote")
    assert refused.private and await play.events(since) == []
    await play.world.dial("canary", critical_alerts=0)
    await play.world.prometheus.scraped()
    await play.type("lin", "/rollout retry")
    await play.passed()
