"""`help [COMMAND]`: what can be typed."""

from __future__ import annotations

from collections.abc import Sequence

from bot.engine.ports.rendered import Outgoing
from commands.desk import Room


def handle(room: Room, table: Sequence[tuple[str, str, str]]) -> Outgoing:
    """table: (name, usage, summary key) of the commands asked about."""
    return room.messages.help(table)
