"""`adopt [SERVICE]` and `restore [SERVICE]`: what to do about hosts that are not as the bot left them."""

from __future__ import annotations

from typing import Literal

from bot.engine.ports.rendered import Outgoing
from bot.rollout.intents import AnswerDrift
from commands.desk import Room, answer
from commands.which import service_alone


async def adopt(room: Room) -> Outgoing:
    return await _answer(room, "adopt", "adopted")


async def restore(room: Room) -> Outgoing:
    return await _answer(room, "restore", "restored")


async def _answer(room: Room, choice: Literal["adopt", "restore"], kind: str) -> Outgoing:
    service = await service_alone(room)
    if isinstance(service, Outgoing):
        return service
    submitted = await room.desk.submit(service, AnswerDrift(room.call.actor, choice), room.call.cause)
    return await answer(room, service, submitted, kind)
