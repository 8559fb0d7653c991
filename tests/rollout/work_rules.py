"""The rules of what surrounds the traffic, with books of their own: it believes nothing the core says of itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.rollout import events as ev
from bot.rollout.model import ServiceState, Status
from bot.rollout.plan import Plan
from bot.rollout.runbook import PER_STAGE, Phase
from bot.rollout.work import WorkRef
from tests.rollout.kit import ELIGIBLE

Key = tuple[str, str, str, str]  # phase, stage, name, machine
ENDS = (Phase.ON_ROLLBACK, Phase.AFTER_ROLLBACK, Phase.VERIFY)


def key(ref: WorkRef) -> Key:
    return ref.phase.value, ref.stage, ref.name, ref.machine


def wanted(plan: Plan, phase: Phase, stage: str = "") -> set[Key]:
    """What the plan's text asks for, written down here once more."""
    book = plan.runbook
    where = stage if phase in PER_STAGE else ""
    steps = {
        (phase.value, where, step.name, machine)
        for step in book.steps
        if step.phase is phase and (not where or not step.stages or where in step.stages)
        for machine in step.machines
    }
    if phase is Phase.PREPARE:
        steps |= {(phase.value, "", x.name, "") for x in (*book.backups, *book.checks)}
        steps |= {(phase.value, "", "before", "")} if book.baseline else set()
    return steps


@dataclass
class WorkBooks:
    initiator: str = ""
    good: set[Key] = field(default_factory=set)  # passed, or passed over
    running: dict[tuple[int, Key], float] = field(default_factory=dict)
    ticked: set[str] = field(default_factory=set)
    asked: bool = False

    def event(self, state: ServiceState, event: ev.Event, plan: Plan) -> list[str]:
        """What is wrong with it."""
        match event:
            case ev.RolloutStarted():
                self.__init__(event.initiator)  # type: ignore[misc]
            case ev.WorkOrdered():
                return self._ordered(state, event)
            case ev.WorkDone():
                place = key(event.result.ref)
                self.running.pop((event.order, place), None)
                (self.good.add if event.result.passed else self.good.discard)(place)
            case ev.WorkOverridden():
                self.good |= {key(ref) for ref in event.refs}
                able = event.by in ELIGIBLE and event.by != self.initiator
                return [] if able and event.reason.strip() else [f"passed over by {event.by}"]
            case ev.ItemTicked():
                (self.ticked.add if event.ticked else self.ticked.discard)(event.item)
            case ev.ApprovalAsked() if not self.asked:
                self.asked = True
                return self._first_asking(state, plan)
            case ev.ShiftOrdered() if event.why == "stage":
                left = wanted(plan, Phase.BEFORE_STAGE, event.stage) - self.good
                return [f"traffic before {left}"] if left else []
        return []

    def _ordered(self, state: ServiceState, event: ev.WorkOrdered) -> list[str]:
        r = state.rollout
        assert r is not None
        wrong = []
        for ref in event.refs:
            place = key(ref)
            again = event.phase in (Phase.DURING_STAGE, *ENDS)
            if place in self.good and not again:
                wrong.append(f"{place} was done, and is ordered again")
            if (event.order, place) in self.running:
                wrong.append(f"{place} is ordered twice at once")
            self.running[event.order, place] = event.at
        if event.phase in ENDS and r.status not in (Status.ROLLED_BACK, Status.CANCELLED):
            wrong.append(f"{event.phase} before the traffic was back: {r.status}")
        if event.phase is Phase.AFTER_COMPLETION and (r.status is not Status.COMPLETED or r.kept_warm):
            wrong.append(f"the old version goes while {r.status}")
        changing = [p for _, p in self.running if p[0] not in ("prepare", "during_stage") and p[0] != event.phase.value]
        if event.phase in ENDS and changing:
            wrong.append(f"{event.phase} while {changing} still run")
        return wrong

    def _first_asking(self, state: ServiceState, plan: Plan) -> list[str]:
        if state.rollout is None or not state.rollout.prepares:
            return []
        left = (wanted(plan, Phase.PREPARE) | wanted(plan, Phase.BEFORE_START)) - self.good
        open_items = {item.name for item in plan.runbook.checklist} - self.ticked
        return [f"asked before {left or open_items}"] if left or open_items else []
