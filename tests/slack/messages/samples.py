"""A plan, and a rollout in each state it can be in; how a message looks as plain text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from bot.engine.ports.rendered import Outgoing
from bot.rollout.model import (
    Approval,
    Board,
    DriftedHost,
    GateResult,
    Hold,
    Rollback,
    Rollout,
    StageRecord,
    Status,
    StepDown,
    TriggerResult,
    Verdict,
)
from bot.rollout.plan import ApprovalRule, Condition, FleetPlan, Host, Metric, Plan, ShareRule, Stage, Traffic

NOW = 1772431380.0  # 2026-03-02 14:03 in Shanghai
HOUR = 3600.0
RULE = ApprovalRule(roles=("release-managers",))

METRICS = (
    Metric("error_rate", "percent", "q", "错误率", samples="requests"),
    Metric("p95", "seconds", "q", "P95 响应时间", samples="requests"),
    Metric("report_success_rate", "percent", "q", "报告生成成功率", samples="reports"),
    Metric("open_critical_alerts", "count", "q", "未关闭的严重告警", per_pool=False),
    Metric("requests", "count", "q", "请求数"),
    Metric("reports", "count", "q", "报告数"),
)
GATES = (
    Condition("error_rate < 3%", "error_rate", "<", 3.0),
    Condition("p95 < 3s", "p95", "<", 3.0),
    Condition("report_success_rate > 98%", "report_success_rate", ">", 98.0),
    Condition("open_critical_alerts == 0", "open_critical_alerts", "==", 0.0),
)
TRIGGERS = (
    Condition("error_rate > 10%", "error_rate", ">", 10.0, hold_for=30, window=60),
    Condition("p95 > 10s", "p95", ">", 10.0, window=60),
)


def stage(name: str, weight: float, **changes: Any) -> Stage:
    return Stage(
        **(
            {"name": name, "bake": 24 * HOUR, "max_bake": 48 * HOUR, "gates": GATES, "approval": RULE, "weight": weight}
            | changes
        )
    )


def a_plan(**changes: Any) -> Plan:
    stages = (
        stage("internal", 0.0, audience="internal"),
        *(stage(f"{w}%", float(w)) for w in (1, 10, 50, 100)),
    )
    values: dict[str, Any] = {
        "service": "brand-diagnosis",
        "title": "品牌诊断系统",
        "channel": "releases",
        "traffic": Traffic("sticky", ("10.0.1.10:5000",), ("10.0.1.11:5000",), "2.0.0"),
        "fleet": FleetPlan("ssh", (Host("lb-1.example.com"), Host("lb-2.example.com"))),
        "metrics": METRICS,
        "stages": stages,
        "triggers": TRIGGERS,
        "operate_roles": ("release-managers",),
        "source": "one",
    }
    return Plan(**(values | changes))


PLAN = a_plan()
SHARED = a_plan(share=ShareRule("requests"), source=PLAN.source)  # the same hash: only the share is waited for


def rows(*verdicts: Verdict) -> tuple[GateResult, ...]:
    """The four gates, passing where no other verdict is given."""
    values = [(0.42, 0.4, 12345.0), (0.23, 0.21, 12345.0), (99.2, 99.4, 1532.0), (0.0, None, None)]
    wrong = [(4.2, 0.4, 12345.0), (5.0, 0.2, 12345.0), (91.0, 99.4, 1532.0), (2.0, None, None)]
    made = []
    for i, (gate, good, bad) in enumerate(zip(GATES, values, wrong, strict=True)):
        verdict = verdicts[i] if i < len(verdicts) else Verdict.PASS
        canary, stable, samples = bad if verdict is Verdict.FAIL else good
        if verdict is Verdict.NOT_ENOUGH_DATA:
            samples = 84.0
        row = GateResult(gate.text, gate.metric, verdict, canary, stable, samples, readings=40)
        if verdict is Verdict.BLIND:
            row = replace(row, canary=None, error="connection refused <prometheus:9090>")
        made.append(row)
    return tuple(made)


def a_board(*verdicts: Verdict, **changes: Any) -> Board:
    triggers = tuple(TriggerResult(t.text, t.metric, 0.4, 500.0) for t in TRIGGERS)
    values: dict[str, Any] = {
        "rollout": "ROLLOUT-20260302-1",
        "stage": "10%",
        "generation": 7,
        "started_at": NOW - 14 * HOUR,
        "baked": 13.2 * HOUR,
        "last_at": NOW - 5,
        "gates": rows(*verdicts),
        "triggers": triggers,
        "share": 9.87,
    }
    return Board(**(values | changes))


def records(done: int, **last: Any) -> tuple[StageRecord, ...]:
    made = []
    for i, s in enumerate(PLAN.stages):
        record = StageRecord(s.name, s.weight)
        if i < done:
            record = replace(
                record,
                approvers=("U0WANG0001",),
                passed_at=NOW - (done - i) * 24 * HOUR,
                gates=rows(),
                share=s.weight,
                baked=24 * HOUR,
            )
        made.append(record)
    return tuple(made)


def a_rollout(status: Status, at: str = "10%", done: int = 2, **changes: Any) -> Rollout:
    values: dict[str, Any] = {
        "id": "ROLLOUT-20260302-1",
        "service": "brand-diagnosis",
        "version": "2.1.0",
        "stable_version": "2.0.0",
        "stable": ("10.0.1.10:5000",),
        "canary": ("10.0.1.11:5000",),
        "salt": "ROLLOUT-20260302-1",
        "initiator": "U0LIN00001",
        "reason": "new report templates / 新的报告模板",
        "plan_hash": PLAN.hash,
        "started_at": NOW - 60 * HOUR,
        "status": status,
        "stage": at,
        "stages": records(done),
        "generation": 7,
        "live_generation": 7,
        "live_stage": at,
        "live_plan_hash": PLAN.hash,
        "notes": (("U0WANG0001", "看过日志，没有异常", NOW - HOUR),),
    }
    return Rollout(**(values | changes))


def asking(**changes: Any) -> Approval:
    values: dict[str, Any] = {
        "stage": "10%",
        "attempt": 3,
        "plan_hash": PLAN.hash,
        "asked_at": NOW - HOUR,
        "expires_at": NOW + 3 * HOUR,
    }
    return Approval(**(values | changes))


DOWN = ("U0ZHAO0001", "customers report slow pages", NOW - 60, (25.0, 5.0), 60.0)
GROUPS = (("lb-1.example.com",), ("lb-2.example.com",))
WAITS = {"share": 3.1, "share_requests": 84_000.0, "baked": 0.0}
UNJUDGED = (Verdict.NOT_ENOUGH_DATA,) * 4
TRIPPED = TriggerResult(TRIGGERS[0].text, "error_rate", 14.2, 1234.0, NOW - 75, True)
RESTORED = Rollback(
    "trigger", TRIGGERS[0].text, TRIPPED, NOW - 40, ("lb-1.example.com", "lb-2.example.com"), (), finished_at=NOW - 36
)
DRIFT = (DriftedHost("lb-2.example.com", "edited", 7, 50.0, "abc"),)

CARDS: dict[str, tuple[Rollout, Board | None]] = {
    "started": (
        a_rollout(
            Status.AWAITING_APPROVAL,
            "internal",
            0,
            live_stage="",
            live_generation=0,
            generation=0,
            notes=(),
            live_plan_hash="",
            approval=asking(stage="internal", attempt=1),
        ),
        None,
    ),
    "awaiting_approval": (a_rollout(Status.AWAITING_APPROVAL, live_stage="1%", approval=asking()), a_board(stage="1%")),
    "shifting": (a_rollout(Status.SHIFTING, live_stage="1%", generation=8), None),
    "baking": (a_rollout(Status.BAKING), a_board(Verdict.PASS, Verdict.NOT_ENOUGH_DATA)),
    "blind": (
        a_rollout(Status.BAKING, blind_told=True, prolonged=True),
        a_board(Verdict.BLIND, blind_since=NOW - 600, blind_total=600.0),
    ),
    "holding_trigger": (
        a_rollout(Status.BAKING),
        a_board(triggers=(replace(TRIPPED, tripped=False), TriggerResult("p95 > 10s", "p95", 0.2))),
    ),
    "passed": (a_rollout(Status.PASSED, done=3), a_board(baked=24 * HOUR)),
    "paused": (a_rollout(Status.BAKING, paused_by="U0ZHAO0001"), a_board()),
    "held_gates": (
        a_rollout(Status.HELD, hold=Hold.GATES_FAILED, hold_detail="error_rate < 3%"),
        a_board(Verdict.FAIL, baked=24 * HOUR),
    ),
    "held_shift": (
        a_rollout(
            Status.HELD,
            live_stage="1%",
            generation=8,
            hold=Hold.SHIFT_FAILED,
            hold_detail="lb-2.example.com: nginx: [emerg] unknown directive <x>",
        ),
        None,
    ),
    "held_veto": (
        a_rollout(
            Status.HELD,
            live_stage="1%",
            hold=Hold.VETOED,
            hold_detail="U0WANG0001",
            approval=asking(decided="vetoed", decided_by=("U0WANG0001",), decided_at=NOW - 60),
        ),
        None,
    ),
    "drift": (a_rollout(Status.BAKING, drift=DRIFT), a_board()),
    "watching": (a_rollout(Status.WATCHING, "100%", 5, watch_until=NOW + 20 * HOUR), a_board(stage="100%")),
    "rolling_back": (
        a_rollout(
            Status.ROLLING_BACK,
            generation=8,
            rollback=replace(RESTORED, restored=("lb-1.example.com",), pending=("lb-2.example.com",), finished_at=None),
        ),
        a_board(),
    ),
    "rolled_back": (
        a_rollout(
            Status.ROLLED_BACK, generation=8, live_generation=8, live_stage="", rollback=RESTORED, finished_at=NOW - 36
        ),
        None,
    ),
    "cancelled": (
        a_rollout(
            Status.CANCELLED,
            "internal",
            0,
            live_stage="",
            live_generation=0,
            generation=0,
            finished_at=NOW - 60,
            approval=asking(decided="voided", decided_by=("U0WANG0001",)),
        ),
        None,
    ),
    "completed": (a_rollout(Status.COMPLETED, "100%", 5, finished_at=NOW - 60), None),
    "step_shifting": (
        a_rollout(Status.STEPPING_DOWN, "50%", 3, generation=8, step_down=StepDown(*DOWN, share=50.0)),
        a_board(stage="50%"),
    ),
    "step_waiting": (
        a_rollout(
            Status.STEPPING_DOWN,
            "50%",
            3,
            generation=8,
            live_generation=8,
            step_down=StepDown(*DOWN, share=25.0, done_at=NOW - 20),
        ),
        a_board(stage="50%", generation=8),
    ),
    "wave_shifting": (
        a_rollout(Status.SHIFTING, live_stage="1%", generation=8, live_generation=7, waves=GROUPS, wave=1),
        None,
    ),
    "wave_watched": (
        a_rollout(
            Status.SHIFTING,
            live_stage="1%",
            generation=8,
            waves=GROUPS,
            wave=1,
            waved=1,
            wave_at=NOW - 130,
        ),
        a_board(generation=8, gates=(), baked=130.0, started_at=NOW - 130),
    ),
    "wave_last": (
        a_rollout(Status.SHIFTING, live_stage="1%", generation=8, waves=GROUPS, wave=2, waved=1, wave_at=NOW - 310),
        a_board(generation=8, gates=(), baked=300.0, started_at=NOW - 310),
    ),
    "share_awaited": (a_rollout(Status.BAKING), a_board(*UNJUDGED, **(WAITS | {"share_requests": 120.0}))),
    "share_astray": (a_rollout(Status.BAKING, share="astray"), a_board(*UNJUDGED, **WAITS)),
    "share_settled": (
        a_rollout(Status.BAKING, share="settled"),
        a_board(share=9.71, share_requests=84_000.0, settled_at=NOW - 13 * HOUR),
    ),
    "share_held": (
        a_rollout(Status.HELD, hold=Hold.NOT_ENOUGH_DATA, hold_detail="share 3.10 % of 10 %", share="astray"),
        a_board(*UNJUDGED, **WAITS),
    ),
    "warm_watching": (
        a_rollout(Status.WATCHING, "100%", 5, watch_until=NOW + 20 * HOUR, warm_until=NOW + 44 * HOUR),
        a_board(stage="100%"),
    ),
    "warm_completed": (
        a_rollout(Status.COMPLETED, "100%", 5, finished_at=NOW - 60, warm_until=NOW + 24 * HOUR),
        None,
    ),
    "released": (
        a_rollout(Status.COMPLETED, "100%", 5, finished_at=NOW - 9 * HOUR, warm_until=NOW - 60, released_at=NOW - 60),
        None,
    ),
}


def render(message: Outgoing) -> str:
    """Roughly what a person sees; the buttons last of a line, mentions and dates short."""
    lines = [f"[{message.text}]"]
    for block in message.blocks:
        lines += ["", *_look(block)]
    text = "\n".join(lines)
    text = re.sub(r"<!date\^\d+\^[^|>]*\|([^>]*)>", r"\1", text)
    text = re.sub(r"<(@\w+)>", r"\1", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") + "\n"


def _look(block: Mapping[str, Any]) -> Iterable[str]:
    match block["type"]:
        case "header":
            return ["# " + block["text"]["text"]]
        case "divider":
            return ["---"]
        case "context":
            return ["~ " + e["text"] for e in block["elements"]]
        case "actions":
            return [" ".join(_button(e) for e in block["elements"])]
    if "fields" in block:
        return ["| " + f["text"].replace("\n", "\n| ") for f in block["fields"]]
    beside = [_button(block["accessory"])] if "accessory" in block else []
    return [block["text"]["text"], *beside]


def _button(element: Mapping[str, Any]) -> str:
    asks = "?" if "confirm" in element else ""
    return f"[ {element['text']['text']}{asks} | {element.get('style', '')} ]"


def strings(message: Outgoing) -> str:
    """Every string of a message that people see."""
    found = [message.text]

    def walk(value: Any) -> None:
        if isinstance(value, Mapping):
            if isinstance(value.get("text"), str):
                found.append(value["text"])
            for part in value.values():
                walk(part)
        elif isinstance(value, list | tuple):
            for part in value:
                walk(part)

    walk(list(message.blocks))
    return "\n".join(found)


def as_json(message: Outgoing) -> list[Any]:
    """The blocks as they go over the wire."""
    made: list[Any] = json.loads(json.dumps(message.blocks))
    return made
