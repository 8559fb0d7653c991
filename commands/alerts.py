"""`alerts [SERVICE]`: what fires, who is on it, what is silenced."""

from __future__ import annotations

from bot.alerts.evolve import alerts_of
from bot.alerts.explain import is_firing
from bot.engine.ports.rendered import Outgoing
from commands.desk import AlertDesk, Room
from commands.which import match, unknown
from commands.words import name


def desk_of(room: Room) -> AlertDesk | Outgoing:
    """The desk of alerts, or that there are none."""
    return room.alerts or room.messages.usage_error("no_alerts", "config/alerts.yaml")


async def handle(room: Room) -> Outgoing:
    desk = desk_of(room)
    if isinstance(desk, Outgoing):
        return desk
    state = await desk.state()
    wanted = name(room.words[0]) if room.words else ""
    groups = [(g, alerts_of(state, g)) for g in state.groups.values() if is_firing(state, g)]
    if wanted:
        services = {*room.desk.plans, *(alert.service for alert in state.alerts.values())}
        if not match(wanted, services):
            return unknown(room, [])  # and not that nothing fires, which would be taken for good news
        groups = [(g, found) for g, found in groups if any(a.service.lower() == wanted for a in found)]
    groups.sort(key=lambda pair: (pair[0].acked_at is not None, pair[0].opened_at, pair[0].key))
    return room.messages.alerts(groups, tuple(state.silences.values()), desk.now())
