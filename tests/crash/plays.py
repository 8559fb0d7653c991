"""Rollouts that between them come by every crash point: one completes, one fails and goes back, one has a whole runbook
around it, and in one there is an alarm.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.rollout.effects import RestoreTraffic
from bot.rollout.events import NoteAdded, ReactionRefused, WatchLine, WorkOverridden
from bot.rollout.model import Hold, Rollout, Status
from bot.sandbox.demo.stand import SERVICE
from tests.crash import alarm, runbook
from tests.crash.cast import Cast, Look
from tests.scenarios.kit import FIRST, LAST, NEW, VETO, ShortStand, edit_yaml

Play = Callable[[Cast], Awaitable[None]]


def patient(plan: Any, _: Path | None = None) -> None:
    """What ends in seconds of the clock would end elsewhere in a run that is interrupted, or on a slow machine."""
    plan["blind_warning"] = "10m"
    for stage in plan["stages"]:
        stage["max_bake"] = "1h"
    plan["fleet"]["host_deadline"] = "20s"


def calm(plan: Any, root: Path) -> None:
    """And no alert comes by chance."""
    patient(plan)
    alarm.wired(root)


def hurried(plan: Any, root: Path) -> None:
    """A host that hangs is given up sooner: it does so several times over. Its way back has steps."""
    calm(plan, root)
    plan["fleet"]["host_deadline"] = "10s"
    plan.update(runbook.way_back(root))


def surrounded(plan: Any, root: Path) -> None:
    """A watch that is long enough to show a line, whatever is killed in it; a host may be away."""
    calm(plan, root)
    plan.update(runbook.whole(root), watch="10s", watch_every="1s")
    plan["fleet"]["max_unavailable"] = 1


async def forward(cast: Cast) -> None:
    """A refused reaction, a card that cannot be edited, a pause, another plan, a veto, a hand edit, and the end."""
    await cast.start(NEW)
    await cast.asked(1)
    await cast.until("chen to be refused", lambda look: look.has(ReactionRefused), cast.react("chen", 1))
    await cast.until("chen to be told", lambda _: cast.whispered("chen"))
    await cast.settled()
    await _note_on_a_card_that_is_filed_away(cast)
    await cast.until("the pause", _rollout(lambda r: bool(r.paused_by)), cast.type("lin", "/rollout pause"))
    await cast.until("its end", _rollout(lambda r: not r.paused_by), cast.type("lin", "/rollout resume"))
    await cast.settled()
    await _replanned(cast.stand)
    await cast.asked(2)
    await cast.until("the veto", _rollout(lambda r: r.hold is Hold.VETOED), cast.react("wang", 2, VETO))
    await cast.settled()
    await cast.until("another asking", _attempt(3), cast.type("lin", "/rollout retry"))
    await cast.asked(3)
    await cast.until(f"{FIRST} live", _live(FIRST), cast.react("wang", 3))
    await _passed(cast)
    file = cast.stand.world.host_file("lb-1")
    cast.stand.world.edit_host_file("lb-1", f"{file}# by hand\n", reload=False)
    await cast.until("the hand edit to be seen", _rollout(lambda r: bool(r.drift)))
    await cast.settled()
    await cast.until("it to be undone", _rollout(lambda r: not r.drift), cast.type("lin", "/rollout restore"))
    await _passed(cast)
    await cast.until("the last asking", _attempt(4), cast.type("lin", "/rollout promote"))
    await cast.asked(4)
    await cast.until(f"{LAST} live", _live(LAST), cast.react("wang", 4))
    await cast.until("the end", _rollout(lambda r: r.status is Status.COMPLETED))
    await cast.settled()


async def back(cast: Cast) -> None:
    """A host that takes no reload, another try, a late reaction, and a way back while a host is down."""
    await cast.start(NEW)
    await cast.asked(1)
    with cast.stand.play.frozen_nginx("lb-2"):
        await cast.until("the shift to fail", _rollout(lambda r: r.hold is Hold.SHIFT_FAILED), cast.react("wang", 1))
        await cast.settled()
    await cast.until(f"{FIRST} live", _live(FIRST), cast.type("lin", "/rollout retry"))
    await _passed(cast)
    await cast.until("zhao to be told", lambda _: cast.whispered("zhao"), cast.react("zhao", 1, anew=True))
    await cast.stand.world.take_host_down("lb-2")
    ordered = _rollout(lambda r: bool(r.rollback and r.rollback.pending))
    await cast.until("lb-2 to be missed", ordered, cast.type("chen", f"/rollout rollback {SERVICE} looks wrong"))
    await cast.until("it to be put off", _put_off)
    await cast.stand.world.bring_host_up("lb-2")
    await cast.until("everybody back", _rollout(lambda r: r.status is Status.ROLLED_BACK))
    await cast.until("that to be told", _alerts(alarm.told, "HostsNotBack", 2))
    await cast.settled()


async def around(cast: Cast) -> None:
    """A check passed over, a checklist, a backup, steps at every turn, a host away, a watch, a signed report."""
    await cast.start(NEW)
    await cast.until("the check to fail", _rollout(lambda r: r.hold is Hold.PREPARATION_FAILED))
    await cast.settled()
    tick = cast.type("zhao", f"/rollout tick {SERVICE} {runbook.ITEM}")
    await cast.until("the tick", _rollout(lambda r: bool(r.ticks)), tick)
    await cast.settled()
    override = cast.type("wang", f"/rollout override {SERVICE} {runbook.FAILS} we know of it")
    await cast.until("the override", lambda look: look.has(WorkOverridden), override)
    await cast.asked(1)
    await cast.until(f"{FIRST} live", _live(FIRST), cast.react("wang", 1))
    await _passed(cast)
    add = cast.type("lin", f"/rollout followup {SERVICE} add remove the old logs +7d P2")
    await cast.until("the follow-up", _rollout(lambda r: bool(r.follow_ups)), add)
    done = cast.type("lin", f"/rollout followup {SERVICE} done F1")
    await cast.until("its end", _rollout(lambda r: bool(r.follow_ups[0].done_by)), done)
    await cast.settled()
    await cast.until("the last asking", _attempt(2), cast.type("lin", "/rollout promote"))
    await cast.asked(2)
    await cast.stand.world.take_host_down("lb-2")
    await cast.until(f"{LAST} live", _live(LAST), cast.react("wang", 2))
    await cast.stand.world.bring_host_up("lb-2")
    await cast.until("lb-2 to catch up", _rollout(lambda r: not r.left_out))
    await cast.until("a line of the watch", lambda look: look.has(WatchLine))
    await cast.until("the end", _rollout(lambda r: r.status is Status.COMPLETED))
    await cast.until("the report", _rollout(lambda r: bool(r.report and r.report.posted_at)))
    await cast.settled()
    signed = _rollout(lambda r: bool(r.report and r.report.signed_at))
    await cast.until("the signature", signed, cast.react_to("lin", "signoff:"))
    await cast.settled()


async def alarmed(cast: Cast) -> None:
    """An alert before the first stage and one about the canary: one acknowledged, one silenced and told after all; a
    turn swapped; both over. Then back, since the card of a live rollout is shown anew every few seconds: how a play
    ends must not depend on the moment.
    """
    await cast.start(NEW)
    await cast.asked(1)
    began = datetime.now(UTC).isoformat()
    await cast.until("an alert", _alerts(alarm.firing, "DiskFull"), cast.post_alert("DiskFull", "firing", began))
    await cast.until("it to be told", _alerts(alarm.told, "DiskFull", 1))
    await cast.until("the card to say so", lambda _: "DiskFull" in cast.card())
    await cast.settled()
    await cast.until(f"{FIRST} live", _live(FIRST), cast.react("wang", 1))
    await _passed(cast)
    await cast.until(
        "it to be acknowledged", _alerts(alarm.acknowledged, "DiskFull"), cast.type("wang", "/rollout ack DiskFull")
    )
    silence = cast.type("lin", "/rollout silence alertname=LatencyHigh 1h known")
    await cast.until("the silence", lambda look: bool(look.alerts.silences), silence)
    await cast.settled()
    post = cast.post_alert("LatencyHigh", "firing", began)
    await cast.until("another, muted", _alerts(alarm.muted, "LatencyHigh"), post)
    await cast.settled()
    await cast.until("its end", lambda look: not look.alerts.silences, cast.unsilence("lin"))
    await cast.until("the other to be told", _alerts(alarm.told, "LatencyHigh", 1))
    await cast.settled()
    swap = cast.type("lin", "/rollout oncall swap zhao 1h")
    await cast.until("the turn to be swapped", lambda look: bool(look.alerts.overrides), swap)
    for name in ("DiskFull", "LatencyHigh"):
        over = cast.post_alert(name, "resolved", began)
        await cast.until(f"{name} to be over", _no(_alerts(alarm.firing, name)), over)
        await cast.until("that to be told", _alerts(alarm.told, name, 2))
        await cast.until("the card to say so", lambda _, over=name: over not in cast.card())
        await cast.settled()
    back = _rollout(lambda r: r.status is Status.ROLLED_BACK)
    await cast.until("everybody back", back, cast.type("lin", f"/rollout rollback {SERVICE} enough seen"))
    await cast.settled()


Shape = Callable[[Any, Path], None]  # what is different in the plan; the stand's root
PLAYS: dict[str, tuple[Play, Shape]] = {
    "forward": (forward, calm),
    "back": (back, hurried),
    "around": (around, surrounded),
    "alarmed": (alarmed, calm),
}


async def _note_on_a_card_that_is_filed_away(cast: Cast) -> None:
    """The one thing that Slack refuses for good is to edit what is in an archived channel."""
    faults = cast.stand.workspace.faults
    faults.disable("chat.update", error="is_archived")
    await cast.until("the note", lambda look: look.has(NoteAdded), cast.type("lin", "/rollout note looks good"))
    await cast.settled()
    faults.clear()


async def _replanned(stand: ShortStand) -> None:
    """Another threshold in the plan, and the bot stopped in order and started with it."""
    await stand.stop_bot()
    edit_yaml(stand.plan_file, lambda plan: plan["stages"][0].update(gates=["open_critical_alerts < 1"]))
    await stand.start_bot()


async def _passed(cast: Cast) -> None:
    await cast.until("the stage to pass", _rollout(lambda r: r.status is Status.PASSED))
    await cast.settled()


def _rollout(true: Callable[[Rollout], bool]) -> Callable[[Look], bool]:
    return lambda look: look.rollout is not None and true(look.rollout)


def _alerts(true: Callable[..., bool], *given: Any) -> Callable[[Look], bool]:
    return lambda look: true(look.alerts, *given)


def _no(true: Callable[[Look], bool]) -> Callable[[Look], bool]:
    return lambda look: not true(look)


def _put_off(look: Look) -> bool:
    return any(isinstance(w.effect, RestoreTraffic) and w.attempts and not w.lease_until for w in look.waiting)


def _attempt(number: int) -> Callable[[Look], bool]:
    return _rollout(lambda r: bool(r.approval and r.approval.attempt == number))


def _live(stage: str) -> Callable[[Look], bool]:
    return _rollout(lambda r: r.live_stage == stage and r.status is not Status.SHIFTING)
