"""`silence ALERT|LABEL=VALUE… TIME [REASON]` and `unsilence ID`: nobody is told for a while."""

from __future__ import annotations

import hashlib

from bot.alerts.intents import BeginSilence, EndSilence
from bot.alerts.labels import Matcher, MatcherError, parse_matcher
from bot.engine.ports.rendered import Outgoing
from commands.ack import which
from commands.alerts import desk_of
from commands.desk import AlertDesk, Room
from commands.words import bare
from config.durations import DurationError, parse_duration


async def handle(room: Room) -> Outgoing:
    desk = desk_of(room)
    if isinstance(desk, Outgoing):
        return desk
    found = await _matchers(room, desk)
    if isinstance(found, Outgoing):
        return found
    matchers, rest = found
    if not rest:
        return room.messages.usage_error("missing_time", room.usage)
    try:
        seconds = parse_duration(bare(rest[0]))
    except DurationError:
        return room.messages.usage_error("bad_time", room.usage, word=rest[0])
    said = " ".join(map(str, matchers))
    id = "S" + hashlib.sha256(f"{room.call.cause} {desk.now()} {said}".encode()).hexdigest()[:6]
    intent = BeginSilence(room.call.actor, id, matchers, seconds, " ".join(rest[1:]))
    done = await desk.submit(intent, room.call.cause)
    if done.refusal:
        return room.messages.error(room.messages.refusal(done.refusal, None, None))
    return room.messages.done("silenced", silence=id, what=said, time=rest[0])


async def _matchers(room: Room, desk: AlertDesk) -> tuple[tuple[Matcher, ...], tuple[str, ...]] | Outgoing:
    """What is to be silent, and the words after it: an alert's own labels, or those that were typed."""
    if not room.words:
        return room.messages.usage_error("what_to_silence", room.usage)
    typed = [n for n, word in enumerate(room.words) if "=" in word]
    if not typed or typed[0] != 0:
        group = which(room, await desk.state())
        if isinstance(group, Outgoing):
            return group
        return tuple(Matcher(name, "=", value) for name, value in group.labels), room.words[1:]
    last = next((n for n, word in enumerate(room.words) if "=" not in word), len(room.words))
    try:
        return tuple(parse_matcher(word.rstrip(",")) for word in room.words[:last]), room.words[last:]
    except MatcherError as error:
        return room.messages.error(str(error))


async def end(room: Room) -> Outgoing:
    desk = desk_of(room)
    if isinstance(desk, Outgoing):
        return desk
    silences = (await desk.state()).silences
    if not room.words:
        code = "which_silence" if silences else "no_open_silence"
        return room.messages.usage_error(code, room.usage, silences=sorted(silences))
    wanted = bare(room.words[0]).lower()
    id = next((known for known in silences if known.lower() == wanted), room.words[0])
    done = await desk.submit(EndSilence(room.call.actor, id), room.call.cause)
    if done.refusal:
        return room.messages.error(room.messages.refusal(done.refusal, None, None))
    return room.messages.done("unsilenced", silence=id)
