"""What is written in the pictures. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Lang = Literal["zh", "en"]

WORDS: Mapping[Lang, Mapping[str, str]] = {
    "en": {
        "panel.share": "Share of the new version",
        "panel.errors": "Errors",
        "panel.latency": "Latency",
        "unit.percent": "%",
        "unit.seconds": "s",
        "line.canary": "new version",
        "line.stable": "old version",
        "line.recent": "new version, short window",
        "line.ordered": "ordered",
        "limit.gate": "gate",
        "limit.trigger": "trigger",
        "mark.approval": "approved",
        "mark.hold": "held",
        "mark.forced": "forced",
        "mark.rollback": "rollback",
        "mark.alert": "alert",
        "mark.completed": "completed",
        "stage": "stage",
    },
    "zh": {
        "panel.share": "新版本的流量比例",
        "panel.errors": "错误",
        "panel.latency": "延迟",
        "unit.percent": "%",
        "unit.seconds": "秒",
        "line.canary": "新版本",
        "line.stable": "旧版本",
        "line.recent": "新版本（短窗口）",
        "line.ordered": "下达",
        "limit.gate": "门禁",
        "limit.trigger": "触发器",
        "mark.approval": "批准",
        "mark.hold": "停住",
        "mark.forced": "强制放行",
        "mark.rollback": "回滚",
        "mark.alert": "告警",
        "mark.completed": "完成",
        "stage": "阶段",
    },
}
