"""The runbook's plan and its people, as the samples of rollouts have them, and what is usually measured."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from bot.rollout.plan import ApprovalRule, Condition, FleetPlan, Host, InternalAudience, Metric, Plan, Stage, Traffic
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

ZONE = "Asia/Shanghai"
ID = "ROLLOUT-20260302-1"
HOUR, DAY = 3600.0, 86400.0
T0 = datetime(2026, 3, 2, 9, 0, tzinfo=ZoneInfo(ZONE)).timestamp()
LIN, WANG, ZHAO, CHEN, SUN = "U0LIN00001", "U0WANG0001", "U0ZHAO0001", "U0CHEN0001", "U0SUN00001"
NAMES = {LIN: "林晓", WANG: "王磊", ZHAO: "赵敏", CHEN: "陈静", SUN: "Sun Wei"}
HOSTS = ("lb-1.example.com", "lb-2.example.com")

METRICS = (
    Metric("error_rate", "percent", "e", "错误率", samples="requests"),
    Metric("p95", "seconds", "p", "P95 响应时间", samples="requests"),
    Metric("p99", "seconds", "q", "P99 响应时间", samples="requests"),
    Metric("report_success_rate", "percent", "r", "报告生成成功率", samples="reports"),
    Metric("availability", "percent", "a", "可用性"),
    Metric("cpu", "percent", "c", "CPU 使用率"),
    Metric("memory", "percent", "m", "内存使用率"),
    Metric("open_critical_alerts", "count", "o", "未关闭的严重告警", per_pool=False),
    Metric("requests", "count", "n", "请求数"),
    Metric("reports", "count", "k", "报告数"),
)


def condition(text: str, hold_for: float = 0.0, window: float = 0.0) -> Condition:
    metric, op, limit = text.split()
    value = float(limit.rstrip("%s"))
    return Condition(text, metric, op, value, hold_for, window)  # type: ignore[arg-type]


RULE = ApprovalRule(roles=("release-managers",))


def stage(name: str, weight: float, *gates: str) -> Stage:
    audience = None if weight else "internal"
    found = tuple(condition(g) for g in gates)
    return Stage(name, DAY, 2 * DAY, found, RULE, audience, weight)  # type: ignore[arg-type]


STAGES = (
    stage("internal", 0, "report_success_rate > 95%", "open_critical_alerts == 0"),
    stage("1%", 1, "error_rate < 5%", "p95 < 3s", "cpu < 80%", "memory < 85%"),
    stage("10%", 10, "error_rate < 3%", "p95 < 3s", "p99 < 5s", "report_success_rate > 98%"),
    stage("50%", 50, "error_rate < 2%", "p95 < 3s", "p99 < 5s", "report_success_rate > 99%"),
    stage("100%", 100, "error_rate < 1%", "p95 < 3s", "p99 < 5s", "availability > 99.9%"),
)
TRIGGERS = (
    condition("error_rate > 10%", 30.0, 60.0),
    condition("p95 > 10s", 30.0, 60.0),
    condition("availability < 99%", 45.0, 30.0),
)
CHECKS = (
    Check("version", "command", "代码版本", "git describe"),
    Check("tests", "command", "测试结果", "cat report.xml"),
    Check("database", "command", "数据库连接", "pg_isready"),
    Check("adapters", "http", "应用适配器", "http://10.0.1.11:5000/adapters"),
    Check("prometheus", "http", "Prometheus 与 Grafana", "http://127.0.0.1:9090/-/healthy"),
    Check("disk", "disk", "磁盘空间", "/"),
    Check("memory", "memory", "内存"),
    Check("backup", "backup", "备份存在且新鲜", "orders"),
)
ITEMS = (
    ChecklistItem("config", "确认生产配置", "release-managers"),
    ChecklistItem("database", "确认数据库备份", ZHAO),
    ChecklistItem("alerts", "确认告警配置", WANG),
    ChecklistItem("tried", "回滚方案已演练", "release-managers"),
    ChecklistItem("logs", "日志收集正常", WANG),
)
STEPS = (
    Step("deploy", Phase.BEFORE_START, "deploy", "部署新版本", ("app-2",)),
    Step("load", Phase.DURING_STAGE, "k6", "压力测试", ("bot",), ("50%",), must=Must("<", 1.5, "< 1.5")),
    Step("stop-new", Phase.ON_ROLLBACK, "stop", "停止新版本", ("app-2",)),
    Step("start-old", Phase.ON_ROLLBACK, "start", "启动旧版本", ("app-1",)),
    Step("retire", Phase.AFTER_COMPLETION, "stop", "下线旧版本", ("app-1",)),
)
VERIFICATION = (
    Check("service", "http", "服务可用", aspect="service"),
    Check("function", "command", "生成一份报告", aspect="function"),
    Check("monitoring", "promql", "监控恢复正常", aspect="monitoring"),
)
ROLES = (
    SignRole("运维", "DevOps", ("devops",)),
    SignRole("首席架构师", "Chief architect", ("architect",)),
    SignRole("后端", "Back end", ("backend",)),
    SignRole("前端", "Front end", ("frontend",)),
    SignRole("测试", "Test", ("test",)),
    SignRole("项目负责人", "Project lead", ("lead",)),
)
PLAN = Plan(
    service="brand-diagnosis",
    title="品牌诊断系统",
    channel="releases",
    traffic=Traffic(
        "sticky",
        ("10.0.1.10:5000",),
        ("10.0.1.11:5000",),
        "2.0.0",
        override_cookie=("gray_release", "true"),
        internal=InternalAudience(("10.0.0.0/8",), ("X-Internal-User", "1")),
    ),
    fleet=FleetPlan("ssh", tuple(Host(name) for name in HOSTS)),
    metrics=METRICS,
    stages=STAGES,
    triggers=TRIGGERS,
    runbook=Runbook(
        checks=CHECKS,
        checklist=ITEMS,
        backups=(BackupRule("orders", "/var/backups/bot", sqlite="/srv/orders.db"),),
        steps=STEPS,
        verification=VERIFICATION,
        baseline=Baseline(HOUR, 12),
        irreversible="订单表新增的列不会因回滚而删除（迁移 0042）",
        report=ReportRule(ROLES),
    ),
    source="sample",
)
# metric: (old version, new version) as they usually are
USUAL = {
    "error_rate": (0.42, 0.38),
    "p95": (1.62, 1.21),
    "p99": (2.85, 2.4),
    "report_success_rate": (99.2, 99.6),
    "availability": (99.98, 99.99),
    "cpu": (46.0, 41.0),
    "memory": (61.0, 63.5),
    "open_critical_alerts": (0.0, 0.0),
}
