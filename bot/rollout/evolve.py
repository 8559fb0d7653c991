"""evolve(state, event) -> state. Pure: what the log says happened, folded. Never refuses, never decides."""

from __future__ import annotations

from collections.abc import Iterable

from bot.rollout import events as ev
from bot.rollout import work_folding  # noqa: F401 registers what surrounds the traffic
from bot.rollout.folding import apply
from bot.rollout.model import Rollout, ServiceState, StageRecord, Status
from bot.rollout.replacing import replace

KEPT = 20  # earlier rollouts that people still have to do with; beyond that the oldest are only in the log


def evolve(state: ServiceState, event: ev.Event) -> ServiceState:
    state = replace(state, seq=state.seq + 1)
    match event:
        case ev.RolloutStarted():
            return replace(state, rollout=_started(state, event), hosts=event.hosts, closing=_closing(state))
        case ev.GenerationSeen():
            return replace(state, generation=max(state.generation, event.generation))
    if state.rollout is None:
        return state
    earlier = getattr(event, "rollout", state.rollout.id)
    if earlier != state.rollout.id:
        return _earlier(state, event, earlier)
    rollout = apply(event, state.rollout)
    state = replace(state, rollout=rollout, generation=max(state.generation, rollout.generation))
    match event:
        case ev.ShiftDone() | ev.StepDownDone():
            return replace(state, live_generation=event.generation)
        case ev.RolledBack():
            return replace(state, live_generation=event.generation)
        case ev.RolloutCompleted():
            return replace(state, serving_version=rollout.version, serving=rollout.canary)
        case ev.RollbackOrdered() if state.serving_version == rollout.version:
            # A completed rollout is taken back: the old version is what serves again.
            return replace(state, serving_version=rollout.stable_version, serving=rollout.stable)
    return state


def _closing(state: ServiceState) -> tuple[Rollout, ...]:
    """What another rollout follows keeps what people have still to do about it."""
    last = (state.rollout,) if state.rollout and state.rollout.unsettled else ()
    return (*last, *(r for r in state.closing if r.unsettled))[:KEPT]


def _earlier(state: ServiceState, event: ev.Event, rollout: str) -> ServiceState:
    return replace(state, closing=tuple(apply(event, r) if r.id == rollout else r for r in state.closing))


def fold(state: ServiceState, events: Iterable[ev.Event]) -> ServiceState:
    for event in events:
        state = evolve(state, event)
    return state


def _started(state: ServiceState, e: ev.RolloutStarted) -> Rollout:
    return Rollout(
        id=e.rollout,
        service=state.service,
        version=e.version,
        stable_version=e.stable_version,
        stable=e.stable,
        canary=e.canary,
        salt=e.salt,
        initiator=e.initiator,
        reason=e.reason,
        plan_hash=e.plan_hash,
        started_at=e.at,
        status=Status.PREPARING if e.prepares else Status.AWAITING_APPROVAL,
        prepares=e.prepares,
        stage=e.stages[0][0],
        stages=tuple(StageRecord(name, weight) for name, weight in e.stages),
    )
