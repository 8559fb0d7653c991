"""What the shell may ask without a running bot: status from the database, a dry run and the first file on the hosts."""

from __future__ import annotations

import html
import time
from collections.abc import Iterable
from typing import Any

from bot.engine import replay
from bot.engine.ports.fleet import Fleet
from bot.engine.targets import backward, forward, highest_generation
from bot.fleet.target import HostState, Outcome
from bot.rollout.decide import simulate
from bot.rollout.intents import Refusal
from bot.rollout.model import ServiceState
from bot.rollout.plan import Condition, Plan, Stage
from bot.slack.messages import Messages
from bot.store.opening import open_existing
from bot.wiring import build_fleets
from commands import words
from config.durations import format_duration
from config.settings import Settings


async def _state(settings: Settings, service: str) -> ServiceState:
    """As the database has it; a fresh one where there is no database yet."""
    return (await _read(settings, (service,)))[0][service]


async def _read(settings: Settings, services: Iterable[str]) -> tuple[dict[str, ServiceState], dict[str, str]]:
    """The states, and who acts for which service."""
    store = await open_existing(settings.database_url)
    if store is None:
        return {service: ServiceState(service) for service in services}, {}
    try:
        states = {service: replay.service(await store.load(service), service) for service in services}
        return states, {lead.stream: lead.owner for lead in await store.leads()}
    finally:
        await store.close()


async def statuses(settings: Settings) -> list[dict[str, Any]]:
    """One row a service; times in Unix seconds. actor: the process that acts for it, or did last."""
    rows = []
    states, actors = await _read(settings, sorted(settings.plans))
    for service, state in states.items():
        r = state.rollout
        rows.append(
            {
                "service": service,
                "serving": state.serving_version or settings.plans[service].traffic.stable_version,
                "generation": state.live_generation,
                "rollout": r.id if r else None,
                "version": r.version if r else None,
                "state": r.status.value if r else None,
                "stage": r.stage if r else None,
                "hold": r.hold.value if r and r.hold else None,
                "started_at": r.started_at if r else None,
                "finished_at": r.finished_at if r else None,
                "actor": actors.get(service),
            }
        )
    return rows


async def dry_run(settings: Settings, service: str, version: str) -> tuple[bool, str]:
    """(whether a start would be accepted, the text). Reads the hosts, changes nothing."""
    plan = settings.plans.get(service)
    if plan is None:
        return False, f"{service}: no such service; there are {', '.join(sorted(settings.plans))}"
    typed, version = version, words.version(version) or ""
    if not version:
        return False, f"{typed!r} is no version: letters, digits, dots, -, _ and + only"
    state = await _state(settings, service)
    rollout = simulate(state, version, plan)
    if isinstance(rollout, Refusal):
        why = Messages("en", settings.timezone).refusal(rollout, None, plan)
        return False, f"{service} {version} cannot be started: {html.unescape(why)}"
    fleets = build_fleets({service: plan})
    try:
        target = forward(rollout, plan, plan.stages[0], state.generation + 1)
        diffs = await fleets[service].plan_diff(target)
    finally:
        await _close(fleets)
    lines = [f"{service} {rollout.stable_version} -> {version}   plan {plan.hash}"]
    lines += [_stage_line(stage) for stage in plan.stages]
    lines += ["roll back at once when:", *(f"  {_trigger(t)}" for t in plan.triggers)]
    lines += [f"watched for {format_duration(plan.watch)} after the last stage"]
    for host, diff in diffs.items():
        lines += ["", f"--- {host}", diff.rstrip() or "(no change)"]
    return True, "\n".join(lines)


def _stage_line(stage: Stage) -> str:
    who = f"{stage.approval.quorum} of {', '.join(stage.approval.roles)}"
    gates = ", ".join(g.text for g in stage.gates)
    return f"  {stage.name:>8}  bake {format_duration(stage.bake)}   approved by {who}   gates: {gates}"


def _trigger(condition: Condition) -> str:
    return f"{condition.text} for {format_duration(condition.hold_for)}" if condition.hold_for else condition.text


async def initialise(settings: Settings, service: str) -> tuple[bool, str]:
    """Everything to the stable pool on hosts without a generated file; a host that has one is left alone."""
    plan = settings.plans.get(service)
    if plan is None:
        return False, f"{service}: no such service; there are {', '.join(sorted(settings.plans))}"
    fleets = build_fleets({service: plan})
    try:
        return await _initialise(fleets[service], plan, await _state(settings, service))
    finally:
        await _close(fleets)


async def _initialise(fleet: Fleet, plan: Plan, state: ServiceState) -> tuple[bool, str]:
    readings = await fleet.read(plan.service)
    if all(r.state not in (HostState.ABSENT, HostState.DOWN, HostState.UNREACHABLE) for r in readings):
        return True, "every host has a generated file already; nothing changed"
    if any(r.file for r in readings) or state.rollout is not None:
        missing = ", ".join(f"{r.host} ({r.state})" for r in readings if r.state is not HostState.OK)
        return False, f"some hosts are set up and these are not: {missing}; start or roll back a rollout to align them"
    rollout = simulate(ServiceState(plan.service), "init", plan)
    assert not isinstance(rollout, Refusal)
    report = await fleet.roll_back(backward(rollout, plan, highest_generation(readings) + 1))
    lines = [f"{h.host}: {'ok' if h.ok else h.error}" for h in report.hosts]
    done = report.outcome is Outcome.DONE
    return done, "\n".join([*lines, f"{'done' if done else 'not done'} at {time.strftime('%H:%M:%S')}"])


async def _close(fleets: dict[str, Fleet]) -> None:
    for fleet in fleets.values():
        await fleet.aclose()
