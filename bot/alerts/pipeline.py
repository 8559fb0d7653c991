"""The whole way of an alert, as one list: route → group → inhibit → silence → quiet → dedup → notify. Pure.

The first two are taken when an alert arrives (`route`, `group`), the others whenever its group may have something to
say. Each gives its reason; none loses an alert: what is muted is looked at again as long as it fires.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.alerts.dedup import Say, Wait, judge
from bot.alerts.evolve import alerts_of
from bot.alerts.inhibit import Inhibitors
from bot.alerts.labels import all_match
from bot.alerts.model import Alert, AlertsState, Group
from bot.alerts.mute import quiet_until, silenced_by
from bot.alerts.plan import AlertPlan


class Surroundings:
    """What the steps look at besides the alert itself; built once for a decision."""

    def __init__(self, state: AlertsState, plan: AlertPlan, now: float) -> None:
        self.state = state
        self.plan = plan
        self.now = now
        self.inhibitors = Inhibitors(state, plan)
        self.quiet = tuple(q for q in plan.quiet if quiet_until(q, now) is not None)


@dataclass(frozen=True, slots=True)
class Muted:
    why: str
    by: str


Mute = Callable[[Alert, Surroundings], Muted | None]


def inhibited(alert: Alert, around: Surroundings) -> Muted | None:
    source = around.inhibitors.of(alert)
    return Muted("inhibited", source.fingerprint) if source else None


def silenced(alert: Alert, around: Surroundings) -> Muted | None:
    silence = silenced_by(around.state.silences.values(), alert.labels, around.now)
    return Muted("silenced", silence.id) if silence else None


def quiet(alert: Alert, around: Surroundings) -> Muted | None:
    hours = next((q for q in around.quiet if all_match(q.matchers, alert.labels)), None)
    return Muted("quiet", hours.name) if hours else None


MUTES: tuple[Mute, ...] = (inhibited, silenced, quiet)


@dataclass(frozen=True, slots=True)
class Considered:
    """What became of a group's alerts: each that fires is muted with its reason, or tellable; `outcome` says what
    is told of the tellable ones, or why nothing is.
    """

    muted: tuple[tuple[Alert, Muted], ...]
    tellable: tuple[Alert, ...]
    outcome: Say | Wait


def consider(group: Group, around: Surroundings) -> Considered:
    alerts = alerts_of(around.state, group)
    muted: list[tuple[Alert, Muted]] = []
    tellable: list[Alert] = []
    for alert in alerts:
        if not alert.firing:
            continue
        reason = next((found for mute in MUTES if (found := mute(alert, around))), None)
        if reason:
            muted.append((alert, reason))
        else:
            tellable.append(alert)
    route = around.plan.route_of(group.route)
    return Considered(tuple(muted), tuple(tellable), judge(group, route, alerts, tuple(tellable), around.now))
