"""The bot, broken on purpose, at the core and around it: each mutant breaks one rule, and the simulator must notice."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from bot.alerts import dedup, pipeline
from bot.alerts.deciding import telling
from bot.engine import observer, performers, targets, works
from bot.engine.publishing import Publisher
from bot.engine.rollouts import Rollouts
from bot.engine.worker import Worker
from bot.fleet.router import FleetRouter
from bot.fleet.target import HostState, Outcome
from bot.rollout import decide
from bot.rollout import events as ev
from bot.rollout import intents as it
from bot.rollout.deciding import boards, stepping, work
from bot.rollout.runbook import Phase
from bot.rollout.work import WorkRef
from tests.rollout import mutants as core
from tests.rollout.mutants import Patch
from tests.simulation.slack import SimChat


def more_than_approved(patch: pytest.MonkeyPatch) -> None:
    real = performers.forward

    def forward(rollout: Any, plan: Any, stage: Any, generation: int) -> Any:
        return real(rollout, plan, dataclasses.replace(stage, weight=min(100.0, stage.weight + 5)), generation)

    patch.setattr(performers, "forward", forward)


def what_failed_stays(patch: pytest.MonkeyPatch) -> None:
    """Some hosts or all: a swap is not taken back."""

    async def nothing(self: FleetRouter, hosts: Any, shift: Any) -> Outcome:
        return Outcome.REVERTED

    patch.setattr(FleetRouter, "_put_back", nothing)


def done_is_what_was_staged(patch: pytest.MonkeyPatch) -> None:
    async def committed(self: FleetRouter, host: Any, shift: Any) -> None:
        shift.touched.add(host.name)

    patch.setattr(FleetRouter, "_commit", committed)


def hands_are_overwritten(patch: pytest.MonkeyPatch) -> None:
    """What somebody changed on a host is neither seen nor in the way."""
    patch.setattr(performers, "in_the_way", lambda *_: ())
    patch.setattr(observer, "drift", lambda *_: ())


def an_earlier_wave_is_overwritten(patch: pytest.MonkeyPatch) -> None:
    """What somebody changed on a host of an earlier wave is written over by the next one."""
    patch.setattr(targets, "_changed_since", lambda *_: False)


def who_is_down_is_mended(patch: pytest.MonkeyPatch) -> None:
    """A host that somebody changed is as ordered once nginx is stopped there."""
    patch.setattr(
        observer, "down_as_ordered", lambda readings, *_: tuple(r.host for r in readings if r.state is HostState.DOWN)
    )


def anybody_may_operate(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decide, "may_operate", lambda *_: True)


def once_is_enough(patch: pytest.MonkeyPatch) -> None:
    """What Slack or a host does not take at the first try is dropped."""

    async def later(self: Worker, claimed: Any, error: str, after: Any) -> None:
        await self._store.fail(claimed.id, claimed.owner, error)

    patch.setattr(Worker, "_later", later)


def posts_without_looking(patch: pytest.MonkeyPatch) -> None:
    """What an earlier try may have posted is not looked for."""

    async def find(self: SimChat, *_: Any) -> None:
        return None

    patch.setattr(SimChat, "find", find)


def nobody_did_it(patch: pytest.MonkeyPatch) -> None:
    real = decide._decide

    def decided(intent: Any, *more: Any) -> Any:
        if not isinstance(intent, it.Pause):
            return real(intent, *more)
        return (ev.RolloutPaused("", intent.reason, more[2]),)

    patch.setattr(decide, "_decide", decided)


def causes_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A redelivery is taken for something new."""
    submit, record = Rollouts.submit, Rollouts.record

    async def submitted(self: Rollouts, service: str, intent: Any, cause: Any = None, **more: Any) -> Any:
        return await submit(self, service, intent, None, **more)

    async def recorded(self: Rollouts, service: str, cause: Any, effects: Any) -> Any:
        return await record(self, service, None, effects)

    patch.setattr(Rollouts, "submit", submitted)
    patch.setattr(Rollouts, "record", recorded)


def half_a_way_back(patch: pytest.MonkeyPatch) -> None:
    """A host that does not answer a rollback is not tried again."""
    real = Worker._run

    async def run(self: Worker, claimed: Any) -> None:
        if claimed.attempts and type(claimed.effect).__name__ == "RestoreTraffic":
            await self._store.finish(claimed.id, claimed.owner)
        else:
            await real(self, claimed)

    patch.setattr(Worker, "_run", run)


def repeats_at_once(patch: pytest.MonkeyPatch) -> None:
    real = dedup.judge
    patch.setattr(
        pipeline, "judge", lambda group, route, *more: real(group, dataclasses.replace(route, repeat_interval=1), *more)
    )
    patch.setattr(telling, "wanting", lambda state, *_: set(state.groups))


def an_end_is_not_told(patch: pytest.MonkeyPatch) -> None:
    real = dedup.judge

    def judge(group: Any, *more: Any) -> Any:
        said = real(group, *more)
        return dedup.Wait("nothing") if isinstance(said, dedup.Say) and said.gone else said

    patch.setattr(pipeline, "judge", judge)


def nothing_escalates(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(telling, "escalate", lambda *_: ())


def the_traffic_does_not_wait_for_its_steps(patch: pytest.MonkeyPatch) -> None:
    real = work.begin

    def begin(plan: Any, r: Any, phase: Phase, *more: Any) -> Any:
        return () if phase is Phase.BEFORE_STAGE else real(plan, r, phase, *more)

    patch.setattr(work, "begin", begin)


def the_way_back_does_not_wait_for_the_traffic(patch: pytest.MonkeyPatch) -> None:
    """The steps of a rollback are ordered with it, and not when every host is back."""
    real = boards.roll_back

    def back(state: Any, r: Any, by: str, reason: str, trigger: Any, now: float) -> Any:
        refs = (WorkRef("step", "stop_new", Phase.ON_ROLLBACK, machine="bot"),)
        ordered = ev.WorkOrdered(Phase.ON_ROLLBACK, "", r.work.order + 1, refs, "", False, now) if r.work else None
        return (*real(state, r, by, reason, trigger, now), *([ordered] if ordered else []))

    for module in (boards, stepping):
        patch.setattr(module, "roll_back", back)


def a_crash_makes_another_key(patch: pytest.MonkeyPatch) -> None:
    """The machine cannot know that it was asked before."""
    patch.setattr(works, "_key", lambda claimed, rollout: f"{claimed.key}:{claimed.attempts}")


def what_was_cut_off_is_dropped(patch: pytest.MonkeyPatch) -> None:
    real = works.Works.do

    async def done(self: Any, claimed: Any, effect: Any) -> bool:
        return False if claimed.attempts else await real(self, claimed, effect)

    patch.setattr(works.Works, "do", done)


def a_report_is_not_noted(patch: pytest.MonkeyPatch) -> None:
    real = Publisher.report

    async def report(self: Any, claimed: Any, effect: Any) -> bool:
        return False if claimed.attempts else await real(self, claimed, effect)

    patch.setattr(Publisher, "report", report)


# rule -> the mutants that break it. A rule with several has them because it has several sides.
MUTANTS: dict[str, tuple[Patch, ...]] = {
    "1": (more_than_approved, core.down_is_up),
    "2": (core.own_approval, core.one_is_enough),
    "3": (core.two_at_once, core.no_way_back_while_paused),
    "4": (core.half_a_bake,),
    "5": (what_failed_stays, done_is_what_was_staged),
    "6": (hands_are_overwritten, an_earlier_wave_is_overwritten, who_is_down_is_mended),
    "7": (anybody_may_operate,),
    "8": (once_is_enough, posts_without_looking),
    "9": (repeats_at_once, an_end_is_not_told, nothing_escalates),
    "10": (nobody_did_it,),
    "wave": (core.waves_follow_at_once,),
    "work": (
        core.the_checklist_is_not_waited_for,
        core.what_passed_is_done_again,
        the_traffic_does_not_wait_for_its_steps,
        the_way_back_does_not_wait_for_the_traffic,
        a_crash_makes_another_key,
        what_was_cut_off_is_dropped,
        a_report_is_not_noted,
    ),
    "fence": (core.same_generation,),
    "once": (causes_are_forgotten,),
    "alive": (half_a_way_back,),
}
# Where each was found when it was written; any other seed will do as well.
FOUND_AT = {
    "down_is_up": 80,
    "own_approval": 141,
    "one_is_enough": 220,
    "two_at_once": 16,
    "no_way_back_while_paused": 65,
    "what_failed_stays": 45,
    "an_earlier_wave_is_overwritten": 1855,
    "who_is_down_is_mended": 684,
    "anybody_may_operate": 38,
    "once_is_enough": 2,
    "posts_without_looking": 108,
    "repeats_at_once": 5,
    "an_end_is_not_told": 5,
    "nothing_escalates": 61,
    "nobody_did_it": 4,
    "waves_follow_at_once": 13,
    "half_a_way_back": 10,
    "causes_are_forgotten": 3,
    "the_checklist_is_not_waited_for": 5,
    "what_passed_is_done_again": 3,
    "the_traffic_does_not_wait_for_its_steps": 3,
    "the_way_back_does_not_wait_for_the_traffic": 36,
    "a_crash_makes_another_key": 76,
    "what_was_cut_off_is_dropped": 100,
    "a_report_is_not_noted": 1477,
}
