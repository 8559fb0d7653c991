"""Two rollouts that between them come by every crash point: one that completes, and one that fails and goes back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from bot.rollout.effects import RestoreTraffic
from bot.rollout.events import NoteAdded, ReactionRefused
from bot.rollout.model import Hold, Rollout, Status
from bot.sandbox.demo.stand import SERVICE
from tests.crash.cast import Cast, Look
from tests.scenarios.kit import FIRST, LAST, NEW, VETO, ShortStand, edit_yaml

Play = Callable[[Cast], Awaitable[None]]


def patient(plan: Any) -> None:
    """What ends in seconds of the clock would end elsewhere in a run that is interrupted, or on a slow machine."""
    plan["blind_warning"] = "10m"
    for stage in plan["stages"]:
        stage["max_bake"] = "1h"
    plan["fleet"]["host_deadline"] = "20s"


def hurried(plan: Any) -> None:
    """A host that hangs is given up sooner: it does so several times over."""
    patient(plan)
    plan["fleet"]["host_deadline"] = "10s"


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
    await cast.settled()


PLAYS: dict[str, tuple[Play, Callable[[Any], None]]] = {"forward": (forward, patient), "back": (back, hurried)}


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


def _put_off(look: Look) -> bool:
    return any(isinstance(w.effect, RestoreTraffic) and w.attempts and not w.lease_until for w in look.waiting)


def _attempt(number: int) -> Callable[[Look], bool]:
    return _rollout(lambda r: bool(r.approval and r.approval.attempt == number))


def _live(stage: str) -> Callable[[Look], bool]:
    return _rollout(lambda r: r.live_stage == stage and r.status is not Status.SHIFTING)
