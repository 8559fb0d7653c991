"""What goes wrong, and when: drawn at the start of a run, so that shrinking can take each away on its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.alerts.intents import Acknowledge
from bot.rollout.model import Person
from tests.simulation import whims
from tests.simulation.alarms import RULES
from tests.simulation.choices import Stream
from tests.simulation.plans import SERVICE, change
from tests.simulation.prometheus import EVERY
from tests.simulation.slack import TEAM

if TYPE_CHECKING:
    from tests.simulation.hosts import SimHost
    from tests.simulation.replica import Replica
    from tests.simulation.world import World

Act = Callable[["World", Stream], None]


def nothing(world: World, draw: Stream) -> None:
    """The harmless choice."""


def _to_a_replica(act: Callable[[World, Stream, Replica], None]) -> Act:
    def on_one(world: World, draw: Stream) -> None:
        running = world.running
        if running:
            act(world, draw, draw.among(running))

    return on_one


@_to_a_replica
def crash(world: World, draw: Stream, replica: Replica) -> None:
    world.crash(replica, back_after=draw.among((0.0, 0.0, 3.0, 40.0)))


@_to_a_replica
def stop(world: World, draw: Stream, replica: Replica) -> None:
    if not replica.frozen:
        world.replace(replica, back_after=draw.among((0.0, 20.0)))


@_to_a_replica
def another_plan(world: World, draw: Stream, replica: Replica) -> None:
    world.plan = change(world.plan, draw, len(world.plans) + 1)
    world.crash(replica, back_after=draw.among((0.0, 5.0)))


@_to_a_replica
def freeze(world: World, draw: Stream, replica: Replica) -> None:
    world.freeze(replica, draw.among((2.0, 20.0, 60.0)))


def freeze_in_a_shift(world: World, draw: Stream, looks: int = 200) -> None:
    """Whoever acts is frozen between two hosts, and another goes on with the same order."""
    if world.rules.books.view.status == "shifting" or not looks:
        for replica in world.running:
            if replica.leads.epoch(SERVICE) is not None:
                world.freeze(replica, draw.among((15.0, 20.0, 30.0)))
    else:
        world.later(0.5, lambda: freeze_in_a_shift(world, draw, looks - 1))


WELL: dict[str, object] = {"reachable": True, "tests_well": True, "reloads": True, "slow": 0.0}


def a_host(world: World, draw: Stream) -> SimHost:
    return draw.among(tuple(world.hosts.values()))


def _for_a_while(attribute: str, value: object) -> Act:
    def act(world: World, draw: Stream) -> None:
        host = a_host(world, draw)
        world.trouble(host)
        setattr(host, attribute, value)

        def over() -> None:
            world.trouble(host)
            setattr(host, attribute, WELL[attribute])  # and not as it was: two troubles may overlap

        world.later(draw.seconds(120.0, 5.0), over)

    return act


def stop_nginx(world: World, draw: Stream, host: SimHost | None = None) -> None:
    host = host or a_host(world, draw)
    world.trouble(host)
    host.stop_nginx()

    def start() -> None:
        world.trouble(host)
        if not host.running:
            host.running = True
            host.serve(host.file)

    world.later(draw.seconds(120.0, 5.0), start)


def reboot(world: World, draw: Stream) -> None:
    host = a_host(world, draw)
    world.trouble(host)
    host.reboot()


def lossy(world: World, draw: Stream) -> None:
    host = a_host(world, draw)
    world.trouble(host)
    host.lossy = 1 + draw.pick(4)


def edit(world: World, draw: Stream) -> None:
    host = a_host(world, draw)
    if host.edit_by_hand(draw.among(("lower", "lower", "comment", "higher", "delete", "newer"))):
        world.trouble(host)
        world.count("fault:edited")
        world.say("somebody edits {}: {}", host.name, host.edit)
        then = draw.among((None, None, None, undo, stop_nginx))
        if then:
            world.later(draw.seconds(90.0, 10.0), lambda: then(world, draw, host))


def undo(world: World, draw: Stream, host: SimHost) -> None:
    """Whoever changed something by hand takes it back."""
    if host.undo_by_hand():
        world.trouble(host)
        world.count("fault:edit undone")


def mood(world: World, draw: Stream) -> None:
    world.set_mood(draw.among(EVERY))
    world.count("mood:" + world.mood)

    def over() -> None:
        world.set_mood("good")

    world.later(draw.seconds(150.0, 10.0), over)


def _slack(attribute: str) -> Act:
    def act(world: World, draw: Stream) -> None:
        setattr(world.slack, attribute, True)
        world.later(draw.seconds(60.0, 2.0), lambda: setattr(world.slack, attribute, False))

    return act


def _store(attribute: str, value: object, most: float) -> Act:
    """Of one replica: the others may reach the database well."""

    @_to_a_replica
    def act(world: World, draw: Stream, replica: Replica) -> None:
        setattr(replica.store, attribute, value)
        world.trouble()

        def over() -> None:
            setattr(replica.store, attribute, type(value)())
            world.trouble()

        world.later(draw.seconds(most, 0.5), over)

    return act


def alarm(world: World, draw: Stream) -> None:
    """Something is wrong with the service, which a rule sees."""
    name = draw.among((RULES[0], *RULES)).name
    world.raised_alarms.add(name)
    world.later(draw.seconds(300.0, 20.0), lambda: world.raised_alarms.discard(name))


def hoarse(world: World, draw: Stream) -> None:
    kind = draw.among(("mail", "sms"))
    world.hoarse[kind] = draw.among(((3, 1, 1), (1, 8, 1)))
    world.later(draw.seconds(300.0, 5.0), lambda: world.hoarse.pop(kind, None))


@_to_a_replica
def acknowledge(world: World, draw: Stream, replica: Replica) -> None:
    if replica.alerts and world.alerts.groups:
        parts, key = replica.alerts, draw.among(world.alerts.groups)

        async def handle(_: Replica) -> None:
            await parts.alerting.submit(Acknowledge(Person(TEAM[1]), key))

        replica.run(handle, "")


# (name, act, weight)
ACTS: tuple[tuple[str, Act, int], ...] = (
    ("nothing", nothing, 2),
    ("crash", crash, 10),
    ("stop", stop, 2),
    ("freeze", freeze, 3),
    ("freeze in a shift", freeze_in_a_shift, 2),
    ("another plan", another_plan, 3),
    ("unreachable", _for_a_while("reachable", False), 4),
    ("nginx -t fails", _for_a_while("tests_well", False), 3),
    ("reload ignored", _for_a_while("reloads", False), 3),
    ("slow", _for_a_while("slow", 8.0), 3),
    ("nginx stopped", stop_nginx, 2),
    ("reboot", reboot, 2),
    ("lossy", lossy, 4),
    ("edit", edit, 6),
    ("mood", mood, 9),
    ("slack away", _slack("away"), 2),
    ("slack flaky", _slack("flaky"), 3),
    ("directory away", _slack("directory_away"), 2),
    ("store flaky", _store("flaky", True, 15.0), 3),
    ("store away", _store("away", True, 40.0), 2),
    ("store slow", _store("slow", 2.0, 30.0), 2),
    ("alarm", alarm, 16),
    ("hoarse", hoarse, 4),
    ("acknowledge", acknowledge, 3),
    ("command", whims.command, 14),
    ("in a pause", whims.in_a_pause, 4),
    ("gradual", whims.gradual, 2),
    ("reaction", whims.reaction, 8),
    ("eager", whims.eager, 4),
    ("change of mind", whims.change_of_mind, 3),
    ("leave", whims.leave, 1),
    ("delete", whims.delete, 1),
)
WEIGHTS = [weight for _, _, weight in ACTS]
MOST = 9
HORIZON = 350.0  # seconds in which everything has begun


def schedule(world: World) -> None:
    """Each disturbance has a stream of its own: what one draws does not change another."""
    for index in range(world.choices.stream("plan").pick(MOST + 1)):
        draw = world.choices.stream(f"trouble{index}")
        name, act, _ = ACTS[draw.weighted(WEIGHTS)]
        if draw.pick(3) == 0:
            delay = draw.seconds(HORIZON)
            world.later(delay, lambda name=name, act=act, draw=draw: happen(world, name, act, draw))
        else:
            number, steps = draw.pick(30), draw.pick(60) if draw.pick(2) else draw.pick(400)
            world.after_commit(number, steps, lambda name=name, act=act, draw=draw: happen(world, name, act, draw))

    if world.plan.runbook.report:
        left = world.choices.stream("left to do")
        world.later(left.seconds(HORIZON), lambda: whims.follow_up(world, left))


def happen(world: World, name: str, act: Act, draw: Stream) -> None:
    if world.stormy and act is not nothing:
        world.count("happened:" + name)
        world.say("*** {}", name)
        act(world, draw)
