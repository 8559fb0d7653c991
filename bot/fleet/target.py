"""What the fleet is asked to make true, and what it answers. Shared by the renderer, the executors and the engine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bot.rollout.plan import Traffic


@dataclass(frozen=True, slots=True)
class Target:
    """The whole desired state of one service on every host; rendering it is deterministic.

    traffic: with stable and canary as they are for this rollout (roles may be swapped against the plan's).
    mode: `shift` = audience and weight; `stable` = everything to the stable pool, no override, no audience (rollback);
          `canary` = everything to the canary pool (100 %), the override being moot.
    weight: percent of everyone that goes to the canary, 0 to 100, two decimals at most.
    internal: whether the internal audience and the override cookie reach the canary.
    salt: changes who is in the share; one per rollout, so that the 1 % is inside the 10 %.
    epoch: counts the bots that may give orders; of one generation a host refuses a lower one. Not in the file.
    """

    service: str
    rollout: str
    generation: int
    traffic: Traffic
    mode: Literal["shift", "stable", "canary"]
    weight: float
    internal: bool
    salt: str
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Serving:
    """The header of a generated file, or what a worker's read-back endpoint says: what is really there."""

    service: str
    rollout: str
    generation: int
    mode: str
    weight: float
    internal: bool


class HostState(StrEnum):
    OK = "ok"  # file, header and every worker agree
    ABSENT = "absent"  # nginx runs, but there is no generated file for the service
    EDITED = "edited"  # the file is not what the bot wrote (its hash differs from the one in its header)
    STALE = "stale"  # the file is there, but a worker serves another generation (reload not taken)
    DOWN = "down"  # the host answered, nginx is not running
    UNREACHABLE = "unreachable"  # no answer: unknown, never assumed


@dataclass(frozen=True, slots=True)
class HostReading:
    host: str
    state: HostState
    file: Serving | None = None  # what the live file says
    live: Serving | None = None  # what the workers answer, when all accepting workers agree
    digest: str = ""  # sha256 of the live file's bytes
    body: str = ""  # the live file's text, for the diff; "" when absent
    error: str = ""  # the host's own words, one line

    @property
    def share(self) -> float | None:
        """Percent of everyone that the canary gets here as served now; None where it is unknown."""
        if self.live is None:
            return None
        return {"stable": 0.0, "canary": 100.0}.get(self.live.mode, self.live.weight)


class Outcome(StrEnum):
    DONE = "done"  # every host serves the target
    REFUSED = "refused"  # nothing changed anywhere (a stage or test failed, or a host was unreachable)
    REVERTED = "reverted"  # a failure after the first swap; the swapped hosts are back on what they had
    PARTIAL = "partial"  # some hosts serve the target, others could not be brought to it nor back
    SUPERSEDED = "superseded"  # a newer generation came first, or it was cancelled; hosts were put back or are fenced


@dataclass(frozen=True, slots=True)
class HostResult:
    host: str
    ok: bool
    phase: Literal["stage", "commit", "revert", "read"]
    error: str = ""


@dataclass(frozen=True, slots=True)
class ShiftReport:
    outcome: Outcome
    generation: int
    hosts: tuple[HostResult, ...]
    duration: float  # seconds, from the first byte to the last worker's read-back

    @property
    def failed(self) -> tuple[HostResult, ...]:
        return tuple(h for h in self.hosts if not h.ok)
