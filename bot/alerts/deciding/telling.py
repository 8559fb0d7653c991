"""Who is told what, and when: notifications, repeats, escalations, and what is over for good. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from bot.alerts import events as ev
from bot.alerts.deciding.reach import sends
from bot.alerts.dedup import Say
from bot.alerts.evolve import OPEN, alerts_of
from bot.alerts.group import due
from bot.alerts.model import AlertsState, Group
from bot.alerts.pipeline import Considered, Surroundings, consider
from bot.alerts.plan import AlertPlan

OVER = ("resolved", "some_resolved")


def tell(state: AlertsState, plan: AlertPlan, keys: Collection[str], now: float) -> tuple[ev.AlertEvent, ...]:
    """What is to be told of these groups now, and whose reason for not being told changed."""
    if not keys:
        return ()
    around = Surroundings(state, plan, now)
    told: list[ev.Told] = []
    mutes: dict[str, tuple[str, str]] = {}
    for key in sorted(keys):
        group = state.groups.get(key)
        if group is None:
            continue
        found = consider(group, around)
        mutes |= _mutes(found)
        if isinstance(found.outcome, Say):
            told.append(_told(state, plan, group, found.outcome, now))
    changes = tuple(
        (fingerprint, why, by)
        for fingerprint, (why, by) in mutes.items()
        if (state.alerts[fingerprint].muted, state.alerts[fingerprint].muted_by) != (why, by)
    )
    changed: tuple[ev.AlertEvent, ...] = (ev.MutesChanged(changes, now),) if changes else ()
    return (*changed, ev.GroupsTold(tuple(told), now)) if told else changed


def _mutes(found: Considered) -> dict[str, tuple[str, str]]:
    muted = {alert.fingerprint: (reason.why, reason.by) for alert, reason in found.muted}
    return muted | {alert.fingerprint: ("", "") for alert in found.tellable}


def _told(state: AlertsState, plan: AlertPlan, group: Group, say: Say, now: float) -> ev.Told:
    route = plan.route_of(group.route)
    if say.why not in OVER:
        to = sends(state, plan, route.receivers, now)
    else:
        reached = (name for step in route.escalate[: group.step] for name in step.receivers)
        to = sends(state, plan, dict.fromkeys((*route.receivers, *reached)), now, resolved=True)
        to = _and_the_told(plan, group, to)
    return ev.Told(group.key, group.serial + 1, say.why, say.new, say.gone, say.still, to)


def _and_the_told(plan: AlertPlan, group: Group, to: tuple[ev.Send, ...]) -> tuple[ev.Send, ...]:
    """Also whoever was told as a stand-in, or was on call then: they must not go on looking for what is over."""
    found = {(send.channel, send.to): send for send in to}
    for receipt in group.receipts:
        receiver = plan.receiver(receipt.receiver)
        told = receipt.at >= (group.since or 0.0) and receipt.state != "failed" and receipt.why not in OVER
        if told and receiver and receiver.send_resolved:
            send = ev.Send(receipt.receiver, receipt.channel, receipt.to, receipt.instead_of)
            found.setdefault((receipt.channel, receipt.to), send)
    return tuple(found.values())


def wanting(state: AlertsState, plan: AlertPlan, now: float) -> set[str]:
    """The groups that may have something to say now; the others need not be looked at."""
    found = {key for alert in state.alerts.values() if alert.muted for key in alert.groups}
    for group in state.groups.values():
        if group.changed_at is None and not group.told:
            continue
        route = plan.route_of(group.route)
        ripe = group.changed_at is not None and now >= due(group, route)
        again = group.told and group.said_at is not None and now >= group.said_at + route.repeat_interval
        if ripe or again:
            found.add(group.key)
    return found


def escalate(state: AlertsState, plan: AlertPlan, now: float) -> tuple[ev.AlertEvent, ...]:
    """What fires and nobody acknowledged goes one step further."""
    ripe = _unheard(state, plan, now)
    if not ripe:
        return ()
    around = Surroundings(state, plan, now)
    told = []
    for group in ripe:
        step = plan.route_of(group.route).escalate[group.step]
        still = tuple(a.fingerprint for a in consider(group, around).tellable if a.fingerprint in group.told)
        if still:
            to = sends(state, plan, step.receivers, now)
            told.append(ev.Told(group.key, group.serial + 1, "escalated", (), (), still, to, group.step + 1))
    return (ev.GroupsTold(tuple(told), now),) if told else ()


def _unheard(state: AlertsState, plan: AlertPlan, now: float) -> list[Group]:
    """Asked every second, of thousands in a storm."""
    if not any(route.escalate for route in plan.by_name.values()):
        return []
    found = []
    for group in state.groups.values():
        if group.since is None or group.acked_at is not None:
            continue
        ahead = plan.route_of(group.route).escalate[group.step :]
        if ahead and now >= group.since + ahead[0].after:
            found.append(group)
    return found


def close(state: AlertsState, plan: AlertPlan, now: float) -> tuple[ev.AlertEvent, ...]:
    """Groups of which all is resolved, told and delivered, and that nobody touched for a while."""
    over = tuple(key for key in _quiet(state.groups.values(), plan, now) if _over(state, state.groups[key]))
    return (ev.GroupsClosed(over, now),) if over else ()


def _quiet(groups: Iterable[Group], plan: AlertPlan, now: float) -> list[str]:
    return [g.key for g in groups if not g.told and now - g.touched_at >= plan.keep]


def _over(state: AlertsState, group: Group) -> bool:
    firing = any(alert.firing for alert in alerts_of(state, group))
    return not firing and not any(r.state in OPEN for r in group.receipts)
