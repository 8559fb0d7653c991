"""What the app's home shows: who is on call, what fires, what is rolled out. The answers of the commands, together."""

from __future__ import annotations

from bot.engine.ports.rendered import Outgoing
from bot.rollout.model import Person
from commands import alerts, oncall, status
from commands.desk import AlertDesk, Call, Desk, Room, Words


async def home(actor: Person, desk: Desk, messages: Words, alert_desk: AlertDesk | None) -> Outgoing:
    """For one person, as of now."""
    room = Room(desk, messages, Call("", actor), (), "", alert_desk)
    parts = []
    if alert_desk is not None:
        parts += [await oncall.handle(room)] if alert_desk.plan.rotations else []
        parts += [await alerts.handle(room)]
    parts += [await status.handle(room)]
    return messages.home(parts, desk.now())
