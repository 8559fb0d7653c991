"""The keys of a service's YAML. Meanings are in bot/rollout/plan.py, defaults in `plan_build` and its parts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from config.plan_runbook_schema import (
    BackupModel,
    BaselineModel,
    CheckModel,
    ItemModel,
    MachineModel,
    ReportModel,
    StepsModel,
    VerificationModel,
)
from config.structure import Duration, Flag, Model, Number, Text, Version, Whole, choice, keyed

OnVerdictWord = Annotated[Literal["hold", "rollback"], choice("hold", "rollback")]


class InternalModel(Model):
    cidrs: list[Text] | None = None
    header: Text | None = None


class TrafficModel(Model):
    strategy: (
        Annotated[Literal["weighted", "sticky", "blue_green"], choice("weighted", "sticky", "blue_green")] | None
    ) = None
    stable: list[Text] | None = None
    canary: list[Text] | None = None
    stable_version: Version | None = None
    upstream: Text | None = None
    sticky_by: list[Text] | None = None
    override_cookie: Text | None = None
    internal: InternalModel | None = None
    log_path: Text | None = None
    keepalive: Whole | None = None
    keep_warm: Duration | None = None


class HostModel(Model):
    name: Text | None = None
    address: Text | None = None
    port: Whole | None = None
    user: Text | None = None
    nginx: Text | None = None
    nginx_conf: Text | None = None
    conf_dir: Text | None = None
    pid_file: Text | None = None
    status: Text | None = None
    wave: Whole | None = None
    jump: Text | None = None


class SshModel(Model):
    user: Text | None = None
    port: Whole | None = None
    known_hosts: Text | None = None
    key_file: Text | None = None
    jump: Text | None = None


class FleetModel(Model):
    executor: Annotated[Literal["local", "ssh"], choice("local", "ssh")] | None = None
    hosts: list[Annotated[HostModel, keyed("name")]] | None = None
    ssh: SshModel | None = None
    host_deadline: Duration | None = None
    concurrency: Whole | None = None
    wave_bake: Duration | None = None
    max_unavailable: Whole | None = None
    worker_shutdown_timeout: Duration | None = None


class MetricModel(Model):
    unit: (
        Annotated[Literal["percent", "seconds", "count", "ratio"], choice("percent", "seconds", "count", "ratio")]
        | None
    ) = None
    query: Text | None = None
    title: Text | None = None
    per_pool: Flag | None = None
    samples: Text | None = None
    min_samples: Whole | None = None


class ApprovalModel(Model):
    emoji: Text | None = None
    veto: Text | None = None
    quorum: Whole | None = None
    roles: list[Text] | None = Field(default=None, alias="from")
    expires: Duration | None = None


class RolesModel(Model):
    roles: list[Text] | None = Field(default=None, alias="from")


class StageModel(Model):
    name: Text | None = None
    audience: Annotated[Literal["internal"], choice("internal")] | None = None
    weight: Number | None = None
    bake: Duration | None = None
    max_bake: Duration | None = None
    gates: list[Text] | None = None
    approval: ApprovalModel | None = None
    min_samples: Whole | None = None
    min_readings: Whole | None = None
    on_fail: OnVerdictWord | None = None
    on_not_enough_data: OnVerdictWord | None = None
    on_blind: OnVerdictWord | None = None


class ShareModel(Model):
    metric: Text | None = None
    tolerance: Number | None = None
    warn_after: Duration | None = None


class RollbackModel(Model):
    steps: list[Number] | None = None
    step_every: Duration | None = None


class TriggerModel(Model):
    when: Text | None = None
    hold: Duration | None = Field(default=None, alias="for")
    window: Duration | None = None


class PlanModel(Model):
    service: Text | None = None
    title: Text | None = None
    channel: Text | None = None
    traffic: TrafficModel | None = None
    fleet: FleetModel | None = None
    metrics: dict[str, MetricModel] | None = None
    stages: list[StageModel] | None = None
    rollback_when: list[Annotated[TriggerModel, keyed("when")]] | None = None
    share: ShareModel | None = None
    rollback: RollbackModel | None = None
    approval: ApprovalModel | None = None
    promote: Annotated[Literal["manual", "auto"], choice("manual", "auto")] | None = None
    start: RolesModel | None = None
    operate: RolesModel | None = None
    interval: Duration | None = None
    drift_interval: Duration | None = None
    watch: Duration | None = None
    blind_warning: Duration | None = None
    trigger_min_samples: Whole | None = None
    machines: dict[str, Annotated[MachineModel, keyed("address")]] | None = None
    checks: list[CheckModel] | None = None
    checklist: list[ItemModel] | None = None
    backups: list[BackupModel] | None = None
    irreversible: Text | None = None
    steps: StepsModel | None = None
    rollback_verification: list[VerificationModel] | None = None
    baseline: BaselineModel | None = None
    override: RolesModel | None = None
    watch_every: Duration | None = None
    report: ReportModel | None = None
