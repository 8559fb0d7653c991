"""A rollout and a model fleet, both at the mercy of whoever calls; every step is held to the rules."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from bot.engine.targets import SILENT, away, behind, drift, forward, highest_generation
from bot.fleet.target import HostReading, HostState, Serving
from bot.rollout import effects as fx
from bot.rollout import events as ev
from bot.rollout import gate
from bot.rollout import intents as it
from bot.rollout.decide import decide
from bot.rollout.deciding import work
from bot.rollout.deciding.reports import MOVING
from bot.rollout.evolve import evolve, fold
from bot.rollout.follow import follow
from bot.rollout.intents import Reaction, Refusal
from bot.rollout.model import Board, Rollout, ServiceState, Status
from bot.rollout.plan import ApprovalRule, Plan, Stage
from bot.rollout.waves import hosts_up_to, watched_since, watched_stage
from bot.rollout.work import Outcome, WorkResult
from tests.rollout.kit import ANN, BEN, BOT, EVE, GOOD, HOSTS, INI, INTERVAL, PLAN, T0, YES, Reading
from tests.rollout.rules import Broken, Rules, hold_to


@dataclass
class ModelHost:
    """generation, weight: of the file that is there. by_hand: a person wrote it."""

    name: str
    generation: int = 0
    weight: float = 0.0
    by_hand: bool = False
    answers: bool = True
    before: tuple[int, float, bool] = (0, 0.0, False)  # generation, weight, by_hand of what the last order replaced

    def take(self, generation: int, weight: float) -> None:
        if self.generation != generation:
            self.before = (self.generation, self.weight, self.by_hand)
        self.generation, self.weight, self.by_hand = generation, weight, False

    def put_back(self, generation: int) -> None:
        if self.generation == generation and not self.by_hand and self.answers:
            self.generation, self.weight, self.by_hand = self.before

    def read(self) -> HostReading:
        if not self.answers:
            return HostReading(self.name, HostState.UNREACHABLE)
        if not self.generation:
            return HostReading(self.name, HostState.ABSENT)
        serving = Serving("shop", "R", self.generation, "shift", self.weight, True)
        state = HostState.EDITED if self.by_hand else HostState.OK
        return HostReading(self.name, state, serving, serving, f"{self.generation}/{self.weight}/{self.by_hand}")


@dataclass
class World:
    plan: Plan = PLAN
    now: float = T0
    state: ServiceState = field(default_factory=lambda: ServiceState("shop"))
    log: list[ev.Event] = field(default_factory=list)
    waiting: list[fx.Effect] = field(default_factory=list)  # what the worker has yet to do
    hosts: list[ModelHost] = field(default_factory=lambda: [ModelHost(name) for name in HOSTS])
    board: Board | None = None
    rules: Rules = field(default_factory=Rules)
    started: int = 0

    @property
    def r(self) -> Rollout | None:
        return self.state.rollout

    def submit(self, intent: it.Intent) -> tuple[ev.Event, ...] | Refusal:
        before = self.state
        decision = decide(before, intent, self.now, self.plan, BOT)
        hold_to(decision == decide(before, intent, self.now, self.plan, BOT), "determinism", intent)
        self.rules.check(before, intent, decision, self.now, self.plan)
        if isinstance(decision, Refusal):
            return decision
        for event in decision:
            self.state = evolve(self.state, event)
            self.log.append(event)
            moves = (fx.ShiftTraffic, fx.CatchUp, fx.RestoreTraffic, fx.ReadFleet, fx.DoWork, fx.PublishReport)
            self.waiting += [e for e in follow(event, self.state) if isinstance(e, moves)]
        hold_to(self.state.seq == before.seq + len(decision), "replay", "seq")
        return decision

    def replayed(self) -> None:
        hold_to(fold(ServiceState("shop"), self.log) == self.state, "replay", "the log tells another story")

    # --- people

    def start(self, version: str = "2.0.0", by: object = INI) -> None:
        self.started += 1
        serving = self.state.serving_version or self.plan.traffic.stable_version
        version = f"{version}.{self.started}" if serving != version else version
        self.submit(it.Start(f"R{self.started}", version, by, "because"))  # type: ignore[arg-type]

    def react(self, *reactions: Reaction, stale: int = 0) -> None:
        approval = self.r.approval if self.r else None
        if self.r and approval:
            self.submit(it.ReportReactions(self.r.id, approval.stage, approval.attempt - stale, reactions))

    # --- the outside

    def evaluate(self, reading: Reading, seconds: float = INTERVAL) -> None:
        """As the observer does it, with an account of the time that was really measured."""
        self.now += seconds
        r = self.state.active
        if r is None or not r.watched[1] or r.status is Status.ROLLING_BACK:
            return
        stage = watched_stage(self.plan, r)
        began = watched_since(r) or self.now
        board = self.board
        name, generation = r.watched
        if board is None or board.generation != generation or board.started_at < began:
            board = Board(r.id, name, generation, began)
            self.rules.measured, self.rules.settled = 0.0, False
        values = {n: reading.value(n, stage.weight) for n in gate.needs(self.plan, r, stage, board, self.now)}
        between = r.status is Status.SHIFTING and r.waved == r.wave
        counting = (r.status is Status.BAKING or between) and not r.paused_by and not r.drift
        past = self.now - (board.started_at if board.last_at is None else board.last_at)
        wanted = [n for n in values if n.pool == "canary" and (n.metric in {g.metric for g in stage.gates})]
        seen = all(_number(values[n].value) for n in wanted) and not any(v.error for v in values.values())
        if self.plan.share and stage.weight and not self.rules.settled:
            honest = reading.share is None and reading.samples is not None and reading.samples * stage.weight >= 20
            self.rules.settled = counting and honest and not any(v.error for v in values.values())
        elif counting and seen:
            self.rules.measured += min(past, 2 * self.plan.interval)
        judged = gate.judge(self.plan, stage, board, values, self.now, counting=counting)
        self.board = work.with_steps(judged, self.plan, r)
        self.submit(it.ReportBoard(self.board))

    def perform(self, index: int, *, swapped: int = len(HOSTS), fails: bool = False) -> None:
        """One waiting effect; a shift may fail after `swapped` hosts took it, and those stay as they are."""
        if not self.waiting:
            return
        effect = self.waiting.pop(index % len(self.waiting))
        match effect:
            case fx.ShiftTraffic():
                self._shift(effect, swapped, fails)
            case fx.CatchUp():
                self._catch_up(effect)
            case fx.RestoreTraffic():
                self._restore(effect)
            case fx.ReadFleet():
                self.read_fleet()
            case fx.DoWork():
                self._work(effect, Outcome.FAILED if fails else Outcome.PASSED)
            case fx.PublishReport():
                self.submit(it.NoteReport(effect.rollout, effect.edition, "digest", self.now))

    def _work(self, effect: fx.DoWork, outcome: Outcome) -> None:
        self.submit(it.ReportWork(effect.order, WorkResult(effect.ref, outcome, outcome, self.now, self.now)))

    def _shift(self, effect: fx.ShiftTraffic, swapped: int, fails: bool) -> None:
        r = self.r
        if r is None or not r.active or r.generation != effect.generation:
            return
        left_out = away([host.read() for host in self.hosts], self.state, self.plan, effect)
        names = tuple(n for n in hosts_up_to(r, effect.wave) or HOSTS if n not in dict(left_out))
        hosts = [host for host in self.hosts if host.name in names]
        earlier = hosts_up_to(r, effect.wave - 1) if effect.wave > 1 else ()
        outcome = self._refused(effect, r, hosts)
        if not outcome:
            own = Stage(effect.stage, 0.0, 0.0, (), ApprovalRule(), weight=effect.weight or 0.0)
            stage = own if effect.weight is not None else self.plan.stage(effect.stage)
            target = forward(r, self.plan, stage, effect.generation)
            for host in hosts[: swapped if fails else None]:
                host.take(effect.generation, target.weight)
            outcome = "partial" if fails else ""
        elif earlier:
            for host in self.hosts:
                if host.name in earlier:
                    host.put_back(effect.generation)
        failed = (("h3", outcome),) if outcome else ()
        how = outcome or "done"
        self.submit(it.ReportShift(effect.generation, not outcome, how, failed, 0.1, names, effect.wave, left_out))

    def _catch_up(self, effect: fx.CatchUp) -> None:
        r = self.r
        if r is None or r.live_generation != effect.generation or not r.left_out:
            return
        back = [h for h in self.hosts if h.name in r.left_out and behind(h.read(), effect.generation)]
        record = r.record(r.live_stage)
        if record and r.status not in MOVING and not r.paused_by:
            for host in back:
                host.take(effect.generation, record.weight)
            self.submit(it.ReportCaughtUp(effect.generation, tuple(host.name for host in back)))
        if self.r and self.r.left_out:
            self.waiting.append(effect)

    def _refused(self, effect: fx.ShiftTraffic, r: Rollout, hosts: list[ModelHost]) -> str:
        if r.plan_hash != self.plan.hash:
            return "the plan changed"
        if not all(host.answers for host in hosts):
            return "unreachable"
        if any(host.generation > effect.generation for host in hosts):
            return "fenced"
        if not effect.overwrite:
            kept = dict(r.adopted)
            others = [h.read() for h in hosts if h.generation != effect.generation or h.by_hand]
            live = self.state.live_generation
            found = drift(others, live, r.left_out) if live else tuple(h for h in drift(others, 0) if h.share)
            if any(kept.get(d.host) != d.digest for d in found):
                return "changed by hand"
        return ""

    def _restore(self, effect: fx.RestoreTraffic) -> None:
        r = self.r
        if r is None or r.generation != effect.generation:
            return
        restored, pending = [], []
        for host in self.hosts:
            if host.answers and host.generation <= effect.generation:
                host.take(effect.generation, 0.0)
                restored.append(host.name)
            else:
                pending.append((host.name, "fenced" if host.answers else "silent"))
        self.submit(it.ReportRollback(effect.generation, tuple(restored), tuple(pending), 0.1))
        if pending:
            self.waiting.append(effect)
            self.read_fleet()

    def read_fleet(self) -> None:
        readings = [host.read() for host in self.hosts]
        live = self.state.live_generation
        silent = tuple(r.host for r in readings if r.state in SILENT)
        found = drift(readings, live, self.r.left_out if self.r else ())
        self.submit(it.ReportFleet(highest_generation(readings), found, live, silent))

    def tick(self, seconds: float = 0.0) -> None:
        self.now += seconds
        r = self.state.active
        if r is None:
            self.submit(it.Tick(today=self.today))
            return
        if r.plan_hash != self.plan.hash:
            self.submit(it.NotePlan())
        board = self.board
        blind = board is None or board.blind_since is not None or self.now - (board.last_at or 0) > 4 * INTERVAL
        self.submit(it.Tick(blind, board.gates if board else (), self.today))

    @property
    def today(self) -> str:
        return datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%d")

    # --- what must hold at any moment

    def invariants(self) -> None:
        for host in self.hosts:
            ours = host.generation > self.rules.books.since and not host.by_hand
            hold_to(not ours or host.weight <= self.rules.books.ceiling, "1", f"{host} above {self.rules.books}")
        r = self.r
        if r is not None and r.touched:
            probe = decide(self.state, it.RollBack(EVE, "probe"), self.now, self.plan, BOT)
            back = r.status in (Status.ROLLING_BACK, Status.ROLLED_BACK)
            hold_to(back == isinstance(probe, Refusal), "3", f"{r.status}: {probe}")
        hold_to(self.state.generation >= (r.generation if r else 0), "fence", "the service knows less than its rollout")

    # --- ways out, each tried on a copy

    def onward(self) -> None:
        """What somebody who wants the rollout to go on does next, by what the card tells."""
        r = self.state.active
        if r is None:
            self.start()
        elif (
            any(isinstance(e, fx.RestoreTraffic | fx.ShiftTraffic | fx.DoWork) for e in self.waiting)
            or self._to_catch_up()
        ):
            self.perform(0)
        elif r.paused_by:
            self.submit(it.Resume(ANN))
        elif r.drift:
            self._answer_drift()
        elif r.status is Status.PREPARING:
            self.tick_items()
        elif r.status is Status.WORKING:
            self.tick(1.0)
        elif r.status is Status.AWAITING_APPROVAL:
            self.react(Reaction(INI, YES), Reaction(ANN, YES), Reaction(BEN, YES))
        elif r.status is Status.BAKING or r.baking_wave:
            self.evaluate(GOOD)
        elif r.status is Status.STEPPING_DOWN:
            self.tick(60.0)
        elif r.status is Status.PASSED:
            self.submit(it.Promote(ANN))
        elif r.status is Status.HELD:
            self.submit(it.Retry(ANN))
        elif r.status is Status.WATCHING:
            self.evaluate(GOOD)
            self.read_fleet()
            self.tick(60.0)

    def tick_items(self) -> None:
        for item in self.plan.runbook.checklist:
            self.submit(it.TickItem(replace(ANN, user="UEVE"), item.name))
        self.tick()

    def _to_catch_up(self) -> bool:
        r = self.r
        return bool(r and not r.paused_by and self.waiting) and any(
            host.name in r.left_out and behind(host.read(), r.live_generation) for host in self.hosts
        )

    def _answer_drift(self) -> None:
        for choice in ("adopt", "restore"):
            if not isinstance(self.submit(it.AnswerDrift(ANN, choice)), Refusal):
                return
        assert self.r is not None
        for host in self.hosts:  # a person puts the host back by hand
            if host.name in {d.host for d in self.r.drift}:
                host.generation, host.by_hand, host.weight = self.state.live_generation, False, 0.0
        self.read_fleet()

    def finishes(self) -> None:
        """From here a willing team with working hosts gets to the end."""
        world = copy.deepcopy(self)
        world._mended()
        for _ in range(200):
            if world.r is not None and world.r.status in (Status.COMPLETED, Status.ROLLED_BACK, Status.CANCELLED):
                return
            world.onward()
            world.tick(0.0)
        raise Broken(f"no way forward from {self.r} with {self.plan.source}: stuck at {world.r}")

    def goes_back(self) -> None:
        """From here one word brings every host back, and the next rollout can begin."""
        world = copy.deepcopy(self)
        r = world.r
        if r is None:
            return
        world.submit(it.RollBack(EVE, "out of here"))
        world._mended()
        for _ in range(60):
            world.perform(0)
        assert world.r is not None
        if r.touched and r.status is not Status.ROLLED_BACK:  # what a person does to a host after the end is theirs
            hold_to(world.r.status is Status.ROLLED_BACK, "3", f"rolled back, and {world.r.status}")
            served = {host.weight for host in world.hosts}
            hold_to(served == {0.0}, "3", f"rolled back, and hosts serve {served}")
        world.plan = PLAN
        world.start("9.9.9")
        hold_to(world.state.active is not None and world.state.active.id != r.id, "3", "no new rollout can begin")

    def _mended(self) -> None:
        for host in self.hosts:
            host.answers = True
        self.plan = self.plan if self.r is None or self._known(self.r) else PLAN

    def _known(self, r: Rollout) -> bool:
        stages = {s.name for s in self.plan.stages}
        return r.stage in stages and (not r.live_stage or r.live_stage in stages)


def _number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
