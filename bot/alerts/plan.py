"""What `alerts.yaml` says, as frozen values. Pure; `config` parses into it, everything else reads it.

Durations in seconds, times of day in minutes after midnight, thresholds in the rule's base unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from bot.alerts.labels import Labels, Matcher
from bot.rollout.plan import Condition, Unit

Severity = Literal["critical", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")


_OTHERS: dict[str, Severity] = {
    "page": "critical",
    "error": "critical",
    "emergency": "critical",
    "none": "info",
    "information": "info",
}


def severity_of(word: str) -> Severity:
    """Of the words that others use. What has none of them is a Warning: somebody sees it, and nobody is woken."""
    ours: dict[str, Severity] = {severity: severity for severity in SEVERITIES}
    return (_OTHERS | ours).get(word.lower(), "warning")


@dataclass(frozen=True, slots=True)
class Rule:
    """A query asked every so often; each series it returns is an alert of its own.

    condition: on the value; None = the query itself selects what fires, as a Prometheus rule's does.
    hold_for: seconds it has to hold before it fires. keep_firing_for: seconds it has to be over before it is resolved.
    """

    name: str
    query: str
    severity: Severity
    every: float
    condition: Condition | None = None
    unit: Unit = "count"
    title: str = ""
    hold_for: float = 0.0
    keep_firing_for: float = 0.0
    labels: Labels = ()
    summary: str = ""
    description: str = ""

    @property
    def key(self) -> str:
        return rule_key(self.name, self.severity)


def rule_key(name: str, severity: str) -> str:
    """One name may have a rule for each severity."""
    return f"{name}/{severity}"


@dataclass(frozen=True, slots=True)
class Receiver:
    """channel: a name of a way to people. to: addresses there. oncall: a rotation whose person is added at the time.

    mention: in Slack, whom a message calls: user groups (S…), people (U…), or names of rotations.
    """

    name: str
    channel: str
    to: tuple[str, ...] = ()
    oncall: str = ""
    send_resolved: bool = True
    mention: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Escalation:
    """after: seconds since the first notification without an acknowledgement."""

    after: float
    receivers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """A node of the tree. An alert goes into the deepest that matches; `proceed` lets it try the next sibling too.

    group_wait: seconds from the first alert of a group to its notification. group_interval: seconds at least between
    notifications of one group about changes. repeat_interval: until what still fires is said again.
    fallback: receivers tried in order, each once a notification, when one of `receivers` cannot deliver.
    """

    name: str
    receivers: tuple[str, ...]
    matchers: tuple[Matcher, ...] = ()
    group_by: tuple[str, ...] = ("alertname", "service")
    group_wait: float = 30.0
    group_interval: float = 300.0
    repeat_interval: float = 4 * 3600.0
    fallback: tuple[str, ...] = ()
    escalate: tuple[Escalation, ...] = ()
    proceed: bool = False
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While an alert that `source` matches fires, those that `target` matches are not told where `equal` agree."""

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QuietHours:
    """start, end: minutes after midnight by the clock of `timezone`; an end before the start is the next day's.

    days: weekdays (0 = Monday) on which it begins.
    """

    name: str
    matchers: tuple[Matcher, ...]
    timezone: str
    start: int
    end: int
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)


@dataclass(frozen=True, slots=True)
class Rotation:
    """People in turn. days: length of a turn. handover: minutes after midnight by the clock of `timezone`.

    starts: the day of the first person's first handover, `2026-03-02`.
    """

    name: str
    people: tuple[str, ...]
    timezone: str
    starts: str
    handover: int = 9 * 60
    days: int = 7


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a person can be reached; "" = not that way."""

    name: str
    slack: str = ""
    mail: str = ""
    phone: str = ""

    def by(self, kind: str) -> str:
        """kind: of the channel: mail, slack, or anything else for which a telephone number is the address."""
        return {"mail": self.mail, "slack": self.slack}.get(kind, self.phone)


@dataclass(frozen=True, slots=True)
class AlertPlan:
    """route: the root, which matches everything. reach: people by short name. kinds: channel name -> its kind.

    failures: tries of one notification on one way until the route's fallback is used too.
    blind_after: seconds a rule may be unreadable until that is itself an alert.
    keep: seconds a group stays after all of it was resolved and told.
    """

    rules: tuple[Rule, ...]
    receivers: tuple[Receiver, ...]
    route: Route
    inhibitions: tuple[Inhibition, ...] = ()
    quiet: tuple[QuietHours, ...] = ()
    rotations: tuple[Rotation, ...] = ()
    reach: tuple[tuple[str, Reach], ...] = ()
    kinds: tuple[tuple[str, str], ...] = ()
    silence_most: float = 7 * 86400.0
    blind_after: float = 600.0
    failures: int = 3
    keep: float = 3600.0
    by_name: dict[str, Route] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.by_name.update({route.name: route for route in walk(self.route)})

    def route_of(self, name: str) -> Route:
        """The root for a route that the file no longer has: what fires must have somewhere to go."""
        return self.by_name.get(name, self.route)

    def receiver(self, name: str) -> Receiver | None:
        return next((r for r in self.receivers if r.name == name), None)

    def kind(self, channel: str) -> str:
        return dict(self.kinds).get(channel, channel)

    def rotation(self, name: str) -> Rotation | None:
        return next((r for r in self.rotations if r.name == name), None)


def walk(route: Route) -> Iterator[Route]:
    yield route
    for child in route.routes:
        yield from walk(child)
