"""`ack [ALERT]`: somebody is on it; it is neither repeated nor escalated any more."""

from __future__ import annotations

from bot.alerts.evolve import alerts_of
from bot.alerts.explain import find, is_firing
from bot.alerts.intents import Acknowledge
from bot.alerts.model import AlertsState, Group
from bot.engine.ports.rendered import Outgoing
from commands.alerts import desk_of
from commands.desk import Room


async def handle(room: Room) -> Outgoing:
    desk = desk_of(room)
    if isinstance(desk, Outgoing):
        return desk
    state = await desk.state()
    group = which(room, state)
    if isinstance(group, Outgoing):
        return group
    done = await desk.submit(Acknowledge(room.call.actor, group.key), room.call.cause)
    if done.refusal:
        return room.messages.error(room.messages.refusal(done.refusal, None, None))
    return room.messages.done("acked", alert=named(state, group))


def named(state: AlertsState, group: Group) -> str:
    """`1ea0e8 DiskFull`: what can be typed, and what it is."""
    first = next(iter(alerts_of(state, group)), None)
    return f"{group.key[:6]} {first.name}" if first else group.key[:6]


def which(room: Room, state: AlertsState) -> Group | Outgoing:
    """The group of the first word; without one, the only one that fires and that nobody is on.

    What nobody was told of (something graver about the same was, or it is silent) is not what is meant then.
    """
    if not room.words:
        open_ = [g for g in state.groups.values() if g.acked_at is None and is_firing(state, g)]
        open_ = [g for g in open_ if g.told] or open_
        if len(open_) == 1:
            return open_[0]
        code = "which_alert" if open_ else "no_open_alert"
        return room.messages.usage_error(code, room.usage, alerts=[named(state, g) for g in open_])
    found = find(state, room.words[0])
    firing = [g for g in found if is_firing(state, g)]
    if len(firing) > 1 or (not firing and len(found) > 1):
        return room.messages.usage_error("which_alert", room.usage, alerts=[named(state, g) for g in firing or found])
    if not found:
        return room.messages.usage_error("unknown_alert", room.usage, word=room.words[0])
    return found[0]
