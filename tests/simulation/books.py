"""What the judge knows: who really said what, what Prometheus really answered, what hosts really served, and the log.

Folded anew and simply; nothing here imports what it is to judge.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bot.rollout.gate import Need, Value
from bot.rollout.plan import Plan

FINAL = ("rolled_back", "cancelled", "completed")


@dataclass(slots=True)
class Asking:
    rollout: str
    stage: str
    attempt: int
    plan: Plan  # in force where it was asked
    expires_at: float


@dataclass(slots=True)
class Order:
    generation: int
    rollout: str
    back: bool
    why: str
    at: float  # of the loop


@dataclass(slots=True)
class View:
    """The log as the judge reads it."""

    rollout: str = ""
    initiators: dict[str, str] = field(default_factory=dict)
    status: str = "none"
    stage: str = ""
    hold: str = ""
    asking: Asking | None = None
    orders: dict[int, Order] = field(default_factory=dict)
    generation: int = 0  # of the last order
    live_generation: int = 0
    live_stage: str = ""
    paused: bool = False
    drift: dict[str, str] = field(default_factory=dict)  # host -> digest
    shown: dict[tuple[str, str], float] = field(default_factory=dict)  # (host, digest) -> when people were told
    named: dict[str, float] = field(default_factory=dict)  # host -> when a failed shift named it
    adopted: set[tuple[str, str]] = field(default_factory=set)
    wave_at: float = 0.0  # when the last wave was done
    wave_begun: float = 0.0  # when one that follows another was ordered
    weight: float = 0.0  # ordered last, percent
    warm: bool = False  # the old pool has to stay up
    warm_until: float = 0.0  # by the bot's clock
    bake_from: float = 0.0
    toggles: int = 0  # pauses and drifts in this bake
    ticked: bool = False  # the checklist's one item
    report: int = 0  # the edition that was posted last
    signed: int = 0  # the edition that everybody signed
    passed: set[str] = field(default_factory=set)
    events: list[tuple[int, Any]] = field(default_factory=list)
    statuses: list[tuple[int, str]] = field(default_factory=list)  # (step of the loop, status)

    @property
    def active(self) -> bool:
        return bool(self.rollout) and self.status not in FINAL

    def fold(self, event: Any, now: float, plan: Plan, step: int) -> None:
        getattr(self, "_on_" + type(event).__name__, self._nothing)(event, now, plan)
        self.events.append((len(self.events) + 1, event))
        if not self.statuses or self.statuses[-1][1] != self.status:
            self.statuses.append((step, self.status))

    def _nothing(self, e: Any, now: float, plan: Plan) -> None:
        """The event changes nothing that is judged by."""

    def _on_RolloutStarted(self, e: Any, now: float, plan: Plan) -> None:
        self.rollout, self.stage = e.rollout, e.stages[0][0]
        self.status = "preparing" if e.prepares else "awaiting_approval"
        self.ticked, self.report, self.signed = False, 0, 0
        self.initiators[e.rollout] = e.initiator
        self.asking, self.generation, self.live_generation, self.live_stage = None, 0, 0, ""
        self.paused, self.drift, self.hold = False, {}, ""
        self.adopted, self.passed = set(), set()
        self.weight, self.warm = 0.0, False

    def _on_WorkOrdered(self, e: Any, now: float, plan: Plan) -> None:
        held_up = {"prepare": "preparing", "before_start": "preparing", "before_stage": "working"}
        held_up |= {"on_promote": "working", "after_stage": "passed"}
        if e.phase.value in held_up and self.status != "watching":
            self.status, self.hold = held_up[e.phase.value], ""

    def _on_WorkOverridden(self, e: Any, now: float, plan: Plan) -> None:
        """What it held up goes on; which work that was, is the first of its refs'."""
        self._on_WorkOrdered(e.refs[0], now, plan)

    def _on_ItemTicked(self, e: Any, now: float, plan: Plan) -> None:
        self.ticked = e.ticked

    def _on_ReportPosted(self, e: Any, now: float, plan: Plan) -> None:
        if e.rollout == self.rollout:
            self.report = e.edition

    def _on_SignedOff(self, e: Any, now: float, plan: Plan) -> None:
        if e.rollout == self.rollout:
            self.signed = e.edition

    def _on_ApprovalAsked(self, e: Any, now: float, plan: Plan) -> None:
        self.asking = Asking(self.rollout, e.stage, e.attempt, plan, e.expires_at)
        self.status, self.stage, self.hold = "awaiting_approval", e.stage, ""

    def _on_ShiftOrdered(self, e: Any, now: float, plan: Plan) -> None:
        self.orders[e.generation] = Order(e.generation, self.rollout, False, e.why, now)
        self.status, self.stage, self.generation, self.hold = "shifting", e.stage, e.generation, ""
        self.drift, self.weight = {}, e.weight

    def _on_WaveOrdered(self, e: Any, now: float, plan: Plan) -> None:
        self.wave_begun = now

    def _on_WaveDone(self, e: Any, now: float, plan: Plan) -> None:
        self.wave_at = now

    def _on_StepDownOrdered(self, e: Any, now: float, plan: Plan) -> None:
        self.orders[e.generation] = Order(e.generation, self.rollout, False, "step", now)
        self.status, self.generation, self.weight = "stepping_down", e.generation, e.weight
        self.paused, self.hold = False, ""

    def _on_StepDownDone(self, e: Any, now: float, plan: Plan) -> None:
        self.live_generation = e.generation

    def _on_ShiftDone(self, e: Any, now: float, plan: Plan) -> None:
        self.status, self.live_generation, self.live_stage = "baking", e.generation, e.stage
        # A bot may freeze between the hosts' answer and the log: the bake is from when they had it.
        self.bake_from, self.toggles, self.adopted = min(now, e.at), 0, set()

    def _on_ShiftFailed(self, e: Any, now: float, plan: Plan) -> None:
        self.status, self.hold = "held", "shift_failed"
        self.named |= {host: now for host, _ in e.failed}

    def _on_StagePassed(self, e: Any, now: float, plan: Plan) -> None:
        self.status, self.hold = "passed", ""
        self.passed.add(e.stage)

    _on_StageForced = _on_StagePassed

    def _on_StageHeld(self, e: Any, now: float, plan: Plan) -> None:
        self.status, self.hold = "held", e.hold.value

    def _on_BakeRestarted(self, e: Any, now: float, plan: Plan) -> None:
        self.status, self.bake_from, self.toggles, self.hold, self.stage = "baking", now, 0, "", e.stage

    def _on_RolloutPaused(self, e: Any, now: float, plan: Plan) -> None:
        self.paused, self.toggles = True, self.toggles + 1

    def _on_RolloutResumed(self, e: Any, now: float, plan: Plan) -> None:
        self.paused = False

    def _on_DriftFound(self, e: Any, now: float, plan: Plan) -> None:
        self.drift, self.toggles = {d.host: d.digest for d in e.drift}, self.toggles + 1
        for d in e.drift:
            self.shown.setdefault((d.host, d.digest), now)

    def _on_DriftGone(self, e: Any, now: float, plan: Plan) -> None:
        self.drift = {}

    def _on_DriftAdopted(self, e: Any, now: float, plan: Plan) -> None:
        self.adopted |= {(d.host, d.digest) for d in e.drift}
        self.drift = {}

    def _on_RollbackOrdered(self, e: Any, now: float, plan: Plan) -> None:
        self.orders[e.generation] = Order(e.generation, self.rollout, True, e.by, now)
        self.status, self.generation, self.paused, self.drift, self.hold = "rolling_back", e.generation, False, {}, ""
        self.warm = False

    def _on_RolledBack(self, e: Any, now: float, plan: Plan) -> None:
        self.status, self.live_generation, self.live_stage = "rolled_back", e.generation, ""

    def _on_RolloutCancelled(self, e: Any, now: float, plan: Plan) -> None:
        self.status, self.paused = "cancelled", False

    def _on_WatchStarted(self, e: Any, now: float, plan: Plan) -> None:
        self.status, self.warm, self.warm_until = "watching", e.warm_until is not None, e.warm_until or 0.0

    def _on_PoolReleased(self, e: Any, now: float, plan: Plan) -> None:
        self.warm = False

    def _on_RolloutCompleted(self, e: Any, now: float, plan: Plan) -> None:
        self.status, self.paused = "completed", False


@dataclass(slots=True)
class Answer:
    """One answer of Prometheus."""

    at: float
    values: dict[Need, Value]
    counts: bool  # nobody had paused, nothing had drifted
    asked: float  # when Prometheus was
    forgotten: bool  # the bot may not have been able to write what it saw


@dataclass(slots=True)
class Books:
    view: View = field(default_factory=View)
    askings: dict[tuple[str, str, int], Asking] = field(default_factory=dict)
    granted: dict[tuple[str, str, int], float] = field(default_factory=dict)  # when a real quorum was there
    let_through: dict[str, set[tuple[str, str, float]]] = field(default_factory=dict)  # rollout -> stage, hash, weight
    answers: list[Answer] = field(default_factory=list)
    served: dict[str, set[int]] = field(default_factory=dict)  # host -> generations it ever served
    restored: dict[str, int] = field(default_factory=dict)  # host -> the highest rollback it ever served
    said: set[tuple[str, str]] = field(default_factory=set)  # (user, kind of intent) that people really asked for
    acted_on: dict[str, int] = field(default_factory=dict)  # deliveries -> commits that did something
    posted: dict[str, int] = field(default_factory=dict)
