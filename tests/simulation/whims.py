"""What people do at bad moments: they type, react, change their minds, leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.choices import Stream
from tests.simulation.plans import SERVICE
from tests.simulation.slack import NO, NOBODYS, TEAM, YES
from tests.simulation.works import ITEM

if TYPE_CHECKING:
    from tests.simulation.world import World

LINES = (
    "promote",
    "promote --force we must",
    "rollback it smells",
    "rollback --gradual nobody needs it",
    "rollback --gradual",
    "pause lunch",
    "resume",
    "retry",
    "adopt",
    "restore",
    "note all is well",
    f"start {SERVICE} 9.9.9",
    f"start {SERVICE} 1.0.0",
    f"start {SERVICE} 2.0.1",
    f"start {SERVICE} 2.0.1",
    "promote --force",
    "rolback",
    "status",
    "dance",
)
ABOUT_WORK = (*LINES, f"tick {ITEM}", f"untick {ITEM}", "override clean we know of it", "override deploy")


def command(world: World, draw: Stream) -> None:
    user = draw.among((*TEAM, *TEAM, *TEAM, *NOBODYS))
    world.people.type(user, draw.among(ABOUT_WORK if world.plan.runbook.report else LINES))


def in_a_pause(world: World, draw: Stream) -> None:
    """Somebody pauses, and somebody wants something else before it goes on."""
    world.people.type(draw.among(TEAM), "pause let us see")
    line = draw.among(("rollback it smells", "promote", "retry", "pause me too", "restore", "note still paused"))
    world.later(draw.seconds(4.0, 0.5), lambda: world.people.type(draw.among(TEAM), line))


def gradual(world: World, draw: Stream) -> None:
    """Somebody wants it down step by step, and so does somebody else."""
    world.people.type(draw.among(TEAM), "rollback --gradual nobody needs it")
    world.later(draw.seconds(8.0, 1.0), lambda: world.people.type(draw.among(TEAM), "rollback --gradual me too"))


def follow_up(world: World, draw: Stream) -> None:
    """Something is left to do, today; and perhaps it is done."""
    who = draw.among(TEAM)
    world.people.type(who, "followup add tidy up today")
    if draw.pick(2):
        world.later(draw.seconds(60.0, 1.0), lambda: world.people.type(who, "followup done F1"))


def reaction(world: World, draw: Stream) -> None:
    user = draw.among((*TEAM, *TEAM, *NOBODYS))
    emoji = draw.among((YES, YES, f"{YES}::skin-tone-3", NO, "eyes"))
    which = draw.weighted((4, 1, 1))
    if which == 0:
        messages = world.people.asking()
    else:
        prefix = "approval:" if which == 1 else "card:"
        messages = [m for m in world.slack.messages.values() if m.key.startswith(prefix) and not m.deleted]
        messages = [m for m in messages if not m.key.endswith(":diff")]
    if messages:
        world.people.react(user, draw.among(messages), emoji)


def eager(world: World, draw: Stream) -> None:
    """Whoever began it approves it, before anybody else has."""
    for message in world.people.asking():
        world.people.react(world.rules.books.view.initiators[message.key.split(":")[1]], message, YES)


def change_of_mind(world: World, draw: Stream) -> None:
    """Somebody takes back what they said, or both at once."""
    for message in world.people.asking():
        said = [(user, emoji) for user, emoji in message.marks if user in TEAM]
        if said:
            user, emoji = draw.among(said)
            world.people.react(user, message, emoji, added=False)
            if draw.pick(2):
                world.people.react(user, message, NO if emoji == YES else YES)


def leave(world: World, draw: Stream) -> None:
    world.slack.left_at.setdefault(draw.among(TEAM[1:]), world.loop.time())


def delete(world: World, draw: Stream) -> None:
    messages = [m for m in world.slack.messages.values() if m.key.startswith(("card:", "approval:"))]
    if messages:
        draw.among(messages).deleted = True
