"""A small plan, some people, and a hand that walks a rollout from status to status."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from bot.rollout import events as ev
from bot.rollout import intents as it
from bot.rollout.decide import decide
from bot.rollout.deciding.work import with_steps
from bot.rollout.evolve import evolve, fold
from bot.rollout.follow import follow
from bot.rollout.gate import Need, Value, judge, needs
from bot.rollout.intents import Reaction, Refusal, ReportReactions
from bot.rollout.model import Board, DriftedHost, GateResult, Person, Rollout, ServiceState, Status, Verdict
from bot.rollout.plan import (
    ApprovalRule,
    Condition,
    FleetPlan,
    Host,
    Metric,
    Plan,
    ShareRule,
    Stage,
    StepDownRule,
    Traffic,
)
from bot.rollout.waves import counting, hosts_up_to, watched_since, watched_stage

T0 = 1_000_000.0
BAKE = 60.0
INTERVAL = 15.0
HOSTS = ("h1", "h2", "h3")
BOT = "UBOT"
YES, NO = "white_check_mark", "x"

INI = Person("UINI", roles=frozenset({"rm"}))
ANN = Person("UANN", roles=frozenset({"rm"}))
BEN = Person("UBEN", roles=frozenset({"rm", "dba"}))
EVE = Person("UEVE", roles=frozenset({"designer"}))
STRANGER = Person("USTR")
ROBOT = Person("UROB", bot=True, roles=frozenset({"rm"}))
GUEST = Person("UGUE", guest=True, roles=frozenset({"rm"}))
LEFT = Person("ULEF", deactivated=True, roles=frozenset({"rm"}))
PARTNER = Person("UPAR", external=True, roles=frozenset({"rm"}))
DARK = Person("UDAR", known=False, roles=frozenset({"rm"}))
SEED = Person(BOT, bot=True, roles=frozenset({"rm"}))
EVERYBODY = (INI, ANN, BEN, EVE, STRANGER, ROBOT, GUEST, LEFT, PARTNER, DARK, SEED)
ELIGIBLE = frozenset({"UINI", "UANN", "UBEN"})  # written down, not computed: what the tests hold the core against

TRAFFIC = Traffic("sticky", ("10.0.0.1:80",), ("10.0.0.2:80",), "1.0.0")
METRICS = (
    Metric("error_rate", "percent", 'err{v="$version"}[$window]', samples="requests"),
    Metric("p95", "seconds", 'p95{i=~"$instances"}[$window]', samples="requests"),
    Metric("users", "count", 'users{s="$service"}[$window]', per_pool=False),
    Metric("requests", "count", 'req{p="$pool"}[$window]'),
)
ERRORS = Condition("error_rate < 5%", "error_rate", "<", 5.0)
USERS = Condition("users > 1", "users", ">", 1.0)
SLOW_TRIP = Condition("error_rate > 10%", "error_rate", ">", 10.0, hold_for=30.0, window=60.0)
FAST_TRIP = Condition("error_rate > 25%", "error_rate", ">", 25.0, hold_for=0.0, window=60.0)

RULE = ApprovalRule(YES, NO, 1, ("rm",), 4 * 3600.0)


def stage(name: str, weight: float, **changes: object) -> Stage:
    base = Stage(name, BAKE, 2 * BAKE, (ERRORS, USERS), RULE, weight=weight, min_samples=100, min_readings=3)
    return replace(base, **changes)  # type: ignore[arg-type]


STAGES = (
    stage("internal", 0.0, audience="internal"),
    stage("few", 5.0),
    stage("some", 20.0, approval=replace(RULE, quorum=2)),
    stage("all", 100.0),
)


def plan(source: str = "a", **changes: object) -> Plan:
    base = Plan(
        service="shop",
        title="Shop",
        channel="releases",
        traffic=TRAFFIC,
        fleet=FleetPlan("local", tuple(Host(name) for name in HOSTS)),
        metrics=METRICS,
        stages=STAGES,
        triggers=(SLOW_TRIP, FAST_TRIP),
        interval=INTERVAL,
        watch=600.0,
        blind_warning=45.0,
        trigger_min_samples=20,
        source=source,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


PLAN = plan()


FLIP = plan(  # blue_green; the old pool is kept warm for longer than the watch
    "flip",
    traffic=replace(TRAFFIC, strategy="blue_green", keep_warm=900.0),
    stages=(STAGES[0], STAGES[-1]),
)


HITS = Metric("hits", "count", 'hits{p="$pool"}[$window]')
SHARE = plan("share", metrics=(*METRICS, HITS), share=ShareRule("hits", 1.0, 45.0))


WAVES = plan("waves", fleet=FleetPlan("local", (Host("h1", wave=1), Host("h2"), Host("h3")), wave_bake=30.0))


# one host may be away
MISSING = FleetPlan("local", tuple(Host(name) for name in HOSTS), max_unavailable=1)
STEPPED = plan("steps", step_down=StepDownRule((50.0, 10.0, 1.0), 60.0), fleet=MISSING)


def with_stage(of: Plan, name: str, **changes: object) -> Plan:
    stages = tuple(replace(s, **changes) if s.name == name else s for s in of.stages)  # type: ignore[arg-type]
    return replace(of, stages=stages, source=f"{of.source} {name} {sorted(changes.items())}")


def gates(verdict: Verdict = Verdict.PASS) -> tuple[GateResult, ...]:
    first = GateResult(ERRORS.text, "error_rate", verdict, 1.0, 1.0, 500.0, 9)
    return (first, GateResult(USERS.text, "users", Verdict.PASS, 7.0, None, None, 9))


@dataclass
class Reading:
    """What every metric says at one evaluation; a trap is a value no honest edge would send."""

    errors: float | None = 1.0
    samples: float | None = 500.0
    users: float | None = 7.0
    failed: tuple[str, ...] = ()  # metrics whose query failed
    quick: float | None = None  # the error rate of the triggers' window, if it is another
    share: float | None = None  # percent of the hits that the canary gets; None = the weight it should

    def value(self, need: Need, weight: float = 50.0) -> Value:
        if need.metric in self.failed:
            return Value(None, f"{need.metric} failed")
        if need.metric == "hits":
            canary = weight if self.share is None else self.share
            hits = None if self.samples is None else self.samples * (canary if need.pool == "canary" else 100 - canary)
            return Value(hits)
        errors = self.errors if self.quick is None or need.window != 60.0 else self.quick
        return Value({"error_rate": errors, "p95": 0.1, "users": self.users, "requests": self.samples}[need.metric])


GOOD = Reading()
BAD = Reading(errors=8.0)
AWFUL = Reading(errors=50.0)
EMPTY = Reading(errors=None, samples=None, users=None)
FEW = Reading(samples=3.0)
BLIND = Reading(failed=("error_rate", "requests", "users", "p95"))
SKEWED = Reading(share=60.0)
NAN = Reading(errors=float("nan"), samples=float("nan"), users=float("nan"))


@dataclass
class Flow:
    """Submits intents, folds what follows, and keeps the whole log."""

    plan: Plan = PLAN
    now: float = T0
    state: ServiceState = field(default_factory=lambda: ServiceState("shop"))
    log: list[ev.Event] = field(default_factory=list)
    effects: list[object] = field(default_factory=list)
    board: Board | None = None
    started: int = 0

    @property
    def r(self) -> Rollout:
        assert self.state.rollout is not None
        return self.state.rollout

    def decide(self, intent: it.Intent) -> tuple[ev.Event, ...] | Refusal:
        return decide(self.state, intent, self.now, self.plan, BOT)

    def act(self, intent: it.Intent) -> tuple[ev.Event, ...]:
        """The events of an intent that must not be refused."""
        decision = self.decide(intent)
        assert not isinstance(decision, Refusal), decision
        self.take(decision)
        return decision

    def take(self, events: Iterable[ev.Event]) -> None:
        for event in events:
            self.state = evolve(self.state, event)
            self.log.append(event)
            self.effects += follow(event, self.state)
        assert fold(ServiceState("shop"), self.log) == self.state

    def refused(self, intent: it.Intent, code: str) -> Refusal:
        decision = self.decide(intent)
        assert isinstance(decision, Refusal), decision
        assert decision.code == code
        return decision

    def later(self, seconds: float) -> Flow:
        self.now += seconds
        return self

    def start(self, version: str = "2.0.0", actor: Person = INI) -> Flow:
        self.started += 1
        self.act(it.Start(f"ROLLOUT-{self.started}", version, actor, "a reason"))
        return self

    def reactions(self, *reactions: Reaction | Person) -> ReportReactions:
        """The asking under way with these reactions on its message; a person alone stands for their approval."""
        approval = self.r.approval
        assert approval is not None
        given = tuple(Reaction(x, YES) if isinstance(x, Person) else x for x in reactions)
        return ReportReactions(self.r.id, approval.stage, approval.attempt, given)

    def approve(self, *people: Person) -> tuple[ev.Event, ...]:
        return self.act(self.reactions(*(people or (ANN, BEN))))

    def shifted(self, ok: bool = True, left_out: tuple[tuple[str, str], ...] = ()) -> tuple[ev.Event, ...]:
        failed = () if ok else (("h2", "no answer"),)
        outcome = "done" if ok else "reverted"
        hosts = hosts_up_to(self.r, self.r.wave) or HOSTS
        report = it.ReportShift(self.r.generation, ok, outcome, failed, 0.5, hosts if ok else (), self.r.wave, left_out)
        return self.act(report)

    def evaluate(self, reading: Reading = GOOD, seconds: float = INTERVAL) -> tuple[ev.Event, ...]:
        """One evaluation as the observer makes it."""
        self.later(seconds)
        r = self.r
        began = watched_since(r) or self.now
        board = self.board
        name, generation = r.watched
        if board is None or board.generation != generation or board.started_at < began:
            board = Board(r.id, name, generation, began)
        at = watched_stage(self.plan, r)
        values = {n: reading.value(n, at.weight) for n in needs(self.plan, r, at, board, self.now)}
        judged = judge(self.plan, at, board, values, self.now, counting=counting(r))
        self.board = with_steps(judged, self.plan, r)
        return self.act(it.ReportBoard(self.board))

    def next_wave(self) -> tuple[ev.Event, ...]:
        """Evaluates until the wave in place was watched for long enough."""
        for _ in range(9):
            events = self.evaluate(GOOD)
            if any(isinstance(e, ev.WaveOrdered) for e in events):
                return events
        raise AssertionError(f"no wave follows: {self.board}")

    def bake(self, reading: Reading = GOOD, most: int = 40) -> Flow:
        """Evaluates until the bake has come to something."""
        for _ in range(most):
            self.evaluate(reading)
            if self.r.status is not Status.BAKING:
                return self
        raise AssertionError(f"still baking: {self.board}")

    def tick(self, seconds: float = 0.0, blind: bool = False) -> tuple[ev.Event, ...]:
        self.later(seconds)
        return self.act(it.Tick(blind))

    def restored(self) -> tuple[ev.Event, ...]:
        return self.act(it.ReportRollback(self.r.generation, HOSTS, (), 0.5))

    def to_baking(self, name: str) -> Flow:
        if self.state.active is None:
            self.start()
        while True:
            self.approve()
            self.shifted()
            while self.r.status is Status.SHIFTING:
                self.next_wave()
                self.shifted()
            if self.r.stage == name:
                return self
            self.bake()
            self.act(it.Promote(ANN))

    def drifted(
        self, *drift: DriftedHost, unread: tuple[str, ...] = (), highest: int = 0, down: tuple[str, ...] = ()
    ) -> tuple[ev.Event, ...]:
        return self.act(it.ReportFleet(highest, drift, self.state.live_generation, unread, down))

    def change_plan(self, new: Plan) -> tuple[ev.Event, ...]:
        self.plan = new
        return self.act(it.NotePlan())


def lower(host: str = "h1", share: float | None = 0.0, digest: str = "d1") -> DriftedHost:
    return DriftedHost(host, "edited", 1, share, digest)


OTHER_PLAN = replace(PLAN, source="another")


def names(events: Iterable[ev.Event]) -> list[str]:
    return [type(e).__name__ for e in events]
