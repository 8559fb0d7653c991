"""`why ALERT`: what each step of the pipeline says of it, and what was told so far."""

from __future__ import annotations

from bot.alerts.evolve import alerts_of
from bot.alerts.explain import explain, find
from bot.engine.ports.rendered import Outgoing
from commands.ack import named
from commands.alerts import desk_of
from commands.desk import Room

MOST = 5


async def handle(room: Room) -> Outgoing:
    desk = desk_of(room)
    if isinstance(desk, Outgoing):
        return desk
    state = await desk.state()
    if not room.words:
        code = "which_alert" if state.groups else "no_open_alert"
        return room.messages.usage_error(
            code, room.usage, alerts=[named(state, g) for _, g in sorted(state.groups.items())]
        )
    found = find(state, room.words[0])
    if not found:
        return room.messages.usage_error("unknown_alert", room.usage, word=room.words[0])
    group = found[0]
    alerts = sorted(alerts_of(state, group), key=lambda a: not a.firing)
    steps = [(a, explain(state, desk.plan, group, a, desk.now())) for a in alerts[:MOST]]
    return room.messages.why(group, steps, desk.now())
