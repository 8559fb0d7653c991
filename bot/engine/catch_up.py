"""Hosts that a shift went without are brought to its generation as each of them answers again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.engine.acting import acting_epoch
from bot.engine.ports.errors import Retryable
from bot.engine.ports.fleet import Fleet
from bot.engine.ports.records import Claimed
from bot.engine.rollouts import Rollouts
from bot.engine.targets import behind, forward
from bot.fleet.target import HostReading, HostState, Outcome, Target
from bot.rollout.deciding.reports import MOVING
from bot.rollout.effects import CatchUp
from bot.rollout.intents import ReportCaughtUp
from bot.rollout.model import Rollout
from bot.rollout.plan import ApprovalRule, Plan, Stage

AGAIN = 5.0  # seconds between looks at hosts that are away


async def catch_up(rollouts: Rollouts, fleets: Mapping[str, Fleet], claimed: Claimed, effect: CatchUp) -> bool:
    """True: finished with its outcome. Raises Retryable until every host that was left out has caught up."""
    service = claimed.stream
    rollout, plan = (await rollouts.settled(service)).rollout, rollouts.plans[service]
    missing = _missing(rollout, plan)
    if rollout is None or rollout.live_generation != effect.generation or not missing:
        return False  # a newer shift or a rollback has taken them along, or the plan no longer has them
    target = _target(rollout, plan)
    ordered, fleet = rollouts.generation(service), fleets[service]

    def superseded() -> bool:
        return rollouts.generation(service) > ordered

    caught = []
    for reading in await fleet.read(service):
        if reading.host not in missing:
            continue
        if _has(reading, effect.generation):
            caught.append(reading.host)
        elif behind(reading, effect.generation):
            done = await fleet.part((reading.host,)).shift(target, superseded)
            caught += [reading.host] if done.outcome is Outcome.DONE else []
    left = missing - set(caught)
    if caught:
        cause = f"effect:{claimed.id}:{claimed.attempts}"
        report = ReportCaughtUp(effect.generation, tuple(sorted(caught)))
        await rollouts.submit(service, report, cause, finish=None if left else claimed.id)
    if left:
        raise Retryable(f"still left out: {', '.join(sorted(left))}", AGAIN)
    return True


def _missing(rollout: Rollout | None, plan: Plan) -> set[str]:
    return {host.name for host in plan.fleet.hosts if rollout and host.name in rollout.left_out}


def _target(rollout: Rollout, plan: Plan) -> Target:
    """What the other hosts serve, to the byte. Raises Retryable while that may not be ordered or is not known."""
    if rollout.status in MOVING:
        raise Retryable("a change of the hosts is under way", AGAIN)
    if rollout.paused_by:
        raise Retryable("paused", AGAIN)
    if rollout.active and rollout.live_plan_hash != plan.hash:
        raise Retryable("the plan changed since the others were shifted", AGAIN)
    record = rollout.record(rollout.live_stage)
    if record is None:
        raise Retryable(f"stage {rollout.live_stage} is not known", AGAIN)
    stage = Stage(record.name, 0.0, 0.0, (), ApprovalRule(), weight=record.weight)
    target = forward(rollout, plan, stage, rollout.live_generation)
    return replace(target, epoch=acting_epoch(target.service) or 0)


def _has(reading: HostReading, generation: int) -> bool:
    return reading.state is HostState.OK and reading.live is not None and reading.live.generation == generation
