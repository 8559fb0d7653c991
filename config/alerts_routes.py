"""`route:`, `receivers:` and `inhibit:` of alerts.yaml."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from bot.alerts.labels import Matcher, MatcherError, parse_matcher
from bot.alerts.plan import Escalation, Inhibition, Receiver, Route
from config.alerts_schema import InhibitionModel, ReceiverModel, RouteModel
from config.durations import format_duration
from config.people import EMAIL, Person
from config.problems import show, suggest
from config.report import Report
from config.yaml_source import Path_

_PLACE: Final = re.compile(r"#?[^\s#@,<>]{1,80}")
_SLACK_ID: Final = re.compile(r"[SUW][A-Z0-9]{6,20}")
_DEFAULTS: Final = Route("default", ())
_DEEPEST: Final = 8
WEEK: Final = 7 * 86400.0


def build_receivers(
    models: Mapping[str, ReceiverModel],
    kinds: Mapping[str, str],
    rotations: Collection[str],
    people: Mapping[str, Person],
    report: Report,
) -> tuple[Receiver, ...]:
    """kinds: of every channel, by its name. people: by short name."""
    return tuple(_receiver(name, model, kinds, rotations, people, report) for name, model in models.items())


def _receiver(
    name: str,
    model: ReceiverModel,
    kinds: Mapping[str, str],
    rotations: Collection[str],
    people: Mapping[str, Person],
    report: Report,
) -> Receiver:
    at: Path_ = ("receivers", name)
    report.need(at, {"channel": model.channel}, {"channel": "add channel: mail, slack, or another of channels.yaml"})
    if model.channel is not None and model.channel not in kinds:
        report.problem((*at, "channel"), f"there is no channel {show(model.channel)}", suggest(model.channel, kinds))
    if not model.to and model.oncall is None and not report.damaged((*at, "to")):
        report.problem(at, f"the receiver {show(name)} reaches nobody", "add to: [address] or oncall: a rotation")
    if model.oncall is not None and model.oncall not in rotations and not report.damaged(("oncall", model.oncall)):
        report.problem((*at, "oncall"), f"there is no rotation {show(model.oncall)}", suggest(model.oncall, rotations))
    kind = kinds.get(model.channel or "", "")
    for index, to in enumerate(model.to or []):
        path = (*at, "to", index)
        if kind == "mail" and not EMAIL.fullmatch(to):
            report.problem(path, f"{show(to)} is not an e-mail address", "write it as dev@example.com")
        elif kind == "slack" and not _PLACE.fullmatch(to):
            report.problem(path, f"{show(to)} is neither a channel nor a person", "write releases, C0123… or U0123…")
    send_resolved = True if model.send_resolved is None else model.send_resolved
    mention = _mention((*at, "mention"), model.mention, kind, rotations, people, report)
    return Receiver(name, model.channel or "", tuple(model.to or ()), model.oncall or "", send_resolved, mention)


def _mention(
    at: Path_,
    given: list[str] | None,
    kind: str,
    rotations: Collection[str],
    people: Mapping[str, Person],
    report: Report,
) -> tuple[str, ...]:
    """Slack ids, and names of rotations."""
    if given and kind not in ("slack", ""):
        report.problem(at, "mention means something in Slack alone", "remove it, or set channel: slack")
    for index, name in enumerate(given or []):
        if not (_SLACK_ID.fullmatch(name) or name in rotations or name in people):
            what = f"{show(name)} is no user group (S…), no person and no rotation"
            report.problem((*at, index), what, suggest(name, [*rotations, *people]))
    return tuple(people[name].slack if name in people and name not in rotations else name for name in given or [])


def build_route(model: RouteModel, receivers: Collection[str], report: Report) -> Route:
    """The root; what a route does not say it has from the one above."""
    at: Path_ = ("route",)
    if model.match:
        mend = "remove match: what no other route takes must have somewhere to go"
        report.problem((*at, "match"), "the first route takes everything", mend)
    if not model.notify and not report.damaged((*at, "notify")):
        report.problem(at, "the first route notifies nobody", "add notify: [a receiver]")
    return _Routes(receivers, report).build(at, model, _DEFAULTS, model.name or "default")


class _Routes:
    def __init__(self, receivers: Collection[str], report: Report) -> None:
        self._receivers, self._report = receivers, report
        self._names: set[str] = set()

    def build(self, at: Path_, model: RouteModel, above: Route, name: str) -> Route:
        report = self._report
        if name in self._names:
            report.problem((*at, "name") if model.name else at, f"two routes are named {show(name)}", "rename one")
        self._names.add(name)
        if len(self._names) > 1 and not model.match and not report.damaged((*at, "match")):
            report.problem(at, f"the route {show(name)} says not what it takes", "add match: [severity = critical]")
        route = Route(
            name=name,
            receivers=self._named((*at, "notify"), model.notify) or above.receivers,
            matchers=matchers((*at, "match"), model.match, report),
            group_by=tuple(model.group_by) if model.group_by is not None else above.group_by,
            group_wait=self._time(at, "group_wait", model.group_wait, above.group_wait, 0.0, 3600.0),
            group_interval=self._time(at, "group_interval", model.group_interval, above.group_interval, 1.0, 86400.0),
            repeat_interval=self._time(at, "repeat_interval", model.repeat_interval, above.repeat_interval, 1.0, WEEK),
            fallback=self._named((*at, "fallback"), model.fallback) or above.fallback,
            escalate=self._escalate(at, model),
            proceed=bool(model.proceed),
        )
        return self._with_children(at, model, route)

    def _with_children(self, at: Path_, model: RouteModel, route: Route) -> Route:
        if model.routes and len(at) > 2 * _DEEPEST:
            self._report.problem((*at, "routes"), "the routes are nested too deep", f"{_DEEPEST} levels at most")
            return route
        children = tuple(
            self.build((*at, "routes", n), child, route, child.name or f"{route.name}.{n + 1}")
            for n, child in enumerate(model.routes or [])
        )
        return replace(route, routes=children)

    def _named(self, at: Path_, names: list[str] | None) -> tuple[str, ...]:
        for index, name in enumerate(names or []):
            if name not in self._receivers and not self._report.damaged(("receivers", name)):
                what = f"there is no receiver {show(name)}"
                self._report.problem((*at, index), what, suggest(name, self._receivers))
        return tuple(names or ())

    def _escalate(self, at: Path_, model: RouteModel) -> tuple[Escalation, ...]:
        steps: list[Escalation] = []
        for index, step in enumerate(model.escalate or []):
            path = (*at, "escalate", index)
            mends = {"after": "add after: 15m", "notify": "add notify: [a receiver]"}
            self._report.need(path, {"after": step.after, "notify": step.notify}, mends)
            after = self._time(path, "after", step.after, 0.0, 1.0, 86400.0)
            if steps and after <= steps[-1].after:
                mend = "count both from the first notification, in rising order"
                self._report.problem((*path, "after"), "the step is not later than the one before", mend)
            steps.append(Escalation(after, self._named((*path, "notify"), step.notify)))
        return tuple(steps)

    def _time(self, at: Path_, key: str, given: float | None, default: float, least: float, most: float) -> float:
        if given is None:
            return default
        if not least <= given <= most:
            span = f"{format_duration(least)} to {format_duration(most)}"
            self._report.problem((*at, key), f"{key}: {format_duration(given)} is out of range", f"write {span}")
        return given


def matchers(at: Path_, given: list[str] | None, report: Report) -> tuple[Matcher, ...]:
    found: list[Matcher] = []
    for index, text in enumerate(given or []):
        try:
            found.append(parse_matcher(text))
        except MatcherError as error:
            report.problem((*at, index), error.what, error.mend)
    return tuple(found)


def build_inhibitions(models: list[InhibitionModel], report: Report) -> tuple[Inhibition, ...]:
    found: list[Inhibition] = []
    for index, model in enumerate(models):
        at: Path_ = ("inhibit", index)
        mends = {
            "source": "add source: [severity = critical]",
            "target": "add target: [severity = warning]",
            "equal": "add equal: [service]: without it one Critical would mute every Warning",
        }
        report.need(at, {"source": model.source, "target": model.target, "equal": model.equal}, mends)
        source = matchers((*at, "source"), model.source, report)
        target = matchers((*at, "target"), model.target, report)
        found.append(Inhibition(source, target, tuple(model.equal or ())))
    return tuple(found)
