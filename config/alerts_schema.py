"""The keys of alerts.yaml. Meanings are in bot/alerts/plan.py, defaults in `alerts_build` and its parts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from config.structure import Duration, Flag, Model, Text, Whole, choice

SeverityWord = Annotated[Literal["critical", "warning", "info"], choice("critical", "warning", "info")]
UnitWord = Annotated[Literal["percent", "seconds", "count", "ratio"], choice("percent", "seconds", "count", "ratio")]
DayWord = Annotated[
    Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], choice("mon", "tue", "wed", "thu", "fri", "sat", "sun")
]


class RuleModel(Model):
    alert: Text | None = None
    title: Text | None = None
    severity: SeverityWord | None = None
    every: Duration | None = None
    unit: UnitWord | None = None
    query: Text | None = None
    when: Text | None = None
    hold: Duration | None = Field(None, alias="for")
    keep_firing_for: Duration | None = None
    labels: dict[str, Text] | None = None
    summary: Text | None = None
    description: Text | None = None


class ReceiverModel(Model):
    channel: Text | None = None
    to: list[Text] | None = None
    oncall: Text | None = None
    send_resolved: Flag | None = None
    mention: list[Text] | None = None


class EscalationModel(Model):
    after: Duration | None = None
    notify: list[Text] | None = None


class RouteModel(Model):
    name: Text | None = None
    match: list[Text] | None = None
    notify: list[Text] | None = None
    fallback: list[Text] | None = None
    group_by: list[Text] | None = None
    group_wait: Duration | None = None
    group_interval: Duration | None = None
    repeat_interval: Duration | None = None
    escalate: list[EscalationModel] | None = None
    proceed: Flag | None = Field(None, alias="continue")
    routes: list[RouteModel] | None = None


class InhibitionModel(Model):
    source: list[Text] | None = None
    target: list[Text] | None = None
    equal: list[Text] | None = None


class QuietModel(Model):
    name: Text | None = None
    match: list[Text] | None = None
    timezone: Text | None = None
    start: Text | None = Field(None, alias="from")
    end: Text | None = Field(None, alias="to")
    days: list[DayWord] | None = None


class RotationModel(Model):
    people: list[Text] | None = None
    timezone: Text | None = None
    starts: Text | None = None
    handover: Text | None = None
    turn: Duration | None = None


class SilencesModel(Model):
    most: Duration | None = None


class AlertsModel(Model):
    rules: list[RuleModel] | None = None
    receivers: dict[str, ReceiverModel] | None = None
    route: RouteModel | None = None
    inhibit: list[InhibitionModel] | None = None
    quiet_hours: list[QuietModel] | None = None
    oncall: dict[str, RotationModel] | None = None
    silences: SilencesModel | None = None
    blind_after: Duration | None = None
    failures: Whole | None = None
    keep: Duration | None = None
