"""Why an alert was told, or was not: what each step of the pipeline says of it now. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.alerts.deciding.reach import sends
from bot.alerts.dedup import Say
from bot.alerts.model import Alert, AlertsState, Group
from bot.alerts.pipeline import Surroundings, consider, inhibited, quiet, silenced
from bot.alerts.plan import AlertPlan

StepName = Literal["route", "group", "inhibit", "silence", "quiet", "dedup", "notify"]


@dataclass(frozen=True, slots=True)
class Step:
    """what: a code of the step. detail: the name of a route, an alert, a silence. until: Unix seconds, of a wait."""

    name: StepName
    what: str
    detail: str = ""
    until: float | None = None


def explain(state: AlertsState, plan: AlertPlan, group: Group, alert: Alert, now: float) -> tuple[Step, ...]:
    """Every step in the order of the pipeline."""
    around = Surroundings(state, plan, now)
    shared = ", ".join(f"{name}={value}" for name, value in group.labels)
    steps = [Step("route", "default" if group.unrouted else "taken", group.route), Step("group", "joined", shared)]
    if not alert.firing:
        return (*steps, Step("notify", "over", alert.resolved_why))
    source = inhibited(alert, around)
    by = state.alerts[source.by].name if source and source.by in state.alerts else ""
    steps.append(Step("inhibit", "inhibited" if source else "free", by))
    silence = silenced(alert, around)
    steps.append(Step("silence", "silenced" if silence else "free", silence.by if silence else ""))
    hours = quiet(alert, around)
    steps.append(Step("quiet", "quiet" if hours else "free", hours.by if hours else ""))
    if source or silence or hours:
        return (*steps, Step("notify", "muted"))
    outcome = consider(group, around).outcome
    if isinstance(outcome, Say):
        steps.append(Step("dedup", outcome.why))
    else:
        steps.append(Step("dedup", outcome.why, until=outcome.until))
    to = sends(state, plan, plan.route_of(group.route).receivers, now)
    return (*steps, Step("notify", "receivers", ", ".join(dict.fromkeys(send.receiver for send in to))))


def find(state: AlertsState, word: str) -> tuple[Group, ...]:
    """The groups a person can mean by a key, the beginning of one, or the name of an alert; firing ones first."""
    wanted = word.strip().lower()
    exact = [g for g in state.groups.values() if len(wanted) >= 3 and g.key.startswith(wanted)]
    if not exact:
        named = {key for a in state.alerts.values() if a.name.lower() == wanted for key in a.groups}
        exact = [state.groups[key] for key in named if key in state.groups]
    return tuple(sorted(exact, key=lambda g: (not is_firing(state, g), -g.touched_at, g.key)))


def is_firing(state: AlertsState, group: Group) -> bool:
    return any((alert := state.alerts.get(member)) and alert.firing for member in group.members)
