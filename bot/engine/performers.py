"""Performs effects on the outside and brings back their outcomes as intents. No judgement lives here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from bot.alerts.effects import SendAlert, ShowAlert
from bot.engine.acting import acting_epoch
from bot.engine.catch_up import catch_up
from bot.engine.observer import Observer
from bot.engine.ports.errors import Final, Retryable
from bot.engine.ports.fleet import Fleet
from bot.engine.ports.records import Claimed
from bot.engine.publishing import Publisher
from bot.engine.release_speaker import ReleaseSpeaker
from bot.engine.rollouts import Rollouts
from bot.engine.speaker import Speaker
from bot.engine.targets import (
    Named,
    away,
    backward,
    begun,
    down_with_ours,
    forward,
    in_the_way,
    still,
    stopping,
    unread,
)
from bot.engine.works import Works
from bot.fleet.target import HostReading, Outcome, Target
from bot.rollout.effects import (
    CatchUp,
    DoWork,
    PostChart,
    PublishReport,
    ReadFleet,
    ReadReactions,
    ReadSignatures,
    RestoreTraffic,
    ShiftTraffic,
    ShowApproval,
    ShowCard,
    ShowPreparation,
    ShowSignOff,
    Tell,
    Whisper,
)
from bot.rollout.intents import ReportReactions, ReportRollback, ReportShift
from bot.rollout.model import Rollout
from bot.rollout.plan import ApprovalRule, Plan, Stage
from bot.rollout.waves import hosts_up_to

log = structlog.get_logger()
LOOK_AGAIN = 2.0  # seconds that an nginx which is being stopped gets to be gone
RESTORE_AGAIN = 2.0  # seconds between tries at hosts that did not answer a rollback


@dataclass(frozen=True, slots=True)
class Release:
    """What surrounds the traffic: the work, the report, and the messages about both."""

    works: Works
    publisher: Publisher
    speaker: ReleaseSpeaker


class Performers:
    def __init__(
        self,
        rollouts: Rollouts,
        fleets: Mapping[str, Fleet],
        speaker: Speaker,
        observer: Observer,
        release: Release,
        alerts: Callable[[Claimed], Awaitable[bool]] | None = None,
    ) -> None:
        self._rollouts = rollouts
        self._fleets = fleets
        self._speaker = speaker
        self._observer = observer
        self._release = release
        self._alerts = alerts
        self._shifts: dict[str, asyncio.Task[object]] = {}

    async def perform(self, claimed: Claimed) -> bool:
        """Raises Retryable or Final. True: the effect was finished in its outcome's own transaction."""
        match claimed.effect:
            case RestoreTraffic() as effect:
                return await self._restore(claimed, effect)
            case ShiftTraffic() as effect:
                return await self._shift(claimed, effect)
            case CatchUp() as effect:
                return await catch_up(self._rollouts, self._fleets, claimed, effect)
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
            case DoWork() as effect:
                return await self._release.works.do(claimed, effect)
            case PublishReport() as effect:
                return await self._release.publisher.report(claimed, effect)
            case PostChart() as effect:
                await self._release.publisher.chart(claimed.stream, effect, again=claimed.attempts > 0)
            case ShowPreparation() as effect:
                await self._release.speaker.show_preparation(claimed.stream, effect)
            case ShowSignOff() as effect:
                await self._release.speaker.show_sign_off(claimed.stream, effect)
            case ReadSignatures() as effect:
                return await self._read_signatures(claimed, effect)
            case SendAlert() | ShowAlert():
                if self._alerts is None:
                    raise Final("there is no alerts.yaml: nobody is named who could be told")
                return await self._alerts(claimed)
        return False

    async def _current(self, service: str, generation: int) -> Rollout | None:
        """The rollout, if this generation is still the newest ordered; else the effect is history."""
        rollout = (await self._rollouts.settled(service)).rollout
        return rollout if rollout and rollout.generation == generation else None

    async def _shift(self, claimed: Claimed, effect: ShiftTraffic) -> bool:
        service = claimed.stream
        rollout = await self._current(service, effect.generation)
        if rollout is None or not rollout.active:
            return False
        plan = self._rollouts.plans[service]
        readings = await self._fleets[service].read(service)
        state = await self._rollouts.state(service)
        left_out = dict(away(readings, state, plan, effect))
        present = [reading for reading in readings if reading.host not in left_out]
        # The earlier waves are part of it: they are read back again, and a failure puts them back as well.
        wave = hosts_up_to(rollout, effect.wave) or tuple(host.name for host in plan.fleet.hosts)
        names = [name for name in wave if name not in left_out]
        if rollout.plan_hash != plan.hash:
            blocked: Named = (("", "the plan changed after the approval"), *unread(readings))
        else:
            nobody = () if names else tuple(left_out.items())
            blocked = nobody or in_the_way(present, state, rollout, effect)
        unsure = stopping(readings, state.live_generation) & {host for host, _ in blocked}
        if unsure and not claimed.attempts:
            raise Retryable(f"looked at once more: {', '.join(sorted(unsure))}", LOOK_AGAIN)
        if blocked:
            outcome, left = await self._take_back(service, rollout, effect, wave, blocked, readings)
            report = ReportShift(effect.generation, False, outcome, (*blocked, *left), wave=effect.wave)
            await self._rollouts.submit(service, report, _cause(claimed), finish=claimed.id)
            return True
        target = _guarded(forward(rollout, plan, _share(plan, effect), effect.generation))

        def superseded() -> bool:
            return self._rollouts.generation(service) > effect.generation

        fleet = self._fleets[service].part(names)
        shift = asyncio.create_task(fleet.shift(target, superseded), name=f"{claimed.key} on hosts")
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
        all_done = done.outcome is Outcome.DONE
        kept = () if all_done else still(tuple(left_out.items()), rollout, effect)
        report = ReportShift(
            effect.generation,
            all_done,
            done.outcome,
            (*((h.host, h.error) for h in done.failed), *kept),
            done.duration,
            tuple(sorted({h.host for h in done.hosts if h.ok})),
            effect.wave,
            tuple(left_out.items()),
        )
        await self._rollouts.submit(service, report, _cause(claimed), finish=claimed.id)
        return True

    async def _take_back(
        self,
        service: str,
        rollout: Rollout,
        effect: ShiftTraffic,
        wave: Sequence[str],
        blocked: Named,
        readings: Sequence[HostReading],
    ) -> tuple[Outcome, Named]:
        """(outcome, hosts that have the new share all the same) of a shift that may not go on.

        Earlier waves go back, and what a try that was cut off has brought to a host, or is about to: its last words may
        be on their way there, and after this they are refused. But for hosts that a person changed: those wait.
        """
        left, silent = begun(readings, effect.generation), {host for host, _ in unread(readings)}
        theirs = {host for host, _ in blocked} - silent - down_with_ours(readings)
        before = hosts_up_to(rollout, effect.wave - 1) if effect.wave > 1 else ()
        names = [name for name in wave if name not in theirs and (name in before or name not in silent)]
        if not names or effect.weight is not None:  # on the way down nobody gets more again
            return Outcome.REFUSED, left
        target = _guarded(backward(rollout, self._rollouts.plans[service], effect.generation))
        done = await self._fleets[service].part(names).put_back(target)
        back = {result.host for result in done.hosts if result.ok}
        stays = {host: what for host, what in left if host not in back}
        # A file that came after the look, or a host that no longer answers: not known to be without the share.
        stays |= {h.host: h.error for h in done.failed if h.host not in silent and h.host not in stays}
        return done.outcome if stays or left or before else Outcome.REFUSED, tuple(stays.items())

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

    async def _read_signatures(self, claimed: Claimed, effect: ReadSignatures) -> bool:
        service = claimed.stream
        report = await self._release.speaker.read_signatures(service, effect)
        submitted = await self._rollouts.submit(service, report, _cause(claimed), finish=claimed.id)
        if submitted.refusal:
            await self._release.speaker.explain_signature(service, effect, submitted.refusal)
        return True


def _share(plan: Plan, effect: ShiftTraffic) -> Stage:
    """The stage whose share it is; on the way down a share of its own, whether the plan still has the stage or not."""
    if effect.weight is None:
        return plan.stage(effect.stage)
    return Stage(effect.stage, 0.0, 0.0, (), ApprovalRule(), weight=effect.weight)


def _guarded(target: Target) -> Target:
    """With the epoch of the lead: a host refuses the order of an actor that was replaced meanwhile."""
    return replace(target, epoch=acting_epoch(target.service) or 0)


def _cause(claimed: Claimed) -> str:
    return f"effect:{claimed.id}"
