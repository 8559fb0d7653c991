"""The document of alerts.yaml -> `AlertPlan`, with every fault at its line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.alerts.plan import AlertPlan, Reach, Receiver, Rotation, Route
from config.alerts_routes import build_inhibitions, build_receivers, build_route
from config.alerts_rules import build_rules
from config.alerts_schema import AlertsModel, SilencesModel
from config.alerts_times import build_quiet, build_rotations
from config.channels import Channels, MailSettings, SlackChannelSettings
from config.durations import format_duration
from config.people import People
from config.problems import show
from config.report import Report
from config.structure import validate

SLACK: Final = "slack"  # a channel that needs no entry: the bot's own workspace
_ADDRESS: Final = {"mail": "email", "slack": "slack"}


def build_alerts(report: Report, people: People, channels: Channels) -> AlertPlan:
    """With gaps where there are problems."""
    model = validate(AlertsModel, report)
    mends = {
        "receivers": "add receivers: {dev-mail: {channel: mail, to: [dev@example.com]}}",
        "route": "add route: {notify: [dev-mail]}",
    }
    report.need((), {"receivers": model.receivers or None, "route": model.route}, mends)
    kinds = kinds_of(channels)
    rotations = build_rotations(model.oncall or {}, people.people, report)
    receivers = build_receivers(model.receivers or {}, kinds, [r.name for r in rotations], people.people, report)
    _reachable(receivers, rotations, kinds, people, report)
    defaults = AlertPlan((), (), Route("default", ()))
    route = build_route(model.route, {r.name for r in receivers}, report) if model.route else defaults.route
    return AlertPlan(
        rules=build_rules(model.rules or [], report),
        receivers=receivers,
        route=route,
        inhibitions=build_inhibitions(model.inhibit or [], report),
        quiet=build_quiet(model.quiet_hours or [], report),
        rotations=rotations,
        reach=tuple((alias, Reach(p.name, p.slack, p.email, p.phone)) for alias, p in people.people.items()),
        kinds=tuple(kinds.items()),
        silence_most=_time("silences", (model.silences or SilencesModel()).most, defaults.silence_most, report),
        blind_after=_time("blind_after", model.blind_after, defaults.blind_after, report),
        failures=_failures(model.failures, defaults.failures, report),
        keep=_time("keep", model.keep, defaults.keep, report),
    )


def kinds_of(channels: Channels) -> dict[str, str]:
    """Channel -> what its addresses are: mail, slack, or phone for all else."""
    found = {SLACK: "slack"}
    for name, settings in channels.channels.items():
        match settings:
            case MailSettings():
                found[name] = "mail"
            case SlackChannelSettings():
                found[name] = "slack"
            case _:
                found[name] = "phone"
    return found


def _reachable(
    receivers: tuple[Receiver, ...],
    rotations: tuple[Rotation, ...],
    kinds: Mapping[str, str],
    people: People,
    report: Report,
) -> None:
    """Nobody may be on call by a way on which they cannot be reached."""
    by_name = {rotation.name: rotation for rotation in rotations}
    for receiver in receivers:
        rotation = by_name.get(receiver.oncall)
        kind = kinds.get(receiver.channel)
        if rotation is None or kind is None:
            continue
        address = _ADDRESS.get(kind, "phone")
        for alias in rotation.people:
            person = people.people.get(alias)
            if person and not getattr(person, address):
                what = f"{show(alias)} of {receiver.oncall} has no {address}, which {receiver.name} needs"
                report.problem(("receivers", receiver.name, "oncall"), what, f"add {address}: to people.yaml")


def _time(key: str, given: float | None, default: float, report: Report) -> float:
    if given is not None and not 60 <= given <= 90 * 86400:
        report.problem((key,), f"{key}: {format_duration(given)} is out of range", "write 1m to 90d")
    return default if given is None else given


def _failures(given: int | None, default: int, report: Report) -> int:
    if given is not None and not 1 <= given <= 100:
        report.problem(("failures",), f"failures: {given} is out of range", "write 1 to 100")
    return default if given is None else given
