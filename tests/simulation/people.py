"""The people: they type commands, react, and when all is well bring the rollout to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from tests.simulation.plans import SERVICE
from tests.simulation.replica import Replica
from tests.simulation.slack import CHANNEL, NO, TEAM, YES, Message
from tests.simulation.works import ITEM

if TYPE_CHECKING:
    from tests.simulation.world import World

INTENTS = {
    "start": "Start",
    "promote": "Promote",
    "rollback": "RollBack",
    "rolback": "RollBack",
    "pause": "Pause",
    "resume": "Resume",
    "retry": "Retry",
    "note": "AddNote",
    "adopt": "AnswerDrift",
    "restore": "AnswerDrift",
    "override": "Override",
    "tick": "TickItem",
    "untick": "TickItem",
    "followup add": "AddFollowUp",
    "followup done": "CloseFollowUp",
}
REDELIVERIES = 4
UNDER_WAY = ("baking", "shifting", "stepping_down", "rolling_back", "watching")
PATIENT = 25  # sensible acts in calm weather before people give up and go back


class People:
    def __init__(self, world: World) -> None:
        self._world = world
        self._draw = world.choices.stream("people")
        self._deliveries = 0
        self._versions = 0
        self.tried = 0
        self.starts = 1 + self._draw.weighted((3, 1))
        self.gave_up = self._asked_again = False

    @property
    def done(self) -> bool:
        return self._versions >= self.starts

    # --- hands

    def type(self, user: str, line: str) -> None:
        """A slash command. Slack never repeats it by itself; a client that lost the answer may."""
        world = self._world
        self._deliveries += 1
        trigger = f"trigger{self._deliveries}"
        verb = line.split()[0]
        verb = " ".join(line.split()[:2]) if verb == "followup" else verb
        if verb in INTENTS:
            world.rules.books.said.add((user, INTENTS[verb]))
        world.count("command:" + verb)
        world.say("{} types {}", user, line)
        body = {"trigger_id": trigger, "user_id": user, "text": line}

        async def handle(replica: Replica) -> None:
            await replica.listeners.command(_nothing, body, _nothing)  # type: ignore[arg-type]

        self._deliver(trigger, handle, times=1 + (world.stormy and world.net.rarely(150)))

    def react(self, user: str, message: Message, emoji: str, added: bool = True) -> None:
        known = (user, emoji) in message.marks
        if known == added:
            return
        if added:
            message.marks.append((user, emoji))
        else:
            message.marks.remove((user, emoji))
        self._deliveries += 1
        event = f"Ev{self._deliveries}"
        world = self._world
        world.say("{} {} {} on {}", user, "puts" if added else "takes back", emoji, message.key)
        kind = "reaction_added" if added else "reaction_removed"
        item = {"type": "message", "channel": CHANNEL, "ts": message.ts}
        body = {"event_id": event, "event": {"type": kind, "user": user, "reaction": emoji, "item": item}}

        async def handle(replica: Replica) -> None:
            await replica.listeners.reaction(body)

        if world.stormy and world.net.rarely(100):
            world.count("fault:event lost")
            return
        self._deliver(event, handle, times=1 + (world.stormy and world.net.rarely(150)), again=True)

    def _deliver(
        self, name: str, handle: Callable[[Replica], Awaitable[None]], times: int = 1, again: bool = False
    ) -> None:
        if times > 1:
            self._world.count("fault:delivered twice")
        for _ in range(times):
            self._world.loop.create_task(self._until_acknowledged(name, handle, again), name=f"delivery of {name}")

    async def _until_acknowledged(self, name: str, handle: Callable[[Replica], Awaitable[None]], again: bool) -> None:
        """again: Slack sends it anew when it was not acknowledged, as it does with events."""
        world = self._world
        for _ in range(REDELIVERIES):
            late = world.stormy and world.net.weighted((8, 2, 1))
            await asyncio.sleep(0.05 if not late else world.net.seconds(3.0 if late == 1 else 40.0))
            replica = world.receiver()
            if replica is not None:
                task = replica.run(handle, name)
                await asyncio.wait({task, replica.gone}, return_when=asyncio.FIRST_COMPLETED)
                if task.done() and not task.exception():
                    return
                if task.done():
                    world.raised(name, task.exception())
            if not again:
                world.count("fault:command lost")
                return
            world.count("fault:event redelivered")
            await asyncio.sleep(10.0)

    # --- heads

    async def willing(self) -> None:
        """Looks now and then, and does what is sensible."""
        while True:
            stormy = self._world.stormy
            await asyncio.sleep(self._draw.seconds(20.0, 4.0) if stormy else 6.0)
            if not (stormy and self._draw.rarely(200)):
                self.act()

    def act(self) -> None:
        view = self._world.rules.books.view
        initiator, *others = (user for user in TEAM if user not in self._world.slack.left_at)
        other = others[0] if others else initiator
        if not view.active and view.report > view.signed:
            self._sign(*others)
        if not view.active:
            if self._versions < self.starts:
                self._versions += 1
                self.type(initiator, f"start {SERVICE} 2.0.{self._versions} a reason")
            elif view.status == "completed" and not self._asked_again and self._draw.pick(8) == 7:
                self._asked_again = True
                self.type(initiator, f"start {SERVICE} 2.0.{self._versions} it is there already")
            return
        stuck = view.status not in UNDER_WAY or bool(view.drift)  # of a plan that changed no share is restored
        self.tried += stuck and not self._world.stormy
        if self.tried > PATIENT and not self.gave_up:
            self.gave_up = True
            self._world.count("gave up:" + view.status + " " + view.hold)
        if self.gave_up:
            self.type(other, "rollback it goes on for too long")
        elif view.paused:
            self.type(other, "resume")
        elif view.drift:
            answer = ("restore", "adopt", "rollback")[self.tried // 4 % 3]
            self.type(other, "promote" if self._draw.pick(5) == 4 else answer)
        elif view.status == "preparing" and not view.ticked:
            self.type(other, f"tick {ITEM}")
        elif view.status == "awaiting_approval":
            self._approve(*others)
        elif view.status == "passed":
            self.type(self._draw.among((initiator, other)), "promote")
        elif view.status == "held" and view.hold in ("gates_failed", "not_enough_data") and self._draw.pick(3):
            self.type(other, ("promote --force we must", "rollback gates failed", "promote")[self._draw.pick(3)])
        elif view.hold in ("preparation_failed", "step_failed") and self._draw.pick(2):
            self.type(other, f"override {self._draw.among(('', 'deploy ', 'clean '))}we know of it")
        elif view.status == "held":
            self.type(other, "retry")

    def _approve(self, *people: str) -> None:
        for message in self.asking():
            for user in people:
                self.react(user, message, NO, added=False)
                self.react(user, message, YES)

    def _sign(self, *people: str) -> None:
        view = self._world.rules.books.view
        for message in self._world.slack.of(f"signoff:{view.rollout}:{view.report}"):
            for user in people:
                self.react(user, message, YES)

    def asking(self) -> list[Message]:
        """The message that asks now, as people see it in the channel."""
        asking = self._world.rules.books.view.asking
        if asking is None:
            return []
        return self._world.slack.of(f"approval:{asking.rollout}:{asking.stage}:{asking.attempt}")


async def _nothing(*args: Any, **facts: Any) -> Any:
    """Slack takes the acknowledgement."""
