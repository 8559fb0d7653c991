"""A plan with everything around the traffic, and rollouts in the midst of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.release.saying import english, said
from bot.rollout import events as ev
from bot.rollout.model import Hold, Rollback, Rollout, Status
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
from bot.rollout.work import (
    AFTER,
    BEFORE,
    TRAFFIC,
    FollowUp,
    ItemTick,
    Outcome,
    Overridden,
    ReportState,
    Said,
    Signature,
    Work,
    WorkRef,
    WorkResult,
)
from tests.slack.messages.samples import HOUR, NOW, RESTORED, TRIPPED, a_plan, a_rollout, asking, rows

BOOK = Runbook(
    checks=(
        Check("tests", "command", "自动化测试", target="make test", machine="build"),
        Check("disk", "disk", "磁盘空间", target="/"),
        Check("grafana", "http", "Grafana", target="http://127.0.0.1:3000/api/health"),
        Check("errors", "promql", "当前错误率", target="q", must=Must("<", 1.0, "< 1%")),
    ),
    checklist=(
        ChecklistItem("config", "生产配置已核对", "ops"),
        ChecklistItem("rollback-tried", "回滚方案已演练", "U0WANG0001"),
        ChecklistItem("alerts", "告警已配置", "ops"),
    ),
    backups=(BackupRule("diagnosis-db", "/var/backups", sqlite="/srv/diagnosis.db"),),
    steps=(
        Step("deploy", Phase.BEFORE_START, "deploy.sh", "部署新版本", machines=("app-1", "app-2")),
        Step("warm", Phase.BEFORE_STAGE, "warm.sh", "预热", machines=("app-1",)),
        Step(
            "load", Phase.DURING_STAGE, "k6 run", "压测", stages=("50%",), result="p95=(.*)", must=Must("<", 3, "< 3s")
        ),
        Step("stop-new", Phase.ON_ROLLBACK, "stop.sh", "停止新版本", machines=("app-1",)),
        Step("start-old", Phase.AFTER_ROLLBACK, "start.sh", "启动旧版本", machines=("app-2",)),
        Step("take-off", Phase.AFTER_COMPLETION, "off.sh", "下线旧版本", machines=("app-2",)),
    ),
    verification=(
        Check("old-up", "http", "旧版本健康", target="http://app-2/health", aspect="service"),
        Check("report", "command", "能生成报告", target="report.sh", aspect="function"),
        Check("scrape", "promql", "指标有数据", target="q", must=Must(">", 0, "> 0"), aspect="monitoring"),
    ),
    baseline=Baseline(),
    irreversible="数据库迁移 0042（删除列 score_old）",
    override_roles=("architects",),
    report=ReportRule(
        sign_off=(
            SignRole("运维", "DevOps", ("ops",)),
            SignRole("首席架构师", "Chief architect", ("architects",)),
            SignRole("测试", "Test", ("testers",)),
        )
    ),
)
BOOKED = a_plan(runbook=BOOK)  # the same hash: only what surrounds the traffic is there as well
PEOPLE = {"ops": ("U0LIN00001", "S0OPS00001"), "architects": ("U0ZHAO0001",)}


def ref(kind: Any, name: str, phase: Phase = Phase.PREPARE, stage: str = "", machine: str = "") -> WorkRef:
    return WorkRef(kind, name, phase, stage, machine)


def did(
    piece: WorkRef, outcome: Outcome = Outcome.PASSED, summary: str | None = None, *what: Said, **changes: Any
) -> WorkResult:
    """summary: somebody else's words, or an older bot's. what: else, as it is said now."""
    if summary is None:
        what = what or (said("exited", status="0"),)
        summary = english(what)
    return WorkResult(piece, outcome, summary, NOW - 130, NOW - 118, **changes, said=what)


def fine(piece: WorkRef, *what: Said, **changes: Any) -> WorkResult:
    return did(piece, Outcome.PASSED, None, *what, **changes)


BACKUP = fine(
    ref("backup", "diagnosis-db"), said("kept", plain="31.0 MiB", packed="12.4 MiB"), said("same_sum"), said("whole")
)
TESTS, DISK = ref("check", "tests"), ref("check", "disk")
LOOKED = (
    BACKUP,
    did(TESTS, summary="412 passed"),
    fine(DISK, said("disk", percent="41.0", target="/", size="8.2 GiB", least="20")),
    fine(ref("check", "grafana"), said("http", status="200", ms="12")),
    did(ref("check", "errors"), summary="", value=0.42),
    fine(ref("baseline", BEFORE), said("measured", {"window": 3600.0}, n="4", total="4")),
)
FULL = did(
    DISK, Outcome.FAILED, None, said("disk_full", percent="7.0", target="<of /dev/sda1>", size="1.4 GiB", least="20")
)
DEPLOYS = tuple(ref("step", "deploy", Phase.BEFORE_START, machine=m) for m in ("app-1", "app-2"))
DEPLOYED = tuple(did(d) for d in DEPLOYS)
WARM = ref("step", "warm", Phase.BEFORE_STAGE, "10%", "app-1")
LOAD = ref("step", "load", Phase.DURING_STAGE, "50%", "bot")
STOP = ref("step", "stop-new", Phase.ON_ROLLBACK, machine="app-1")
START = ref("step", "start-old", Phase.AFTER_ROLLBACK, machine="app-2")
TAKE_OFF = ref("step", "take-off", Phase.AFTER_COMPLETION, machine="app-2")
PASSED_OVER = Overridden(DISK, "U0ZHAO0001", "the volume grows tonight", NOW - 60)
TICKED = (ItemTick("config", "U0LIN00001", NOW - 600),)
VERIFIED = (
    fine(ref("verify", TRAFFIC, Phase.VERIFY), said("read_back", n="2", total="2", share="0")),
    fine(ref("verify", "old-up", Phase.VERIFY), said("http", status="200", ms="9")),
    did(ref("verify", "report", Phase.VERIFY), Outcome.TIMED_OUT, None, said("ended_late", {"limit": 30.0})),
    did(ref("verify", "scrape", Phase.VERIFY), summary="", value=14.0),
)
FOLLOW_UPS = (
    FollowUp("F1", "慢查询加索引", "U0LIN00001", "2026-03-01", "P1", "U0WANG0001", NOW - 900),
    FollowUp("F2", "write the post-mortem <soon>", "U0WANG0001", "2026-03-20", "P2", "U0WANG0001", NOW - 800),
    FollowUp("F3", "清理旧镜像", "U0LIN00001", "2026-03-02", "P3", "U0LIN00001", NOW, "U0LIN00001", NOW - 60),
)
SIGNED = (Signature("运维", "U0LIN00001", NOW - 300),)
REPORT = ReportState(2, NOW - 900, "3f2a91cc01d2e4", NOW - 880, SIGNED, voided=((1, SIGNED[0]),))
UNTOUCHED: dict[str, Any] = {
    "live_stage": "",
    "live_generation": 0,
    "generation": 0,
    "live_plan_hash": "",
    "notes": (),
    "prepares": True,
}


def preparing(status: Status = Status.PREPARING, **changes: Any) -> Rollout:
    return a_rollout(status, "internal", 0, **(UNTOUCHED | changes))


ROLLOUTS: dict[str, Rollout] = {
    "preparing": preparing(
        results=(BACKUP, did(TESTS, summary="412 passed")),
        work=Work(Phase.PREPARE, "", 2, (DISK, ref("check", "grafana"))),
        ticks=TICKED,
    ),
    "preparing_failed": preparing(
        Status.HELD,
        hold=Hold.PREPARATION_FAILED,
        hold_detail="disk",
        results=tuple(FULL if d.ref == DISK else d for d in LOOKED),
        work=Work(Phase.PREPARE, "", 2),
    ),
    "preparing_ticks": preparing(
        results=(*LOOKED, *DEPLOYED), work=Work(Phase.BEFORE_START, "", 3, finished=True), ticks=TICKED
    ),
    "prepared": preparing(
        Status.AWAITING_APPROVAL,
        results=(*(FULL if d.ref == DISK else d for d in LOOKED), *DEPLOYED),
        overridden=(PASSED_OVER,),
        ticks=tuple(ItemTick(i.name, "U0LIN00001", NOW - 600) for i in BOOK.checklist),
        approval=asking(stage="internal", attempt=1),
    ),
    "not_started": preparing(Status.CANCELLED, finished_at=NOW - 60, results=(BACKUP,)),
    "working": a_rollout(
        Status.WORKING,
        live_stage="1%",
        approval=asking(decided="approved"),
        work=Work(Phase.BEFORE_STAGE, "10%", 4, (WARM,)),
    ),
    "held_step": a_rollout(
        Status.HELD,
        live_stage="1%",
        approval=asking(decided="approved"),
        hold=Hold.STEP_FAILED,
        hold_detail="warm",
        results=(did(WARM, Outcome.UNKNOWN, None, said("broke", machine="app-1")),),
        work=Work(Phase.BEFORE_STAGE, "10%", 4),
    ),
    "hand_left": a_rollout(
        Status.ROLLED_BACK,
        generation=8,
        live_generation=8,
        live_stage="",
        rollback=Rollback("trigger", TRIPPED.text, TRIPPED, NOW - 200, RESTORED.restored, (), finished_at=NOW - 190),
        finished_at=NOW - 190,
        results=(did(STOP, Outcome.FAILED, "exit 1: unit not found"), did(START), *VERIFIED),
        work=Work(Phase.VERIFY, "", 9, finished=True),
        report=replace(REPORT, signatures=()),
    ),
    "completed_report": a_rollout(
        Status.COMPLETED,
        "100%",
        5,
        finished_at=NOW - 3600,
        results=(did(ref("baseline", AFTER, Phase.AFTER_COMPLETION)), did(TAKE_OFF)),
        work=Work(Phase.AFTER_COMPLETION, "", 9, finished=True),
        report=REPORT,
        follow_ups=FOLLOW_UPS,
    ),
}
OUTPUT = "\n".join(f"line {n} <of> many & more" for n in range(400))
EVENTS: dict[str, ev.Event] = {
    "ordered": ev.WorkOrdered(Phase.BEFORE_STAGE, "10%", 4, (WARM,), "", False, NOW),
    "again": ev.WorkOrdered(Phase.BEFORE_STAGE, "10%", 5, (WARM,), "U0LIN00001", True, NOW),
    "done": ev.WorkDone(DEPLOYED[0], 3, NOW),
    "failed": ev.WorkDone(replace(FULL, output="Filesystem  Use%\n/dev/sda1   93%"), 2, NOW),
    "unknown": ev.WorkDone(did(WARM, Outcome.UNKNOWN, "the connection was lost"), 4, NOW),
    "left": ev.WorkFinished(Phase.ON_ROLLBACK, "", (STOP,), NOW),
    "verified": ev.WorkFinished(Phase.VERIFY, "", (VERIFIED[2].ref,), NOW),
    "whole": ev.WorkFinished(Phase.VERIFY, "", (), NOW),
    "overridden": ev.WorkOverridden((DISK,), "U0ZHAO0001", "the volume grows tonight", NOW),
    "watch": ev.WatchLine(5, rows(), (), 99.8, 19 * HOUR, NOW),
    "completed": ev.RolloutCompleted("ROLLOUT-20260302-1", "2.1.0", NOW, rows()),
    "follow_up": ev.FollowUpAdded("R", "F1", "慢查询加索引", "U0LIN00001", "2026-03-09", "P1", "U0WANG0001", NOW),
    "follow_up_due": ev.FollowUpDue("R", "F1", NOW),
    "follow_up_closed": ev.FollowUpClosed("R", "F1", "U0LIN00001", NOW),
    "report_again": ev.ReportOrdered("R", 2, NOW),
    "reminded": ev.SignOffReminded("R", 2, ("首席架构师", "测试"), NOW),
    "signed": ev.SignedOff("R", 2, NOW),
    "held": ev.StageHeld("internal", Hold.PREPARATION_FAILED, "disk", (), NOW),
    "note_good": ev.NoteAdded("U0WANG0001", "灰度很平稳", "10%", NOW, "good"),
}
