"""Two rollouts as the log would have them: the five days of the runbook, and one that its triggers took back.

Every event went through `evolve`; the measurements are what the observer would have written, with a fixed seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.alerts.model import Alert
from bot.release.saying import said as says
from bot.rollout import events as ev
from bot.rollout.model import Hold, TriggerResult, Verdict
from bot.rollout.plan import Stage
from bot.rollout.runbook import Phase
from bot.rollout.work import AFTER, BEFORE, Figure, Outcome, Signature, WorkRef
from tests.release.report.sample_log import Sample
from tests.release.report.sample_plan import (
    CHECKS,
    CHEN,
    DAY,
    HOSTS,
    HOUR,
    ID,
    ITEMS,
    LIN,
    PLAN,
    ROLES,
    STAGES,
    SUN,
    TRIGGERS,
    USUAL,
    VERIFICATION,
    WANG,
    ZHAO,
)


def begin() -> Sample:
    """Started; checks, of which one fails and is passed over; backup, checklist, a step."""
    s = Sample()
    stages = tuple((x.name, x.weight) for x in STAGES)
    pools = (PLAN.traffic.stable, PLAN.traffic.canary)
    why = "新的诊断模型 2.1：报告更快，准确率更高"
    s.say(ev.RolloutStarted(ID, "2.1.0", "2.0.0", *pools, "s1", LIN, why, PLAN.hash, HOSTS, stages, s.at, True))
    refs = tuple(WorkRef("check", c.name, Phase.PREPARE) for c in CHECKS)
    backup = WorkRef("backup", "orders", Phase.PREPARE)
    s.order(Phase.PREPARE, "", backup)
    sha = "9f2c4e1ab7d0536688f1c0de42aa90b17c5d3e8fa64b2c1d9e07f5a8b3c6d210"
    facts = (
        ("file", "orders-20260302T010003.db.gz"),
        ("size", "50540000"),
        ("sha256", sha),
        ("taken_at", "1772413200"),
    )
    s.work(backup, Outcome.PASSED, "212 MB, 48.2 MB compressed: restored, integrity ok", 42.4, facts=facts)
    s.later(60)
    s.order(Phase.PREPARE, "", *refs, WorkRef("baseline", BEFORE, Phase.PREPARE))
    said = {
        "version": ("v2.1.0 (4c1f9e2), clean tree", None),
        "database": ("accepting connections", None),
        "adapters": ("200: 6 adapters ready", None),
        "prometheus": ("200", None),
        "disk": ("61.4 % free on /", 61.4),
        "memory": ("47.0 % free", 47.0),
        "backup": ("43 s old, 48.2 MB", 43.0),
    }
    coded = {
        "prometheus": (says("http", status="200", ms="12"),),
        "disk": (says("disk", percent="61.4", target="/", size="48.2 GiB", least="20"),),
        "backup": (says("fresh", {"age": 43.0}, size="48.2 MiB", file="orders"),),
    }
    for ref in refs:
        if ref.name == "tests":
            output = "tests/export/test_pdf.py::test_fonts FAILED\n1 failed, 1283 passed in 412.07s"
            s.work(ref, Outcome.FAILED, "exit 1: 1 failed, 1283 passed", 412.6, output=output, exit_status=1)
        else:
            text, value = said[ref.name]
            what = coded.get(ref.name, ())
            s.work(ref, Outcome.PASSED, text, 0.4 + s.chance.random() * 3, value=value, said=what)
    s.work(WorkRef("baseline", BEFORE, Phase.PREPARE), Outcome.PASSED, "12 samples", HOUR, figures=tuple(figures(s, 0)))
    s.later(HOUR)
    s.say(ev.StageHeld("internal", Hold.PREPARATION_FAILED, "tests", (), s.at))
    s.later(900)
    reason = "只有 PDF 字体测试失败，2.0 同样失败，与本次发布无关（工单 1187）"
    s.say(ev.WorkOverridden((refs[1],), WANG, reason, s.at))
    for item, who in zip(ITEMS, (LIN, ZHAO, WANG, LIN, WANG), strict=True):
        s.later(70)
        s.say(ev.ItemTicked(item.name, who, True, s.at))
    s.say(ev.WorkFinished(Phase.PREPARE, "", (), s.at))
    deploy = WorkRef("step", "deploy", Phase.BEFORE_START, machine="app-2")
    s.order(Phase.BEFORE_START, "", deploy)
    s.work(deploy, Outcome.PASSED, "2.1.0 running, 4 workers", 38.2, exit_status=0)
    s.later(40)
    s.say(ev.WorkFinished(Phase.BEFORE_START, "", (), s.at))
    return s


def figures(s: Sample, side: int) -> list[Figure]:
    spread = {"error_rate": 0.05, "p95": 0.08, "p99": 0.2, "report_success_rate": 0.3, "cpu": 4.0}
    found = [Figure(m, USUAL[m][side] * (1 + s.chance.gauss(0, 0.004)), sd, 12) for m, sd in spread.items()]
    return [*found, Figure("availability", None if side else 99.98, None if side else 0.01, 0 if side else 12)]


def shifted(s: Sample, stage: Stage, generation: int, approver: str, attempt: int = 1) -> None:
    s.say(ev.ApprovalAsked(stage.name, attempt, PLAN.hash, s.at + 4 * HOUR, "", s.at))
    s.later(640)
    s.say(ev.ApproversChanged(stage.name, attempt, (approver,), s.at))
    s.say(ev.StageApproved(stage.name, attempt, (approver,), s.at))
    s.say(ev.ShiftOrdered(stage.name, generation, stage.weight, "stage", "", s.at))
    s.later(0.6)
    s.say(ev.ShiftDone(stage.name, generation, HOSTS, 0.48 + 0.1 * s.chance.random(), s.at))


def passed(s: Sample, stage: Stage, share: float | None) -> None:
    s.measure(stage, DAY)
    s.later(DAY + 30)
    s.say(ev.StagePassed(stage.name, s.gates(stage), share, DAY, s.at))
    s.later(1800)


def steady(every: float = 900.0) -> Sample:
    """The five days, the watch, the report and its signatures."""
    s = begin()
    s.every = every
    shifted(s, STAGES[0], 1, WANG)
    s.later(3 * HOUR)
    s.say(ev.NoteAdded(CHEN, "内部同事反馈：新报告的图表更清楚", "internal", s.at, "feedback"))
    passed(s, STAGES[0], None)
    s.say(ev.ApprovalAsked("1%", 1, PLAN.hash, s.at + 4 * HOUR, LIN, s.at))
    s.later(4 * HOUR)
    s.say(ev.ApprovalClosed("1%", 1, "expired", "", s.at))
    s.say(ev.StageHeld("1%", Hold.EXPIRED, "", (), s.at))
    s.later(14 * HOUR)
    shifted(s, STAGES[1], 2, WANG, 2)
    s.later(2 * HOUR)
    s.say(ev.RolloutPaused(ZHAO, "机房网络割接", s.at))
    s.later(HOUR)
    s.say(ev.RolloutResumed(ZHAO, s.at))
    passed(s, STAGES[1], 1.04)
    shifted(s, STAGES[2], 3, ZHAO)
    s.later(5 * HOUR)
    s.say(ev.NoteAdded(WANG, "回滚演练 28 秒内完成，流程顺畅", "10%", s.at, "good"))
    alerted(s, "warning", "BrandDiagnosisSlowQueries", "slow queries on orders, 34 in 5 m", 1260.0)
    passed(s, STAGES[2], 9.87)
    shifted(s, STAGES[3], 4, WANG)
    load = WorkRef("step", "load", Phase.DURING_STAGE, "50%", "bot")
    s.order(Phase.DURING_STAGE, "50%", load)
    s.work(load, Outcome.PASSED, "k6: 300 VUs, p95 1.27 s, 0 failed", 600.0, exit_status=0, value=1.27)
    s.say(ev.WorkFinished(Phase.DURING_STAGE, "50%", (), s.at + 600))
    s.say(ev.NoteAdded(LIN, "压测脚本第一次跑错了环境，浪费一小时", "50%", s.at + HOUR, "bad"))
    s.measure(STAGES[3], DAY)
    s.later(DAY + 30)
    failing = replace(s.gates(STAGES[3])[0], verdict=Verdict.FAIL, canary=2.0000004)
    s.say(ev.VerdictChanged("50%", failing, Verdict.PASS, s.at))
    s.say(ev.StageHeld("50%", Hold.GATES_FAILED, "", (failing, *s.gates(STAGES[3])[1:]), s.at))
    s.later(HOUR)
    reason = "压测流量造成的错误，已排除；正式流量错误率 0.4 %"
    s.say(ev.StageForced("50%", WANG, reason, (failing, *s.gates(STAGES[3])[1:]), 49.6, DAY, s.at))
    s.later(600)
    shifted(s, STAGES[4], 5, ZHAO)
    passed(s, STAGES[4], 100.0)
    return ended(s)


def ended(s: Sample) -> Sample:
    s.say(ev.WatchStarted(s.at + DAY, s.at))
    last = STAGES[4]
    for number in range(1, 24):
        s.later(HOUR)
        calm = tuple(TriggerResult(t.text, t.metric, s.near(t.metric, "canary"), 4000.0) for t in TRIGGERS)
        s.say(ev.WatchLine(number, s.gates(last), calm, 100.0, DAY - number * HOUR, s.at))
    s.later(HOUR)
    s.say(ev.RolloutCompleted(ID, "2.1.0", s.at, s.gates(last)))
    after = WorkRef("baseline", AFTER, Phase.AFTER_COMPLETION)
    retire = WorkRef("step", "retire", Phase.AFTER_COMPLETION, machine="app-1")
    s.order(Phase.AFTER_COMPLETION, "", after)
    s.work(after, Outcome.PASSED, "12 samples", HOUR, figures=tuple(figures(s, 1)))
    s.later(HOUR)
    s.order(Phase.AFTER_COMPLETION, "", retire)
    s.work(retire, Outcome.PASSED, "exit 0", 12.0, exit_status=0, said=(says("exited", status="0"),))
    s.later(12)
    s.say(ev.WorkFinished(Phase.AFTER_COMPLETION, "", (), s.at))
    s.say(ev.FollowUpAdded(ID, "F1", "修复 PDF 字体测试（工单 1187）", CHEN, "2026-03-13", "P1", LIN, s.at))
    s.say(ev.FollowUpAdded(ID, "F2", "压测脚本增加环境检查", LIN, "2026-03-20", "P2", WANG, s.at))
    signed(s, 1)
    return s


def signed(s: Sample, edition: int) -> None:
    s.say(ev.ReportOrdered(ID, edition, s.at))
    s.later(5)
    s.say(ev.ReportPosted(ID, edition, "d" * 64, s.at))
    signatures: Sequence[Signature] = ()
    for role, who in zip(ROLES, (WANG, ZHAO, LIN, CHEN, SUN, LIN), strict=True):
        s.later(2400)
        signatures = (*signatures, Signature(role.title, who, s.at))
        s.say(ev.SignaturesChanged(ID, edition, tuple(signatures), s.at))
    s.say(ev.SignedOff(ID, edition, s.at))
    s.later(2 * DAY)
    s.say(ev.FollowUpClosed(ID, "F1", CHEN, s.at))


def alerted(s: Sample, severity: str, name: str, summary: str, lasted: float | None) -> None:
    labels = (("instance", "10.0.1.11:5000"), ("service", "brand-diagnosis"))
    over = None if lasted is None else s.at + lasted
    texts = (("summary", summary),)
    s.alerts.append(
        Alert(name, "rules", name, severity, labels, texts, s.at, 34.0, rollout=ID, resolved_at=over)  # type: ignore[arg-type]
    )


def rolled_back(every: float = 60.0) -> Sample:
    """At 10 % the errors of the new version grow past the trigger; the second step of the way back fails."""
    s = begin()
    s.every = 900.0
    shifted(s, STAGES[0], 1, WANG)
    passed(s, STAGES[0], None)
    shifted(s, STAGES[1], 2, WANG)
    passed(s, STAGES[1], 0.98)
    s.every = every
    shifted(s, STAGES[2], 3, ZHAO)
    s.measure(STAGES[2], 3 * HOUR, worse=38.0)
    s.later(3 * HOUR)
    alerted(s, "critical", "BrandDiagnosisErrors", "error rate of 10.0.1.11:5000 above 10 %", 900.0)
    trip = TriggerResult("error_rate > 10%", "error_rate", 14.238, 812.0, s.at - 30.2, True)
    s.say(ev.RollbackOrdered(4, "trigger", "error_rate > 10%", trip, "10%", s.at))
    s.later(0.7)
    pending = ((HOSTS[1], "no answer within 20 s"),)
    s.say(ev.HostsRestored(4, HOSTS[:1], pending, 0.62, s.at))
    s.later(41)
    s.say(ev.HostsRestored(4, HOSTS, (), 41.2, s.at))
    s.say(ev.RolledBack(ID, 4, s.at))
    stop = WorkRef("step", "stop-new", Phase.ON_ROLLBACK, machine="app-2")
    start = WorkRef("step", "start-old", Phase.ON_ROLLBACK, machine="app-1")
    s.order(Phase.ON_ROLLBACK, "", stop)
    output = "systemctl stop brand-diagnosis@2.1.0\nFailed to stop: Connection timed out"
    why = (says("exited", status="1"), says("last", last="Failed to stop: Connection timed out"))
    s.work(
        stop,
        Outcome.FAILED,
        "exit 1: Failed to stop: Connection timed out",
        25.0,
        exit_status=1,
        output=output,
        said=why,
    )
    s.later(25)
    s.order(Phase.ON_ROLLBACK, "", start)
    s.work(start, Outcome.PASSED, "active (running) since 4 days", 0.8, exit_status=0)
    s.say(ev.WorkFinished(Phase.ON_ROLLBACK, "", (stop,), s.at))
    refs = [WorkRef("verify", "traffic", Phase.VERIFY)] + [
        WorkRef("verify", c.name, Phase.VERIFY) for c in VERIFICATION
    ]
    s.order(Phase.VERIFY, "", *refs)
    for ref in refs:
        s.work(ref, Outcome.PASSED, "ok", 0.5 + s.chance.random())
    s.say(ev.WorkFinished(Phase.VERIFY, "", (), s.at + 2))
    s.later(HOUR)
    s.say(ev.NoteAdded(WANG, "连接池在 10 % 流量下耗尽，需要限流", "10%", s.at, "bad"))
    s.say(ev.FollowUpAdded(ID, "F1", "连接池加上限与监控", CHEN, "2026-03-09", "P0", WANG, s.at))
    s.say(ev.ReportOrdered(ID, 1, s.at))
    s.say(ev.ReportPosted(ID, 1, "d" * 64, s.at + 4))
    return s


def cancelled() -> Sample:
    s = begin()
    s.say(ev.ApprovalAsked("internal", 1, PLAN.hash, s.at + 4 * HOUR, "", s.at))
    s.later(600)
    s.say(ev.ApprovalClosed("internal", 1, "vetoed", ZHAO, s.at))
    s.say(ev.StageHeld("internal", Hold.VETOED, ZHAO, (), s.at))
    s.say(ev.RolloutCancelled(ID, LIN, "先修复测试", s.at + 60))
    stop = WorkRef("step", "stop-new", Phase.ON_ROLLBACK, machine="app-2")
    s.order(Phase.ON_ROLLBACK, "", stop)
    s.work(stop, Outcome.PASSED, "2.1.0 stopped", 1.2, exit_status=0)
    s.say(ev.WorkFinished(Phase.ON_ROLLBACK, "", (), s.at + 62))
    return s


def running() -> Sample:
    s = begin()
    shifted(s, STAGES[0], 1, WANG)
    passed(s, STAGES[0], None)
    shifted(s, STAGES[1], 2, WANG)
    s.measure(STAGES[1], 6 * HOUR)
    s.later(6 * HOUR)
    return s
