"""The keys around the traffic in a service's YAML. Meanings and defaults are in bot/rollout/runbook.py."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from config.structure import Duration, Flag, Model, Number, Text, Whole, choice


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Names = Annotated[list[Text], BeforeValidator(_listed)]


class MachineModel(Model):
    address: Text | None = None
    port: Whole | None = None
    user: Text | None = None


class CheckModel(Model):
    name: Text | None = None
    title: Text | None = None
    command: Text | None = None
    http: Text | None = None
    promql: Text | None = None
    file: Text | None = None
    disk: Text | None = None
    memory: Annotated[Literal["available"], choice("available")] | None = None
    backup: Text | None = None
    on: Text | None = None
    deadline: Duration | None = None
    contains: Text | None = None
    status: Whole | None = None
    must: Text | None = None
    max_age: Duration | None = None
    min_size: Whole | None = None
    free: Number | None = None


class VerificationModel(CheckModel):
    aspect: (
        Annotated[Literal["service", "function", "monitoring"], choice("service", "function", "monitoring")] | None
    ) = None


class ItemModel(Model):
    name: Text | None = None
    title: Text | None = None
    owner: Text | None = None


class BackupModel(Model):
    name: Text | None = None
    folder: Text | None = None
    sqlite: Text | None = None
    command: Text | None = None
    verify: Text | None = None
    on: Text | None = None
    keep: Duration | None = None
    deadline: Duration | None = None


class StepModel(Model):
    name: Text | None = None
    title: Text | None = None
    command: Text | None = None
    on: Names | None = None
    stages: Names | None = None
    deadline: Duration | None = None
    safe: Flag | None = None
    retries: Whole | None = None
    secrets: list[Text] | None = None
    result: Text | None = None
    must: Text | None = None


class StepsModel(Model):
    before_start: list[StepModel] | None = None
    before_stage: list[StepModel] | None = None
    during_stage: list[StepModel] | None = None
    after_stage: list[StepModel] | None = None
    on_promote: list[StepModel] | None = None
    on_rollback: list[StepModel] | None = None
    after_rollback: list[StepModel] | None = None
    after_completion: list[StepModel] | None = None


class BaselineModel(Model):
    window: Duration | None = None
    samples: Whole | None = None


class SignRoleModel(Model):
    title: Text | None = None
    title_en: Text | None = None
    roles: list[Text] | None = Field(default=None, alias="from")


class ReportModel(Model):
    sign_off: list[SignRoleModel] | None = None
    emoji: Text | None = None
    note_emoji: Text | None = None
    remind_every: Duration | None = None
    next_review: Duration | None = None
