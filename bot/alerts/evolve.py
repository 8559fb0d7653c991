"""evolve(state, event) -> state: what the log means. Pure. Decides nothing; a fact is folded as it stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import singledispatch

from bot.alerts import events as ev
from bot.alerts.model import Alert, AlertsState, Entry, Group, Receipt, Silence

TRAIL = 12  # lines of its story a group keeps
RECEIPTS = 40  # receipts a group keeps besides those still open
OPEN = frozenset({"pending", "trouble"})


def fold(state: AlertsState, events: Iterable[ev.AlertEvent]) -> AlertsState:
    for event in events:
        state = evolve(state, event)
    return state


def evolve(state: AlertsState, event: ev.AlertEvent) -> AlertsState:
    return replace(_evolve(event, state), seq=state.seq + 1)


@singledispatch
def _evolve(event: ev.AlertEvent, state: AlertsState) -> AlertsState:
    raise TypeError(f"no fold for {type(event).__name__}")


@_evolve.register
def _(e: ev.AlertsFired, state: AlertsState) -> AlertsState:
    alerts, groups = dict(state.alerts), dict(state.groups)
    members: dict[str, list[str]] = {}
    for alert in e.alerts:
        alerts[alert.fingerprint] = alert
        for key in alert.groups:
            members.setdefault(key, []).append(alert.fingerprint)
    for opened in e.groups:
        key = opened.key
        group = groups.get(key) or Group(key, opened.route, opened.labels, e.at, unrouted=opened.unrouted)
        groups[key] = replace(
            group,
            members=tuple(dict.fromkeys((*group.members, *members.get(key, ())))),
            changed_at=e.at if group.changed_at is None else group.changed_at,
            touched_at=e.at,
            # What was acknowledged is over once nothing of it is told any more.
            acked_by=group.acked_by if group.told else "",
            acked_at=group.acked_at if group.told else None,
        )
    return replace(state, alerts=alerts, groups=groups)


@_evolve.register
def _(e: ev.AlertsResolved, state: AlertsState) -> AlertsState:
    alerts, groups = dict(state.alerts), dict(state.groups)
    for fingerprint, why in e.resolved:
        alert = alerts.get(fingerprint)
        if alert is None:
            continue
        alerts[fingerprint] = replace(alert, resolved_at=e.at, resolved_why=why, muted="", muted_by="")
        for key in alert.groups:
            group = groups.get(key)
            if group:
                changed = e.at if group.changed_at is None else group.changed_at
                groups[key] = replace(group, changed_at=changed, touched_at=e.at)
    return replace(state, alerts=alerts, groups=groups)


@_evolve.register
def _(e: ev.MutesChanged, state: AlertsState) -> AlertsState:
    alerts, groups = dict(state.alerts), dict(state.groups)
    for fingerprint, why, by in e.changes:
        source = alerts[by].name if by in alerts else by  # what inhibits is an alert, and people know it by its name
        alert = alerts.get(fingerprint)
        if alert is None:
            continue
        alerts[fingerprint] = replace(alert, muted=why, muted_by=by)
        for key in alert.groups:
            if group := groups.get(key):
                groups[key] = _noted(
                    group, e.at, why or "unmuted", f"{alert.name} ({source})" if source else alert.name
                )
    return replace(state, alerts=alerts, groups=groups)


@_evolve.register
def _(e: ev.GroupsTold, state: AlertsState) -> AlertsState:
    groups = dict(state.groups)
    for told in e.told:
        if group := groups.get(told.group):
            groups[told.group] = _told(group, told, e.at)
    return replace(state, groups=groups)


def _told(group: Group, told: ev.Told, at: float) -> Group:
    """In one copy: a storm tells of thousands at once."""
    known = tuple(dict.fromkeys(f for f in (*group.told, *told.new, *told.still) if f not in told.gone))
    opened = tuple(
        Receipt(told.serial, s.receiver, s.channel, s.to, at=at, instead_of=s.instead_of, why=told.why)
        for s in told.sends
    )
    since = group.since
    if told.new and not (group.told and since):
        since = at
    receivers = ", ".join(dict.fromkeys(s.receiver for s in told.sends))
    return replace(
        group,
        told=known,
        serial=told.serial,
        notified_at=at,
        step=max(group.step, told.step) if known else 0,
        receipts=_kept((*group.receipts, *opened)),
        changed_at=group.changed_at if told.why == "escalated" else None,
        said_at=at if told.why in ("new", "more", "repeat") else group.said_at,
        # What is new was acknowledged by nobody; of what is over it stays to be seen who was on it.
        acked_by="" if told.new else group.acked_by,
        acked_at=None if told.new else group.acked_at,
        since=since if known else None,
        trail=_line(group, at, told.why, receivers),
        touched_at=at,
    )


def _kept(receipts: tuple[Receipt, ...]) -> tuple[Receipt, ...]:
    """All that are open, and the newest of the others."""
    surplus = len(receipts) - RECEIPTS
    if surplus <= 0:
        return receipts
    kept = []
    for receipt in receipts:
        if surplus > 0 and receipt.state not in OPEN:
            surplus -= 1
            continue
        kept.append(receipt)
    return tuple(kept)


def _noted(group: Group, at: float, what: str, detail: str = "") -> Group:
    return replace(group, trail=_line(group, at, what, detail), touched_at=at)


def _line(group: Group, at: float, what: str, detail: str) -> tuple[Entry, ...]:
    return (*group.trail, Entry(at, what, detail))[-TRAIL:]


@_evolve.register
def _(e: ev.DeliveriesReported, state: AlertsState) -> AlertsState:
    groups = dict(state.groups)
    for d in e.deliveries:
        if group := groups.get(d.group):
            receipts = tuple(
                replace(r, state=d.state, at=e.at, detail=d.detail)
                if (r.serial, r.channel, r.to) == (d.serial, d.channel, d.to)
                else r
                for r in group.receipts
            )
            groups[d.group] = replace(group, receipts=receipts, touched_at=e.at)
    return replace(state, groups=groups)


@_evolve.register
def _(e: ev.FellBack, state: AlertsState) -> AlertsState:
    group = state.groups.get(e.group)
    if group is None:
        return state
    opened = tuple(
        Receipt(e.serial, s.receiver, s.channel, s.to, at=e.at, instead_of=s.instead_of, why=e.why) for s in e.sends
    )
    detail = ", ".join(dict.fromkeys(f"{s.instead_of} → {s.receiver}" for s in e.sends))
    fallen = _noted(replace(group, receipts=_kept((*group.receipts, *opened))), e.at, "fell_back", detail)
    return replace(state, groups={**state.groups, e.group: fallen})


@_evolve.register
def _(e: ev.GroupAcknowledged, state: AlertsState) -> AlertsState:
    group = state.groups.get(e.group)
    if group is None:
        return state
    acked = _noted(replace(group, acked_by=e.by, acked_at=e.at), e.at, "acknowledged", e.by)
    return replace(state, groups={**state.groups, e.group: acked})


@_evolve.register
def _(e: ev.GroupsClosed, state: AlertsState) -> AlertsState:
    closed = set(e.groups)
    groups = {key: group for key, group in state.groups.items() if key not in closed}
    alerts = {
        fingerprint: alert
        for fingerprint, alert in state.alerts.items()
        if alert.firing or any(key in groups for key in alert.groups)
    }
    return replace(state, groups=groups, alerts=alerts)


@_evolve.register
def _(e: ev.SilenceBegun, state: AlertsState) -> AlertsState:
    begun = Silence(e.id, e.matchers, e.by, e.reason, e.at, e.until)
    return replace(state, silences={**state.silences, e.id: begun})


@_evolve.register
def _(e: ev.SilenceEnded, state: AlertsState) -> AlertsState:
    return replace(state, silences={id: s for id, s in state.silences.items() if id != e.id})


@_evolve.register
def _(e: ev.TurnSwapped, state: AlertsState) -> AlertsState:
    current = tuple(o for o in state.overrides if o.end > e.at)
    return replace(state, overrides=(*current, e.override))


def alerts_of(state: AlertsState, group: Group) -> tuple[Alert, ...]:
    """The group's alerts as they are now; the oldest first."""
    found = [alert for member in group.members if (alert := state.alerts.get(member))]
    return tuple(sorted(found, key=lambda a: (a.started_at, a.fingerprint)))
