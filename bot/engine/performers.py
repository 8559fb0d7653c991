"""Performs effects on the outside and brings back their outcomes as intents. No judgement lives here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import structlog

from bot.engine.acting import acting_epoch
from bot.engine.observer import Observer
from bot.engine.ports import Claimed, Fleet, Retryable
from bot.engine.rollouts import Rollouts
from bot.engine.speaker import Speaker
from bot.engine.targets import Named, backward, begun, forward, in_the_way, unread
from bot.fleet.target import Outcome, Target
from bot.rollout.effects import (
    ReadFleet,
    ReadReactions,
    RestoreTraffic,
    ShiftTraffic,
    ShowApproval,
    ShowCard,
    Tell,
    Whisper,
)
from bot.rollout.intents import ReportReactions, ReportRollback, ReportShift
from bot.rollout.model import Rollout

log = structlog.get_logger()
RESTORE_AGAIN = 2.0  # seconds between tries at hosts that did not answer a rollback


class Performers:
    def __init__(self, rollouts: Rollouts, fleets: Mapping[str, Fleet], speaker: Speaker, observer: Observer) -> None:
        self._rollouts = rollouts
        self._fleets = fleets
        self._speaker = speaker
        self._observer = observer
        self._shifts: dict[str, asyncio.Task[object]] = {}

    async def perform(self, claimed: Claimed) -> bool:
        """Raises Retryable or Final. True: the effect was finished in its outcome's own transaction."""
        match claimed.effect:
            case RestoreTraffic() as effect:
                return await self._restore(claimed, effect)
            case ShiftTraffic() as effect:
                return await self._shift(claimed, effect)
            case ReadFleet():
                await self._observer.read_fleet(claimed.stream, _cause(claimed), claimed.id)
                return True
            case ReadReactions() as effect:
                return await self._read_reactions(claimed, effect)
            case ShowApproval() as effect:
                await self._speaker.show_approval(claimed.stream, effect)
            case ShowCard() as effect:
                await self._speaker.show_card(claimed.stream, effect.rollout)
            case Tell() as effect:
                await self._speaker.tell(claimed.stream, effect, again=claimed.attempts > 0)
            case Whisper() as effect:
                await self._speaker.whisper(claimed.stream, effect)
        return False

    async def _current(self, service: str, generation: int) -> Rollout | None:
        """The rollout, if this generation is still the newest ordered; else the effect is history."""
        state = await self._rollouts.state(service)
        rollout = state.rollout
        return rollout if rollout and rollout.generation == generation else None

    async def _shift(self, claimed: Claimed, effect: ShiftTraffic) -> bool:
        service = claimed.stream
        rollout = await self._current(service, effect.generation)
        if rollout is None or not rollout.active:
            return False
        plan = self._rollouts.plans[service]
        readings = await self._fleets[service].read(service)
        if rollout.plan_hash != plan.hash:
            blocked: Named = (("", "the plan changed after the approval"), *unread(readings))
        else:
            blocked = in_the_way(readings, await self._rollouts.state(service), rollout, effect)
        if blocked:
            failed = (*blocked, *begun(readings, effect.generation))
            report = ReportShift(effect.generation, False, Outcome.REFUSED, failed)
            await self._rollouts.submit(service, report, _cause(claimed), finish=claimed.id)
            return True
        target = _guarded(forward(rollout, plan, plan.stage(effect.stage), effect.generation))

        def superseded() -> bool:
            return self._rollouts.generation(service) > effect.generation

        shift = asyncio.create_task(self._fleets[service].shift(target, superseded), name=f"{claimed.key} on hosts")
        self._shifts[service] = shift
        try:
            done = await shift
        except asyncio.CancelledError:
            if not superseded():
                raise
            return False  # a rollback took over: its own report speaks for the hosts
        finally:
            shift.cancel()
            self._shifts.pop(service, None)
        report = ReportShift(
            effect.generation,
            done.outcome is Outcome.DONE,
            done.outcome,
            tuple((h.host, h.error) for h in done.failed),
            done.duration,
            tuple(sorted({h.host for h in done.hosts if h.ok})),
        )
        await self._rollouts.submit(service, report, _cause(claimed), finish=claimed.id)
        return True

    async def _restore(self, claimed: Claimed, effect: RestoreTraffic) -> bool:
        service = claimed.stream
        rollout = await self._current(service, effect.generation)
        if rollout is None:
            return False
        running = self._shifts.get(service)
        if running:
            running.cancel()
        target = _guarded(backward(rollout, self._rollouts.plans[service], effect.generation))
        done = await self._fleets[service].roll_back(target)
        pending = tuple((h.host, h.error) for h in done.failed)
        restored = tuple(sorted(h.host for h in done.hosts if h.ok))
        report = ReportRollback(effect.generation, restored, pending, done.duration)
        cause = f"{_cause(claimed)}:{claimed.attempts}"
        await self._rollouts.submit(service, report, cause, finish=None if pending else claimed.id)
        if pending:
            await self._observer.read_fleet(service)
            raise Retryable(f"not yet back: {', '.join(host for host, _ in pending)}", RESTORE_AGAIN)
        return True

    async def _read_reactions(self, claimed: Claimed, effect: ReadReactions) -> bool:
        service = claimed.stream
        report: ReportReactions = await self._speaker.read_reactions(service, effect)
        submitted = await self._rollouts.submit(service, report, _cause(claimed), finish=claimed.id)
        if submitted.refusal and effect.user:
            await self._speaker.explain(service, effect, submitted.refusal)
        return True


def _guarded(target: Target) -> Target:
    """With the epoch of the lead: a host refuses the order of an actor that was replaced meanwhile."""
    return replace(target, epoch=acting_epoch(target.service) or 0)


def _cause(claimed: Claimed) -> str:
    return f"effect:{claimed.id}"
