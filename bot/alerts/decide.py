"""decide(state, intent, now, plan) -> events, or a Refusal with its reason. Pure: the whole judgement on alerts."""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch

from bot.alerts import events as ev
from bot.alerts import intents as it
from bot.alerts.deciding import deliveries, telling
from bot.alerts.evolve import fold
from bot.alerts.group import group_of
from bot.alerts.labels import all_match
from bot.alerts.model import Alert, AlertsState, Override
from bot.alerts.plan import AlertPlan
from bot.alerts.route import routes_for
from bot.rollout.approval import member
from bot.rollout.intents import Refusal, refuse

Decision = tuple[ev.AlertEvent, ...] | Refusal


def decide(state: AlertsState, intent: it.AlertIntent, now: float, plan: AlertPlan) -> Decision:
    """Events to append (perhaps none), or why not. `plan` is the one in force."""
    return _decide(intent, state, now, plan)


@singledispatch
def _decide(intent: it.AlertIntent, state: AlertsState, now: float, plan: AlertPlan) -> Decision:
    raise TypeError(f"no decision for {type(intent).__name__}")


@_decide.register
def _(i: it.Observe, state: AlertsState, now: float, plan: AlertPlan) -> Decision:
    return observe(state, i, now, plan)


def observe(state: AlertsState, i: it.Observe, now: float, plan: AlertPlan) -> tuple[ev.AlertEvent, ...]:
    """What began and what is over, and what may be told of it at once."""
    fired: dict[str, Alert] = {}
    resolved: dict[str, str] = {}
    groups: dict[str, ev.Grouped] = {}
    live = dict(i.live)
    for signal in i.signals:
        known = fired.get(signal.fingerprint) or state.alerts.get(signal.fingerprint)
        if signal.over:
            if known and known.firing and signal.started_at >= known.started_at:
                resolved[signal.fingerprint] = signal.over
        elif known is None or (not known.firing and signal.started_at != known.started_at):
            # Another time of beginning, also an earlier one: its source's clock may have been set back.
            found = tuple(group_of(route, signal.labels, plan.route) for route in routes_for(plan.route, signal.labels))
            groups.update({g.key: g for g in found})
            fired[signal.fingerprint] = _alert(i.source, signal, tuple(g.key for g in found), live)
    events: list[ev.AlertEvent] = []
    if fired:
        events.append(ev.AlertsFired(tuple(fired.values()), tuple(groups.values()), now))
    if resolved:
        events.append(ev.AlertsResolved(tuple(resolved.items()), now))
    if not events:
        return ()
    after = fold(state, events)
    touched = {*groups, *(key for f in resolved for key in after.alerts[f].groups)}
    return (*events, *telling.tell(after, plan, touched, now))


def _alert(source: str, s: it.Signal, groups: tuple[str, ...], live: dict[str, str]) -> Alert:
    service = dict(s.labels).get("service", "")
    return Alert(
        fingerprint=s.fingerprint,
        source=source,  # type: ignore[arg-type]
        name=s.name,
        severity=s.severity,
        labels=s.labels,
        annotations=s.annotations,
        started_at=s.started_at,
        value=s.value,
        link=s.link,
        rollout=live.get(service, ""),
        groups=groups,
    )


@_decide.register
def _(i: it.Pass, state: AlertsState, now: float, plan: AlertPlan) -> Decision:
    ended = tuple(ev.SilenceEnded(s.id, "", now) for s in state.silences.values() if now >= s.until)
    after = fold(state, ended)
    told = telling.tell(after, plan, telling.wanting(after, plan, now), now)
    after = fold(after, told)
    escalated = telling.escalate(after, plan, now)
    closed = telling.close(fold(after, escalated), plan, now)
    return (*ended, *told, *escalated, *closed)


@_decide.register
def _(i: it.ReportDeliveries, state: AlertsState, now: float, plan: AlertPlan) -> Decision:
    return deliveries.judge(state, i.deliveries, now, plan, observe)


@_decide.register
def _(i: it.Acknowledge, state: AlertsState, now: float, plan: AlertPlan) -> Decision:
    """Also where it was resolved a moment ago: that somebody looked is never lost."""
    if i.actor.known and (i.actor.bot or i.actor.deactivated or i.actor.external):
        return refuse("may_not_ack")
    group = state.groups.get(i.target)
    if group is None:
        return refuse("no_alert", alert=i.target)
    if group.acked_at is not None:
        return refuse("acked_already", by=f"<@{group.acked_by}>")
    return (ev.GroupAcknowledged(group.key, i.actor.user, now),)


@_decide.register
def _(i: it.BeginSilence, state: AlertsState, now: float, plan: AlertPlan) -> Decision:
    if why := member(i.actor):
        return refuse("may_not_silence", why=why)
    if not i.matchers or all(m.op in ("!=", "!~") or not m.value for m in i.matchers):
        return refuse("silence_of_everything")
    if not 60 <= i.seconds <= plan.silence_most:
        return refuse("silence_too_long", most=f"{plan.silence_most / 3600:g}")
    begun = ev.SilenceBegun(i.id, i.matchers, i.actor.user, i.reason, now + i.seconds, now)
    after = fold(state, (begun,))
    touched = _matched(after.alerts.values(), begun)
    return (begun, *telling.tell(after, plan, touched, now))


def _matched(alerts: Iterable[Alert], silence: ev.SilenceBegun) -> set[str]:
    return {key for a in alerts if a.firing and all_match(silence.matchers, a.labels) for key in a.groups}


@_decide.register
def _(i: it.EndSilence, state: AlertsState, now: float, plan: AlertPlan) -> Decision:
    if why := member(i.actor):
        return refuse("may_not_silence", why=why)
    silence = state.silences.get(i.id)
    if silence is None:
        return refuse("no_silence", silence=i.id)
    ended = ev.SilenceEnded(i.id, i.actor.user, now)
    touched = {
        key for a in state.alerts.values() if a.firing and all_match(silence.matchers, a.labels) for key in a.groups
    }
    return (ended, *telling.tell(fold(state, (ended,)), plan, touched, now))


@_decide.register
def _(i: it.Swap, state: AlertsState, now: float, plan: AlertPlan) -> Decision:
    if why := member(i.actor):
        return refuse("may_not_swap", why=why)
    if i.end <= max(now, i.start):
        return refuse("swap_in_the_past")
    return (ev.TurnSwapped(Override(i.rotation, i.person, i.start, i.end, i.actor.user), now),)
