"""Hosts that are down, and hosts that a person has changed."""

from __future__ import annotations

import pytest

from bot.rollout.events import DriftAdopted, DriftFound, DriftGone, HostsRestored, ShiftFailed
from bot.rollout.model import Hold, Status
from bot.sandbox.demo.stand import SERVICE
from tests.scenarios.kit import LAST, OLD, Play, on_both

pytestmark = pytest.mark.asyncio(loop_scope="module")


def _reweigh(play: Play, host: str, percent: int) -> str:
    """What a person does in an editor: another share, in the header and in the split, and a reload."""
    text = play.world.host_file(host)
    edited = text.replace("10.00", f"{percent}.00")
    assert edited != text
    play.world.edit_host_file(host, edited)
    return edited


async def _drifted(play: Play, share: float) -> None:
    """Until the bot has seen what lb-1 serves now; in the middle of a reload it is not known."""
    await play.until(lambda r: [(d.host, d.share) for d in r.drift] == [("lb-1", share)], "the drift to be found")


@on_both
async def test_a_persons_lower_share_can_be_kept(play: Play) -> None:
    await play.start()
    await play.live()
    await play.passed()
    since = await play.seq()
    kept = _reweigh(play, "lb-1", 5)
    await _drifted(play, 5.0)
    before = await play.seq()
    refused = await play.type("lin", "/rollout promote")
    assert refused.private and await play.events(before) == []
    await play.type("lin", "/rollout adopt")
    await play.until(lambda r: not r.drift, "it to be kept")
    kinds = {type(e) for e in await play.events(since)}
    assert kinds == {DriftFound, DriftAdopted}
    # The other host's drift shows that there was another look, and that the kept one is no drift any more.
    ours = play.world.host_file("lb-2")
    play.world.edit_host_file("lb-2", ours + "# by hand\n")
    await play.until(lambda r: [d.host for d in r.drift] == ["lb-2"], "the other's drift alone")
    play.world.edit_host_file("lb-2", ours)
    await play.until(lambda r: not r.drift, "it to be gone")
    assert (await play.served())["lb-1"] == ("shift", 5.0)
    assert play.world.host_file("lb-1") == kept
    await play.type("lin", "/rollout promote")
    await play.until(lambda r: r.stage == LAST and r.status is Status.AWAITING_APPROVAL, "the next asking")


@on_both
async def test_a_file_that_was_changed_can_be_restored(play: Play) -> None:
    await play.start()
    await play.live()
    ours = play.world.host_file("lb-1")
    play.world.edit_host_file("lb-1", ours + "# by hand\n")
    await _drifted(play, 10.0)
    await play.type("lin", "/rollout restore")
    await play.until(lambda r: not r.drift and r.status is not Status.SHIFTING, "the bot's own file")
    assert "# by hand" not in play.world.host_file("lb-1")
    assert set((await play.served()).values()) == {("shift", 10.0)}
    await play.passed()


@on_both
async def test_a_higher_share_cannot_be_kept_and_goes_back(play: Play) -> None:
    await play.start()
    await play.live()
    _reweigh(play, "lb-1", 60)
    await _drifted(play, 60.0)
    since = await play.seq()
    refused = await play.type("lin", "/rollout adopt")
    assert refused.private and not [e for e in await play.events(since) if isinstance(e, DriftAdopted)]
    assert (await play.now()).drift
    await play.type("chen", "/rollout rollback")
    await play.status(Status.ROLLED_BACK)
    await play.back_on_old()


@on_both
async def test_what_a_person_puts_back_by_hand_is_seen(play: Play) -> None:
    await play.start()
    await play.live()
    ours = play.world.host_file("lb-1")
    play.world.edit_host_file("lb-1", ours + "# by hand\n")
    await _drifted(play, 10.0)
    since = await play.seq()
    play.world.edit_host_file("lb-1", ours)
    await play.until(lambda r: not r.drift, "the drift to be gone")
    assert [e for e in await play.events(since) if isinstance(e, DriftGone)]


@on_both
async def test_a_host_that_is_down_stops_a_shift_with_nothing_changed(play: Play) -> None:
    await play.start()
    await play.asking()
    before = (await play.served())["lb-1"]
    await play.world.take_host_down("lb-2")
    since = await play.seq()
    await play.react("wang")
    held = await play.status(Status.HELD)
    assert held.hold is Hold.SHIFT_FAILED
    failed = next(e for e in await play.events(since) if isinstance(e, ShiftFailed))
    assert [host for host, _ in failed.failed] == ["lb-2"]
    assert (await play.served())["lb-1"] == before
    assert await play.versions() == {OLD}
    await play.world.bring_host_up("lb-2")
    await play.type("lin", "/rollout retry")
    await play.passed()
    assert set((await play.served()).values()) == {("shift", 10.0)}


@on_both
async def test_going_back_waits_for_no_host(play: Play) -> None:
    rollout = await play.start()
    await play.live()
    await play.world.take_host_down("lb-2")
    since = await play.seq()
    await play.type("chen", f"/rollout rollback {SERVICE}")
    pending = await play.until(lambda r: bool(r.rollback and r.rollback.pending), "the pending host")
    assert pending.status is Status.ROLLING_BACK
    assert pending.rollback and pending.rollback.pending == ("lb-2",)
    assert (await play.served())["lb-1"] == ("stable", 0.0)
    at, partial = next((n, e) for n, e in await play.witness.events() if n > since and isinstance(e, HostsRestored))
    assert partial.restored == ("lb-1",)
    told = await play.posted(f"tell:{rollout.id}:{at}")
    assert told.broadcast
    await play.world.bring_host_up("lb-2")
    await play.status(Status.ROLLED_BACK)
    await play.back_on_old()
