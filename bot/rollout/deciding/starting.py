"""A start, and what it begins with: which pool is which, whose turn it is first; and the same for a dry run."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from bot.rollout import events as ev
from bot.rollout.approval import member, standing
from bot.rollout.deciding import passing, work
from bot.rollout.deciding.common import ask
from bot.rollout.evolve import evolve
from bot.rollout.intents import Refusal, Start, refuse
from bot.rollout.model import Rollout, ServiceState, Status
from bot.rollout.plan import Plan

DRY_RUN = "dry-run"
SALT = re.compile(r"[A-Za-z0-9._-]{1,64}")  # as bot.fleet.valid.word takes it: nothing nginx gives a meaning to


@dataclass(frozen=True, slots=True)
class Roles:
    """The two ends of a rollout: which backends serve now, and which get the new version."""

    stable: tuple[str, ...]
    canary: tuple[str, ...]
    stable_version: str


def start(state: ServiceState, intent: Start, now: float, plan: Plan) -> tuple[ev.Event, ...] | Refusal:
    actor = intent.actor
    if state.active:
        running = state.active
        return refuse("already_active", rollout=running.id, version=running.version, service=state.service)
    why = standing(actor, plan.start_roles) if plan.start_roles else member(actor)
    if why:
        return refuse("may_not_start", why=why, roles=", ".join(plan.start_roles))
    roles = roles_for(state, plan)
    if roles is None:
        return refuse("serving_elsewhere", serving=", ".join(state.serving), version=state.serving_version or "?")
    if intent.version == roles.stable_version:
        return refuse("already_serving", version=intent.version, service=state.service)
    refused = refuse_salt(intent.salt, plan) or refuse_behind(state, plan)
    if refused:
        return refused
    if state.rollout and (phase := passing.busy(state.rollout)):
        return refuse("steps_running", rollout=state.rollout.id, phase=phase)
    first = plan.stages[0]
    started = ev.RolloutStarted(
        rollout=intent.rollout,
        version=intent.version,
        stable_version=roles.stable_version,
        stable=roles.stable,
        canary=roles.canary,
        salt=intent.salt or intent.rollout,
        initiator=actor.user,
        reason=intent.reason,
        plan_hash=plan.hash,
        hosts=tuple(h.name for h in plan.fleet.hosts),
        stages=tuple((s.name, s.weight) for s in plan.stages),
        at=now,
        prepares=work.prepares(plan),
    )
    if started.prepares:
        return (started, *work.then(evolve(state, started), now, plan))
    return (started, ask(None, first, now, plan, actor.user))


def roles_for(state: ServiceState, plan: Plan) -> Roles | None:
    """Pools swap after a completed rollout: what serves now is the stable end, whatever the plan calls it.

    None = what serves now is in neither pool of the plan; starting would send everybody somewhere unknown.
    """
    traffic = plan.traffic
    if not state.serving or set(state.serving) == set(traffic.stable):
        version = state.serving_version or traffic.stable_version
        return Roles(traffic.stable, traffic.canary, version)
    if set(state.serving) == set(traffic.canary):
        return Roles(traffic.canary, traffic.stable, state.serving_version or traffic.stable_version)
    return None


def refuse_salt(salt: str, plan: Plan) -> Refusal | None:
    """A salt of one's own stands in the nginx file, and only sticky has a use for it."""
    if not salt:
        return None
    if plan.traffic.strategy != "sticky":
        return refuse("salt_without_sticky", strategy=plan.traffic.strategy)
    return None if SALT.fullmatch(salt) else refuse("bad_salt", salt=salt)


def refuse_behind(state: ServiceState, plan: Plan) -> Refusal | None:
    """A host that still has a share of the rollout before would give it to what becomes the new version's pool."""
    missing = state.rollout.left_out if state.rollout else ()
    behind = [host.name for host in plan.fleet.hosts if host.name in missing]
    return refuse("hosts_behind", hosts=", ".join(behind)) if behind else None


def simulate(state: ServiceState, version: str, plan: Plan, salt: str = "") -> Rollout | Refusal:
    """The rollout that `start` would begin, for the dry run; nothing is recorded. salt "": one of its own."""
    roles = roles_for(replace(state, rollout=None), plan)
    if roles is None:
        return refuse("serving_elsewhere", serving=", ".join(state.serving), version=state.serving_version or "?")
    if version == roles.stable_version:
        return refuse("already_serving", version=version, service=state.service)
    refused = refuse_salt(salt, plan) or refuse_behind(state, plan)
    if refused:
        return refused
    first = plan.stages[0]
    return Rollout(
        id=DRY_RUN,
        service=state.service,
        version=version,
        stable_version=roles.stable_version,
        stable=roles.stable,
        canary=roles.canary,
        salt=salt or DRY_RUN,
        initiator="",
        reason="",
        plan_hash=plan.hash,
        started_at=0.0,
        status=Status.AWAITING_APPROVAL,
        stage=first.name,
    )
