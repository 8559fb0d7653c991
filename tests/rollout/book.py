"""A plan with everything around the traffic, and the hand that reports its work."""

from __future__ import annotations

from dataclasses import replace

from bot.rollout import effects as fx
from bot.rollout import events as ev
from bot.rollout import intents as it
from bot.rollout.plan import Plan
from bot.rollout.runbook import (
    BackupRule,
    Baseline,
    Check,
    ChecklistItem,
    Must,
    Phase,
    ReportRule,
    Runbook,
    SignRole,
    Step,
)
from bot.rollout.work import Outcome, WorkRef, WorkResult
from tests.rollout.kit import ANN, BEN, PLAN, Flow

LOAD = Step("load", Phase.DURING_STAGE, "wrk", stages=("few",), result=r"(\d+) req/s", must=Must(">", 100.0, "> 100"))
BOOK = Runbook(
    checks=(Check("clean", "command", target="git diff --quiet"), Check("disk", "disk", target="/")),
    checklist=(ChecklistItem("logs", "Logs", "rm"), ChecklistItem("alarm", "Alarms", "UEVE")),
    backups=(BackupRule("db", "/backup", sqlite="/srv/app.db"),),
    steps=(
        Step("deploy", Phase.BEFORE_START, "deploy", machines=("a", "b")),
        Step("warm", Phase.BEFORE_STAGE, "warm", stages=("few",)),
        LOAD,
        Step("tidy", Phase.AFTER_STAGE, "tidy", stages=("internal", "all")),
        Step("announce", Phase.ON_PROMOTE, "announce", stages=("internal",)),
        Step("stop_new", Phase.ON_ROLLBACK, "stop"),
        Step("start_old", Phase.ON_ROLLBACK, "start"),
        Step("tell", Phase.AFTER_ROLLBACK, "tell"),
        Step("stop_old", Phase.AFTER_COMPLETION, "stop"),
    ),
    verification=(Check("page", "http", target="http://x", aspect="service"),),
    baseline=Baseline(),
    watch_every=100.0,
    report=ReportRule((SignRole("运维", "DevOps", ("rm",)), SignRole("数据", "Data", ("dba",))), remind_every=3600.0),
)
BOOKED: Plan = replace(PLAN, runbook=BOOK, source="book")


class BookFlow(Flow):
    """A Flow whose work is done when it is told to be."""

    @property
    def running(self) -> tuple[WorkRef, ...]:
        return self.r.work.running if self.r.work else ()

    def result(self, ref: WorkRef, outcome: Outcome = Outcome.PASSED) -> it.ReportWork:
        assert self.r.work
        return it.ReportWork(self.r.work.order, WorkResult(ref, outcome, outcome.value, self.now, self.now, "out"))

    def work(self, **outcomes: Outcome) -> BookFlow:
        """Every running piece reports, until nothing runs any more; what is not named passes."""
        while self.running:
            ref = self.running[0]
            self.act(self.result(ref, outcomes.get(ref.name, Outcome.PASSED)))
            if ref.name in outcomes:
                del outcomes[ref.name]
        return self

    def tick_all(self) -> BookFlow:
        self.act(it.TickItem(ANN, "logs"))
        self.act(it.TickItem(replace(ANN, user="UEVE"), "Alarms"))
        return self

    def asked(self) -> BookFlow:
        """From the start to the first asking."""
        return self.start_book().work().tick_all()

    def start_book(self) -> BookFlow:
        self.start()
        return self

    def to_stage(self, name: str) -> BookFlow:
        """Baking in the stage, everything before it done."""
        if self.state.active is None:
            self.asked()
        while True:
            self.approve(ANN, BEN)
            self.work()
            self.shifted()
            if self.r.live_stage == name:
                return self
            self.work()
            self.bake()
            self.work()
            self.act(it.Promote(ANN))
            self.work()

    def to_watch(self) -> BookFlow:
        self.to_stage("all").bake()
        self.work()
        return self

    def to_end(self) -> BookFlow:
        self.to_watch().tick(600)
        self.work()
        return self

    def does(self, kind: type[fx.Effect]) -> list[fx.Effect]:
        return [e for e in self.effects if isinstance(e, kind)]


def booked() -> BookFlow:
    return BookFlow(plan=BOOKED)


def phases(events: list[ev.Event]) -> list[tuple[str, tuple[str, ...]]]:
    """(phase, names) of each order of work."""
    return [(e.phase.value, tuple(ref.name for ref in e.refs)) for e in events if isinstance(e, ev.WorkOrdered)]
