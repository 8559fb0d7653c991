"""The rules of DESIGN §6 as a checker that keeps books of its own: it believes nothing the core says of itself."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field

from bot.rollout import effects as fx
from bot.rollout import events as ev
from bot.rollout import intents as it
from bot.rollout.effects import Effect
from bot.rollout.evolve import evolve
from bot.rollout.follow import follow
from bot.rollout.intents import Reaction, Refusal
from bot.rollout.model import FINAL, ServiceState, Status, Verdict
from bot.rollout.plan import Plan
from bot.rollout.runbook import Phase
from tests.rollout.kit import ELIGIBLE, NO, YES
from tests.rollout.work_rules import WorkBooks, wanted

MOVES = (ev.ShiftOrdered, ev.WaveOrdered, ev.StepDownOrdered)


class Broken(AssertionError):
    """A rule was broken; the number is DESIGN §6's, or a word."""


def hold_to(condition: bool, rule: str, what: object = "") -> None:
    if not condition:
        raise Broken(f"rule {rule}: {what}")


def spoken(reactions: tuple[Reaction, ...], emoji: str) -> set[str]:
    """Whose word it is, by the list in the kit and not by what the core thinks of a person."""
    return {
        r.person.user
        for r in reactions
        if r.emoji.split("::")[0] == emoji and r.person.user in ELIGIBLE and r.person.known
    }


@dataclass
class Books:
    """What the checker knows of the rollout under way, from what it saw and nothing else."""

    initiator: str = ""
    approved: dict[tuple[str, str], float] = field(default_factory=dict)  # (stage, plan) -> weight let through
    asked: tuple[str, int, str, float] | None = None  # stage, attempt, plan, expires
    passed_asking: tuple[str, int] | None = None
    ceiling: float = 0.0  # the most that was ever let through
    since: int = 0  # files up to this generation are of an earlier rollout, whose pools may have had other roles


@dataclass
class Rules:
    books: Books = field(default_factory=Books)
    generation: int = 0
    measured: float = 0.0  # seconds the world knows to have been measured in this bake
    settled: bool = False  # whether the canary got its share in this bake
    work: WorkBooks = field(default_factory=WorkBooks)

    def check(
        self,
        before: ServiceState,
        intent: it.Intent,
        decision: tuple[ev.Event, ...] | Refusal,
        now: float,
        plan: Plan,
    ) -> None:
        if isinstance(intent, it.RollBack):
            self._way_back(before, intent, decision)
        if isinstance(decision, Refusal):
            hold_to(bool(decision.code), "7", "a refusal without a reason")
            return
        if isinstance(intent, it.ReportBoard):
            self._tripped(before, intent, decision)
        state, last = before, None
        for event in decision:
            self._who_when_why(event, now)
            self._event(state, event, last, intent, now, plan)
            for wrong in self.work.event(state, event, plan):
                hold_to(False, "work", wrong)
            state = evolve(state, event)
            self._effects(event, follow(event, state))
            last = event

    # --- 3: the way back

    def _way_back(self, before: ServiceState, intent: it.RollBack, decision: tuple[ev.Event, ...] | Refusal) -> None:
        r = before.rollout
        if intent.gradual:
            self._downward(before, decision)
            return
        over = r is None or r.status in (Status.ROLLED_BACK, Status.CANCELLED, Status.ROLLING_BACK)
        nobody = intent.actor.known and (intent.actor.bot or intent.actor.deactivated or intent.actor.external)
        if over or nobody:
            return
        assert r is not None
        hold_to(not isinstance(decision, Refusal), "3", f"rollback refused while {r.status}: {decision}")
        if isinstance(decision, Refusal):
            return
        state, wanted = before, []
        for event in decision:
            state = evolve(state, event)
            wanted += [e for e in follow(event, state) if isinstance(e, fx.RestoreTraffic)]
        hold_to(bool(wanted) == r.touched, "3", "a rollback that restores nothing")

    def _downward(self, before: ServiceState, decision: tuple[ev.Event, ...] | Refusal) -> None:
        """What is asked for in steps comes to a step below what is served, to a rollback, or to nothing at all."""
        if not isinstance(decision, Refusal):
            kinds = [type(e) for e in decision]
            hold_to(kinds in ([ev.StepDownOrdered], [ev.RollbackOrdered]), "3", f"{before.rollout} came to {decision}")

    def _step(self, state: ServiceState, event: ev.StepDownOrdered, intent: it.Intent) -> None:
        r = state.rollout
        assert r is not None
        record = r.record(r.live_stage)
        served = r.step_down.share if r.step_down and r.status is Status.STEPPING_DOWN else record and record.weight
        hold_to(served is not None and event.weight < served, "1", f"a step down to {event.weight} from {served}")
        by_person = isinstance(intent, it.RollBack) and intent.gradual and event.step == 1
        hold_to(by_person or isinstance(intent, it.Tick), "3", f"stepping down because of {intent}")
        hold_to(bool(event.reason.strip()), "10", "stepping down for no reason")

    def _tripped(self, before: ServiceState, intent: it.ReportBoard, decision: tuple[ev.Event, ...]) -> None:
        r = before.active
        serves = r is not None and r.live_generation == intent.board.generation and r.status is not Status.ROLLING_BACK
        if serves and any(t.tripped for t in intent.board.triggers):
            back = any(isinstance(e, ev.RollbackOrdered) for e in decision)
            hold_to(back, "trigger", f"tripped for nothing while {r.status if r else ''}")

    # --- 10

    def _who_when_why(self, event: ev.Event, now: float) -> None:
        hold_to(event.at == now, "10", f"{event} not at {now}")
        by = getattr(event, "by", None)
        unnamed = isinstance(event, ev.ApprovalClosed) and event.how != "vetoed"
        unnamed = unnamed or isinstance(event, ev.WorkOrdered)  # the rollout's own course, after what somebody did
        hold_to(by is None or bool(by) or unnamed, "10", f"nobody did {event}")
        if isinstance(event, ev.StageForced):
            hold_to(bool(event.reason.strip()), "10", "forced for no reason")
        if isinstance(event, ev.RollbackOrdered) and event.by in ("trigger", "policy"):
            hold_to(bool(event.reason), "10", "rolled back for no reason")
        if isinstance(event, ev.StageHeld) and event.hold.value in ("gates_failed", "not_enough_data", "shift_failed"):
            hold_to(bool(event.detail), "10", f"held for nothing: {event}")
        for name in (f.name for f in dataclasses.fields(event)):
            value = getattr(event, name)
            hold_to(not (isinstance(value, float) and math.isnan(value)), "10", f"{name} is not a number: {event}")

    def _effects(self, event: ev.Event, effects: tuple[Effect, ...]) -> None:
        shifts = any(isinstance(e, fx.ShiftTraffic) for e in effects)
        restores = any(isinstance(e, fx.RestoreTraffic) for e in effects)
        hold_to(shifts == isinstance(event, MOVES), "1", f"traffic moves because of {event}")
        hold_to(restores == isinstance(event, ev.RollbackOrdered), "3", f"{event} restores {restores}")

    # --- 1, 2, 3, 4 and the fencing token

    def _event(
        self,
        state: ServiceState,
        event: ev.Event,
        last: ev.Event | None,
        intent: it.Intent,
        now: float,
        plan: Plan,
    ) -> None:
        match event:
            case ev.RolloutStarted():
                hold_to(state.active is None, "3", "two rollouts at once")
                self.books = Books(event.initiator, since=state.generation)
            case ev.ApprovalAsked():
                before = self.books.asked
                hold_to(before is None or event.attempt > before[1], "2", "an asking without a number of its own")
                hold_to(event.plan_hash == plan.hash, "2", "asked under another plan")
                self.books.asked = (event.stage, event.attempt, event.plan_hash, event.expires_at)
            case ev.StageApproved():
                self._approved(state, event, intent, now, plan)
            case ev.ShiftOrdered():
                self._ordered(state, event, last, now, plan)
            case ev.WaveOrdered():
                self._wave(state, event, plan)
            case ev.StepDownOrdered():
                self._grows(event.generation, state)
                self._step(state, event, intent)
            case ev.RollbackOrdered():
                self._grows(event.generation, state)
            case ev.GenerationSeen():
                hold_to(event.generation > state.generation, "fence", "a generation that was known")
            case ev.StagePassed():
                self._passed(state, event, plan)
            case ev.ShareSettled():
                hold_to(self.settled, "4", f"the canary does not get its share: {event}")
            case ev.ShareAstray():
                r = state.rollout
                hold_to(not self.settled and r is not None and not r.share, "4", f"told twice, or wrongly: {event}")
            case ev.WatchStarted():
                final = isinstance(last, ev.StagePassed | ev.StageForced) and last.stage == plan.stages[-1].name
                hold_to(final, "4", f"a watch after {last}")
                early = event.warm_until is not None and event.warm_until < event.until
                hold_to(not early, "warm", f"the old pool may go before the triggers: {event}")
            case ev.RolloutCompleted():
                r = state.rollout
                assert r is not None and isinstance(intent, it.Tick)
                due = r.status is Status.WATCHING and r.watch_until is not None and now >= r.watch_until
                hold_to(due and not intent.blind and not r.paused_by and not r.drift, "4", f"an end at {r.status}")
            case ev.PoolReleased():
                r = state.rollout
                assert r is not None
                hold_to(r.status is Status.COMPLETED, "warm", f"the old pool given up while {r.status}")
                hold_to(r.warm_until is not None and now >= r.warm_until, "warm", f"given up before {r.warm_until}")
            case ev.RolloutCancelled():
                hold_to(
                    state.rollout is not None and not state.rollout.touched, "3", "cancelled with traffic out there"
                )

    def _grows(self, generation: int, state: ServiceState) -> None:
        hold_to(generation > self.generation, "fence", f"{generation} after {self.generation}")
        hold_to(generation > state.generation, "fence", f"{generation}, but {state.generation} was seen")
        self.generation = generation

    def _approved(
        self, state: ServiceState, event: ev.StageApproved, intent: it.Intent, now: float, plan: Plan
    ) -> None:
        r, asked = state.rollout, self.books.asked
        assert r is not None
        hold_to(isinstance(intent, it.ReportReactions), "2", f"approved by {type(intent).__name__}")
        assert isinstance(intent, it.ReportReactions)
        hold_to(asked is not None and (event.stage, event.attempt) == asked[:2], "2", "nobody was asked that")
        assert asked is not None
        hold_to(intent.rollout == r.id and (intent.stage, intent.attempt) == asked[:2], "2", "another message")
        hold_to(asked[2] == plan.hash, "2", "the plan changed since it was asked")
        hold_to(now < asked[3], "2", "the asking had expired")
        hold_to(self.books.passed_asking != asked[:2], "2", "approved twice")
        hold_to(not r.paused_by and not r.drift, "6", "approved while paused or drifted")
        people = spoken(intent.reactions, YES) - {self.books.initiator}
        hold_to(set(event.approvers) <= people, "2", f"{event.approvers} of whom only {people} may")
        hold_to(len(set(event.approvers)) >= plan.stage(event.stage).approval.quorum, "2", "no quorum")
        hold_to(not spoken(intent.reactions, NO), "2", "over a veto")
        weight = plan.stage(event.stage).weight
        self.books.approved[event.stage, plan.hash] = weight
        self.books.passed_asking = asked[:2]
        self.books.ceiling = max(self.books.ceiling, weight)

    def _ordered(
        self, state: ServiceState, event: ev.ShiftOrdered, last: ev.Event | None, now: float, plan: Plan
    ) -> None:
        r, asked = state.rollout, self.books.asked
        assert r is not None and asked is not None
        self._grows(event.generation, state)
        allowed = self.books.approved.get((event.stage, plan.hash))
        hold_to(allowed is not None, "2", f"{event.stage} under this plan was approved by nobody")
        hold_to(allowed is not None and event.weight <= allowed, "1", f"{event.weight} where {allowed} was approved")
        busy = r.status in (Status.SHIFTING, Status.ROLLING_BACK) or r.status in FINAL
        hold_to(not busy, "3", f"ordered while {r.status}")
        hold_to(not r.paused_by, "6", "ordered while paused")
        if event.why == "stage" and wanted(plan, Phase.BEFORE_STAGE, event.stage):
            alive = asked[:2] == self.books.passed_asking and asked[0] == event.stage and now < asked[3]
            hold_to(alive, "2", f"steps led to a shift on an approval that is not alive: {asked}")
        elif event.why == "stage":
            hold_to(isinstance(last, ev.StageApproved) and last.stage == event.stage, "2", f"ordered after {last}")
        elif event.why == "retry":
            alive = asked[:2] == self.books.passed_asking and asked[0] == event.stage and now < asked[3]
            hold_to(alive, "2", f"tried again on an approval that is not alive: {asked}")
        else:
            hold_to(event.stage == r.live_stage, "6", f"restored to {event.stage} from {r.live_stage}")

    def _wave(self, state: ServiceState, event: ev.WaveOrdered, plan: Plan) -> None:
        r = state.rollout
        assert r is not None
        order = (r.status, r.stage, r.generation, r.wave + 1)
        due = (Status.SHIFTING, event.stage, event.generation, event.wave)
        hold_to(order == due and r.waved == r.wave and event.wave <= len(r.waves), "wave", f"{event} in {order}")
        hold_to(not r.paused_by, "6", "a wave while paused")
        # A wave under a changed plan is ordered to be refused, which takes the others back.
        enough = self.measured + 1e-3 >= plan.fleet.wave_bake or r.plan_hash != plan.hash
        hold_to(enough, "wave", f"{event} after {self.measured} s")

    def _passed(self, state: ServiceState, event: ev.StagePassed, plan: Plan) -> None:
        r = state.rollout
        assert r is not None
        stage = plan.stage(event.stage)
        hold_to(r.status is Status.BAKING and r.live_stage == event.stage, "4", f"passed while {r.status}")
        hold_to(not r.paused_by and not r.drift, "6", "passed while paused or drifted")
        steps = [g for g in event.gates if g.metric.startswith("step:")]
        asked = {name for phase, _, name, _ in wanted(plan, Phase.DURING_STAGE, event.stage)}
        hold_to({g.metric.removeprefix("step:") for g in steps} == asked, "4", "passed on some of the steps")
        hold_to(all(g.verdict is Verdict.PASS for g in steps), "4", f"passed on {steps}")
        measured = event.gates[: len(event.gates) - len(steps)]
        hold_to(len(measured) == len(stage.gates), "4", "passed on some of the gates")
        for gate, result in zip(stage.gates, measured, strict=True):
            hold_to(result.verdict is Verdict.PASS, "4", f"passed on {result}")
            hold_to(result.canary is not None and gate.holds(result.canary), "4", f"passed on {result}")
            if plan.metric(gate.metric).samples:
                enough = result.samples is not None and result.samples >= stage.min_samples
                hold_to(enough, "4", f"passed on {result.samples} samples")
            hold_to(result.readings >= stage.min_readings, "4", f"passed on {result.readings} readings")
        hold_to(event.baked + 1e-3 >= stage.bake, "4", f"passed after {event.baked} s")
        hold_to(self.measured + 1e-3 >= stage.bake, "4", f"passed with {self.measured} s really measured")
        hold_to(self.settled or not plan.share or not stage.weight, "4", "passed before the canary got its share")
