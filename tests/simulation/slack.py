"""A Slack workspace of values: messages, reactions and people, and the ports of the engine upon it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from bot.engine.ports.chat import MessageRead, ReactionRead
from bot.engine.ports.errors import Gone, Retryable
from bot.engine.ports.rendered import Attachment, Notice, Outgoing
from bot.rollout.model import Person

if TYPE_CHECKING:
    from tests.simulation.replica import Replica
    from tests.simulation.world import World

T = TypeVar("T")
BOT = "UBOT"
CHANNEL = "C1"
YES, NO = "white_check_mark", "x"
TEAM = ("UINI", "UANN", "UBEN")  # who may speak; the first one starts
PEOPLE = {
    p.user: p
    for p in (
        *(Person(user, roles=frozenset({"rm"})) for user in TEAM),
        Person("UEVE", roles=frozenset({"designer"})),
        Person("USTR"),
        Person("UROB", bot=True, roles=frozenset({"rm"})),
        Person("UGUE", guest=True, roles=frozenset({"rm"})),
        Person("ULEF", deactivated=True, roles=frozenset({"rm"})),
        Person("UPAR", external=True, roles=frozenset({"rm"})),
        Person(BOT, bot=True, roles=frozenset({"rm"})),
    )
}
NOBODYS = ("UEVE", "USTR", "UROB", "UGUE", "ULEF", "UPAR")  # whose word counts for nothing


@dataclass
class Message:
    ts: str
    key: str
    text: str
    thread: str
    deleted: bool = False
    marks: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Workspace:
    messages: dict[str, Message] = field(default_factory=dict)
    whispers: list[tuple[str, str]] = field(default_factory=list)
    away: bool = False
    flaky: bool = False
    directory_away: bool = False
    ghosts: set[str] = field(default_factory=set)  # keys of which a replica spoke that was frozen in mid-call
    unknown: dict[str, float] = field(default_factory=dict)  # when each was last asked for in vain
    left_at: dict[str, float] = field(default_factory=dict)  # deactivated in the middle of it

    def of(self, key: str) -> list[Message]:
        return [m for m in self.messages.values() if m.key == key and not m.deleted]

    def person(self, user: str) -> Person:
        person = PEOPLE.get(user, Person(user, known=False))
        return Person(user, deactivated=True, roles=person.roles) if user in self.left_at else person


class SimChat:
    """bot.engine.ports.chat.Chat of one replica: every call may be slow, refused, or done with its answer lost."""

    user_id = BOT

    def __init__(self, world: World, replica: Replica) -> None:
        self._world = world
        self._replica = replica
        self._slack = world.slack

    async def post(
        self, key: str, channel: str, message: Outgoing, thread_ts: str = "", broadcast: bool = False
    ) -> tuple[str, str]:
        def act() -> tuple[str, str]:
            if thread_ts and self._slack.messages[thread_ts].deleted:
                raise Gone("thread_not_found")
            self._world.stamps += 1
            ts = f"{self._world.stamps}.0"
            self._slack.messages[ts] = Message(ts, key, message.text, thread_ts)
            self._world.say("slack: posted {} as {}: {}", key, ts, message.text)
            self._world.rules.posted(key)
            return CHANNEL, ts

        return await self._call(act, key)

    async def find(self, key: str, channel: str, thread_ts: str = "") -> tuple[str, str] | None:
        def act() -> tuple[str, str] | None:
            found = [m for m in self._slack.of(key) if m.thread == thread_ts]
            return (CHANNEL, found[0].ts) if found else None

        return await self._call(act)

    async def update(self, channel: str, ts: str, message: Outgoing) -> None:
        def act() -> None:
            known = self._slack.messages.get(ts)
            if known is None or known.deleted:
                raise Gone("message_not_found")
            known.text = message.text

        await self._call(act, self._slack.messages[ts].key)

    async def whisper(self, channel: str, user: str, message: Outgoing, thread_ts: str = "") -> None:
        await self._call(lambda: self._slack.whispers.append((user, message.text)))

    async def seed(self, channel: str, ts: str, emoji: Sequence[str]) -> None:
        def act() -> None:
            marks = self._slack.messages[ts].marks
            marks.extend((BOT, e) for e in emoji if (BOT, e) not in marks)

        await self._call(act)

    async def reactions(self, channel: str, ts: str) -> tuple[ReactionRead, ...]:
        def act() -> tuple[ReactionRead, ...]:
            known = self._slack.messages[ts]
            if known.deleted:
                raise Gone("message_not_found")
            self._world.rules.reactions_read(known)
            return tuple(ReactionRead(user, emoji) for user, emoji in known.marks)

        return await self._call(act)

    async def permalink(self, channel: str, ts: str) -> str:
        return f"https://example.invalid/{ts}"

    async def upload(
        self,
        key: str,
        channel: str,
        thread_ts: str,
        files: Sequence[Attachment],
        text: str,
        instead: Sequence[Outgoing] = (),
    ) -> tuple[str, ...]:
        await self.post(key, channel, Outgoing(text), thread_ts)
        return tuple(f"F{n}" for n, _ in enumerate(files))

    async def read(self, channel: str, ts: str) -> MessageRead | None:
        return None  # nobody talks in these threads

    async def _call(self, act: Callable[[], T], key: str = "") -> T:
        """key: of the message that is changed. What a replica had begun to say when it was frozen, nobody can fence."""
        world, net, thaws = self._world, self._world.net, self._replica.thaws
        await asyncio.sleep(net.among((0.05, 0.05, 0.05, 0.5)))
        fate = net.weighted((4, 1, 1, 1)) if self._slack.flaky else 0
        if self._slack.away or fate == 1:
            world.count("fault:slack away" if self._slack.away else "fault:slack refuses")
            raise Retryable("simulated outage", net.among((None, None, 1.0, 30.0)))
        done = act()
        if key and thaws != self._replica.thaws:
            world.count("fault:late words")
            self._slack.ghosts.add(key)
        if fate == 2:
            world.count("fault:slack answer lost")
            raise Retryable("simulated: the answer was lost")
        await asyncio.sleep(net.among((0.05, 4.0)) if fate == 3 else 0.01)
        return done


class SimDirectory:
    """bot.engine.ports.chat.Directory: without a cache, so that the judge knows what was answered."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def person(self, user: str, fresh: bool = False) -> Person:
        await asyncio.sleep(0.02)
        slack = self._world.slack
        if slack.away or slack.directory_away:
            self._world.count("fault:directory away")
            slack.unknown[user] = self._world.loop.time()
            return Person(user, known=False)
        return slack.person(user)


class SimWords:
    """Rendering that says what it was asked to render, and no more."""

    def __init__(self, world: World) -> None:
        self._world = world

    def card(self, rollout: Any, plan: Any, board: Any, now: float, alerts: Any = ()) -> Outgoing:
        drift = ",".join(d.host for d in rollout.drift)
        return Outgoing(f"{rollout.status.value} {rollout.stage} {rollout.hold or ''} {rollout.paused_by} {drift}")

    def approval(self, rollout: Any, plan: Any, stage: str, attempt: int, now: float, board: Any) -> Outgoing:
        asked = rollout.approval
        current = asked and (asked.stage, asked.attempt) == (stage, attempt)
        return Outgoing(f"{stage} {attempt} {asked.decided or ','.join(asked.approvers) if current else 'over'}")

    def tell(self, event: Any, rollout: Any, plan: Any) -> Outgoing:
        return Outgoing(type(event).__name__)

    def whisper(self, code: str, rollout: Any, plan: Any, stage: str) -> Outgoing:
        return Outgoing(code)

    def alert_notice(self, group: Any, alerts: Any, why: str, live: Any, now: float) -> Notice:
        return Notice(why, group.key, "", group.key)

    def refusal(self, refusal: Any, rollout: Any, plan: Any) -> str:
        self._world.count("refusal:" + refusal.code)
        return str(refusal.code)

    def report_line(self, rollout: Any, edition: int) -> str:
        return f"report {edition}"

    def report_as_text(self, rollout: Any, markdown: str) -> tuple[Outgoing, ...]:
        return (Outgoing(markdown),)

    def chart_line(self, rollout: Any, stage: str) -> str:
        return f"chart of {stage}"

    def __getattr__(self, name: str) -> Callable[..., Outgoing]:
        return lambda *args, **facts: Outgoing(f"{name} {args[0] if args and isinstance(args[0], str) else ''}")
