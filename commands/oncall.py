"""`oncall [who]` and `oncall swap PERSON TIME [ROTATION]`: who is on call, and somebody else in their place."""

from __future__ import annotations

from bot.alerts.intents import Swap
from bot.alerts.oncall import on_call
from bot.engine.ports.rendered import Outgoing
from commands.alerts import desk_of
from commands.desk import AlertDesk, Room
from commands.words import bare, name
from config.durations import DurationError, parse_duration


async def handle(room: Room) -> Outgoing:
    desk = desk_of(room)
    if isinstance(desk, Outgoing):
        return desk
    if not desk.plan.rotations:
        return room.messages.usage_error("no_rotations", room.usage)
    verb = name(room.words[0]) if room.words else "who"
    if verb in ("swap", "换班", "替班"):
        return await _swap(room, desk)
    if verb not in ("who", "谁"):
        return room.messages.usage_error("unexpected_word", room.usage, word=room.words[0])
    return await who(room, desk)


async def who(room: Room, desk: AlertDesk) -> Outgoing:
    overrides, now = (await desk.state()).overrides, desk.now()
    reach = dict(desk.plan.reach)
    rows = []
    for rotation in desk.plan.rotations:
        turn = on_call(rotation, overrides, now)
        following = on_call(rotation, overrides, turn.end + 1)
        rows.append((rotation.name, turn, reach.get(turn.person), following, reach.get(following.person)))
    return room.messages.oncall(rows, now)


async def _swap(room: Room, desk: AlertDesk) -> Outgoing:
    words = room.words[1:]
    if len(words) < 2:
        return room.messages.usage_error("swap_form", room.usage)
    if len(words) > 3:
        return room.messages.usage_error("unexpected_word", room.usage, word=words[3])
    person = _person(words[0], desk)
    if not person:
        return room.messages.usage_error(
            "unknown_person", room.usage, word=words[0], people=sorted(dict(desk.plan.reach))
        )
    try:
        seconds = parse_duration(bare(words[1]))
    except DurationError:
        return room.messages.usage_error("bad_time", room.usage, word=words[1])
    rotations = {r.name.lower(): r.name for r in desk.plan.rotations}
    rotation = rotations.get(name(words[2])) if len(words) > 2 else None
    if rotation is None and (len(words) > 2 or len(rotations) > 1):
        return room.messages.usage_error("which_rotation", room.usage, rotations=sorted(rotations.values()))
    rotation, now = rotation or next(iter(rotations.values())), desk.now()
    done = await desk.submit(Swap(room.call.actor, rotation, person, now, now + seconds), room.call.cause)
    if done.refusal:
        return room.messages.error(room.messages.refusal(done.refusal, None, None))
    return await who(room, desk)


def _person(word: str, desk: AlertDesk) -> str:
    """The short name of a mention, a Slack id, a short name or a name; "" = nobody."""
    wanted = word.strip("<@>").partition("|")[0].lower().removeprefix("@")
    for alias, reach in desk.plan.reach:
        if wanted in (alias.lower(), reach.slack.lower(), reach.name.lower()):
            return alias
    return ""
