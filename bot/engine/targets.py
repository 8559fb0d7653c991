"""From a rollout and its plan to what the fleet must make true, and from what was read to drift. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from bot.fleet.nginx import is_ours_unedited
from bot.fleet.target import HostReading, HostState, Target
from bot.rollout.effects import ShiftTraffic
from bot.rollout.model import DriftedHost, Rollout, ServiceState
from bot.rollout.plan import Plan, Stage
from bot.rollout.waves import hosts_up_to

UNKNOWN = (
    "serves {1:g} % to the canary pool of {0}, which this database does not know; see that `stable` in the plan is "
    "what serves now, or bring the database back; a retry overwrites the host"
)
BY_HAND = "changed by hand ({})"
BEGUN = "has the new share already, from a try that was cut off"
STILL = "has the new share already, and cannot be taken back now: {}"
Named = tuple[tuple[str, str], ...]  # (host, what there is to say of it)
SILENT = (HostState.UNREACHABLE, HostState.DOWN)  # says nothing of what is there: unknown, which is not drift


def forward(rollout: Rollout, plan: Plan, stage: Stage, generation: int) -> Target:
    """The stage's own share and nothing more (DESIGN §6.1)."""
    whole = stage.weight >= 100
    return Target(
        service=rollout.service,
        rollout=rollout.id,
        generation=generation,
        traffic=replace(plan.traffic, stable=rollout.stable, canary=rollout.canary),
        mode="canary" if whole else "shift",
        weight=stage.weight,
        internal=not whole,
        salt=rollout.salt,
    )


def backward(rollout: Rollout, plan: Plan, generation: int) -> Target:
    """Everything to the pool that served before."""
    return Target(
        service=rollout.service,
        rollout=rollout.id,
        generation=generation,
        traffic=replace(plan.traffic, stable=rollout.stable, canary=rollout.canary),
        mode="stable",
        weight=0.0,
        internal=False,
        salt=rollout.salt,
    )


def drift(
    readings: Sequence[HostReading], expected_generation: int, left_out: Collection[str] = ()
) -> tuple[DriftedHost, ...]:
    """Hosts that answered and are not as last ordered. One that did not answer is unknown, which is not drift.

    One that was left out and still has what it had is no drift either: it is caught up.
    """
    found = []
    for reading in readings:
        if reading.state in SILENT:
            continue
        generation = reading.file.generation if reading.file else None
        if reading.state is HostState.OK and generation == expected_generation:
            continue
        if reading.host in left_out and behind(reading, expected_generation):
            continue
        found.append(DriftedHost(reading.host, reading.state.value, generation, reading.share, reading.digest))
    return tuple(sorted(found, key=lambda d: d.host))


def down_as_ordered(
    readings: Sequence[HostReading], expected_generation: int, left_out: Collection[str] = ()
) -> tuple[str, ...]:
    """Hosts where nginx does not run, and the file is what it would serve if it did: they are down and nothing else.

    One that is read while nginx stops looks changed, since no worker answers any more. What tells it from a host that a
    person changed is its file: of another generation, edited or gone it is somebody's doing, running or not.
    """

    def expected(reading: HostReading) -> bool:
        if reading.file is None or not is_ours_unedited(reading.body):
            return False
        had = reading.file.generation
        return had == expected_generation or (reading.host in left_out and had < expected_generation)

    return tuple(r.host for r in readings if r.state is HostState.DOWN and expected(r))


def behind(reading: HostReading, generation: int) -> bool:
    """Whether the host answers with what it had before this generation, and nobody changed it.

    One that has begun to catch up, and was read meanwhile or cut off, has the file already and is still behind.
    """
    if reading.file is None or reading.state not in (HostState.OK, HostState.STALE):
        return False  # without the file: somebody took it away
    newest = max(serving.generation for serving in (reading.file, reading.live) if serving)
    return newest <= generation if reading.state is HostState.STALE else newest < generation


def away(readings: Sequence[HostReading], state: ServiceState, plan: Plan, effect: ShiftTraffic) -> Named:
    """Hosts that the plan lets this shift go without: those that do not answer, or where nginx does not run.

    None before every host was read back once, since what such a host serves is not known; none on the way down, where
    it would keep more than was ordered; and none that a person had shown to be otherwise than ordered.
    """
    silent = tuple((r.host, r.error) for r in readings if r.state in SILENT)
    shown = {host for host, _ in effect.answered}
    if not state.live_generation or effect.weight is not None or shown & {host for host, _ in silent}:
        return ()
    return silent if len(silent) <= plan.fleet.max_unavailable else ()


def highest_generation(readings: Sequence[HostReading]) -> int:
    return max((s.generation for r in readings for s in (r.file, r.live) if s), default=0)


def in_the_way(readings: Sequence[HostReading], state: ServiceState, rollout: Rollout, effect: ShiftTraffic) -> Named:
    """Hosts a person must look at before they are overwritten (DESIGN §6.6).

    A host that cannot be read, since what is there is not assumed; one where nginx does not run, since it would take
    the file as soon as it did, whatever somebody has changed there; what somebody changed since the last order and
    nobody adopted or answered; and, for a log that knows of no order, a new version that is served already: after a
    lost database the plan's `stable` may be the wrong pool.
    """
    silent = tuple((r.host, r.error) for r in readings if r.state in SILENT)
    if silent:
        return silent
    others = [r for r in readings if not _left_by(r, state, rollout, effect)]
    if not state.live_generation:
        since = {r.host: BY_HAND.format(r.state) for r in others if _changed_since(r, rollout, effect)}
        known = () if effect.overwrite else others
        unknown = {r.host: UNKNOWN.format(r.file.rollout, r.share) for r in known if r.file and r.share}
        return tuple((unknown | since).items())
    answered = {*rollout.adopted, *effect.answered}
    found = drift(others, state.live_generation, rollout.left_out)
    return tuple((d.host, BY_HAND.format(d.state)) for d in found if (d.host, d.digest) not in answered)


def stopping(readings: Sequence[HostReading], generation: int) -> set[str]:
    """Hosts with the file that is expected, whose workers do not answer as one: nginx may be on its way down."""
    return {
        r.host
        for r in readings
        if r.state is HostState.STALE and r.file and r.file.generation == generation and r.live is None
    }


def unread(readings: Sequence[HostReading]) -> Named:
    return tuple((r.host, r.error) for r in readings if r.state is HostState.UNREACHABLE)


def down_with_ours(readings: Sequence[HostReading]) -> set[str]:
    """Hosts where nginx does not run, and the file is as some bot wrote it."""
    return {r.host for r in readings if r.state is HostState.DOWN and r.file and is_ours_unedited(r.body)}


def begun(readings: Sequence[HostReading], generation: int) -> Named:
    """Hosts on which an earlier try of this order, cut off with its bot, has come to something."""
    return tuple((r.host, BEGUN) for r in readings if generation in {s.generation for s in (r.file, r.live) if s})


def still(left_out: Named, rollout: Rollout, effect: ShiftTraffic) -> Named:
    """Of hosts that a shift went without, those that an earlier wave of it had reached: if it fails they keep it."""
    earlier = hosts_up_to(rollout, effect.wave - 1) if effect.wave > 1 else ()
    return tuple((host, STILL.format(why)) for host, why in left_out if host in earlier)


def _left_by(reading: HostReading, state: ServiceState, rollout: Rollout, effect: ShiftTraffic) -> bool:
    """What a try of this very order left half done, or one before it that is now tried again, is nobody's change."""
    if reading.file is None or reading.state not in (HostState.OK, HostState.STALE):
        return False
    first = state.live_generation + 1 if effect.overwrite else effect.generation
    return first <= reading.file.generation <= effect.generation and reading.file.rollout == rollout.id


def _changed_since(reading: HostReading, rollout: Rollout, effect: ShiftTraffic) -> bool:
    """Whether somebody changed what this rollout brought to a host that is not as an order left it.

    Of an earlier try that is answered by whoever wants another, where that try's failure named the host.
    """
    if effect.wave > 1 and reading.host in hosts_up_to(rollout, effect.wave - 1):
        return True
    file = reading.file
    if reading.state is not HostState.EDITED or file is None or file.rollout != rollout.id:
        return False
    return file.generation == effect.generation or reading.host not in rollout.named
