"""From the names of receivers to the addresses of people, as of now. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bot.alerts.events import Send
from bot.alerts.model import AlertsState
from bot.alerts.oncall import on_call
from bot.alerts.plan import AlertPlan, Receiver


def sends(
    state: AlertsState,
    plan: AlertPlan,
    receivers: Iterable[str],
    now: float,
    *,
    resolved: bool = False,
    instead_of: str = "",
    known: frozenset[tuple[str, str]] = frozenset(),
) -> tuple[Send, ...]:
    """Each recipient once a channel, however many receivers name them. known: (channel, to) already on their way."""
    found: dict[tuple[str, str], Send] = {}
    for name in receivers:
        receiver = plan.receiver(name)
        if receiver is None or (resolved and not receiver.send_resolved):
            continue
        for to in addresses(state, plan, receiver, now):
            if (receiver.channel, to) not in known:
                found.setdefault((receiver.channel, to), Send(name, receiver.channel, to, instead_of))
    return tuple(found.values())


def addresses(state: AlertsState, plan: AlertPlan, receiver: Receiver, now: float) -> tuple[str, ...]:
    """The fixed ones, and that of whoever is on call.

    Who swapped in but cannot be reached that way must not mean that nobody is: then it is everybody of the rotation.
    """
    rotation = plan.rotation(receiver.oncall)
    if rotation is None:
        return receiver.to
    kind, reach = plan.kind(receiver.channel), dict(plan.reach)
    people = (on_call(rotation, state.overrides, now).person,)
    turn = [reach[p].by(kind) for p in people if p in reach and reach[p].by(kind)]
    if not turn and not receiver.to:
        turn = [reach[p].by(kind) for p in rotation.people if p in reach and reach[p].by(kind)]
    return tuple(dict.fromkeys((*receiver.to, *turn)))


def mentions(state: AlertsState, plan: AlertPlan, receiver: Receiver, now: float) -> tuple[str, ...]:
    """Slack ids of groups and people to call; of a rotation whoever is on call, "" left out where there is no id."""
    reach = dict(plan.reach)
    found = []
    for name in receiver.mention:
        rotation = plan.rotation(name)
        person = reach.get(on_call(rotation, state.overrides, now).person) if rotation else None
        found.append((person.slack if person else "") if rotation else name)
    return tuple(dict.fromkeys(id for id in found if id))
