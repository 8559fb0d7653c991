"""The whole engine in memory: real core, store twin, fleet twin, scripted metrics and a chat that only records."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.engine.intake import Intake
from bot.engine.observer import Observer
from bot.engine.performers import Performers
from bot.engine.ports.chat import MessageRead, ReactionRead
from bot.engine.ports.errors import Gone
from bot.engine.ports.rendered import Attachment, Outgoing
from bot.engine.rollouts import Rollouts
from bot.engine.speaker import Speaker
from bot.engine.worker import Worker
from bot.fleet.fake import FakeFleet
from bot.rollout.gate import Need, Value, Values
from bot.rollout.model import Person, Rollout
from bot.rollout.plan import ApprovalRule, Condition, FleetPlan, Host, Metric, Plan, Stage, Traffic
from bot.store.memory import MemoryStore
from tests.release.hands import ScriptedHands, a_release

SERVICE = "shop"
LIN = Person("U0LIN", roles=frozenset({"managers"}))
WANG = Person("U0WANG", roles=frozenset({"managers"}))
CHEN = Person("U0CHEN")
BOT = "U0BOT"


def a_plan(**changes: Any) -> Plan:
    rule = ApprovalRule(roles=("managers",))
    gates = (Condition("error_rate < 5%", "error_rate", "<", 5.0),)
    stages = tuple(
        Stage(name, bake=10, max_bake=60, gates=gates, approval=rule, weight=weight, min_samples=10, min_readings=2)
        for name, weight in (("10%", 10.0), ("100%", 100.0))
    )
    values: dict[str, Any] = {
        "service": SERVICE,
        "title": "Shop",
        "channel": "releases",
        "traffic": Traffic("sticky", ("10.0.0.1:80",), ("10.0.0.2:80",), "1.0.0"),
        "fleet": FleetPlan("local", (Host("lb-1"), Host("lb-2"))),
        "metrics": (
            Metric("error_rate", "percent", "E{$pool}[$window]", samples="requests"),
            Metric("requests", "count", "R{$pool}[$window]"),
        ),
        "stages": stages,
        "triggers": (Condition("error_rate > 10%", "error_rate", ">", 10.0, hold_for=2.0, window=5.0),),
        "interval": 1.0,
        "watch": 5.0,
        "blind_warning": 3.0,
        "source": "plan one",
    }
    return Plan(**(values | changes))


@dataclass
class ScriptedMetrics:
    """One value a metric name; an exception's text makes everything blind."""

    values: dict[str, float | None] = field(default_factory=lambda: {"error_rate": 0.0, "requests": 1000.0})
    error: str = ""
    asked: int = 0
    before: Callable[[], Any] | None = None

    async def measure(self, needs: Sequence[Need]) -> Values:
        self.asked += 1
        if self.before:
            await self.before()
        return {n: Value(None, self.error) if self.error else Value(self.values.get(n.metric)) for n in needs}


@dataclass
class RecordingChat:
    """Messages by ts. fail: raised by the next calls, one each."""

    user_id: str = BOT
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    whispers: list[tuple[str, str]] = field(default_factory=list)
    marks: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    fail: list[Exception] = field(default_factory=list)
    updates: int = 0
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    _ts: Any = field(default_factory=lambda: itertools.count(1))

    def _maybe_fail(self) -> None:
        if self.fail:
            raise self.fail.pop(0)

    async def post(
        self, key: str, channel: str, message: Outgoing, thread_ts: str = "", broadcast: bool = False
    ) -> tuple[str, str]:
        self._maybe_fail()
        ts = f"{next(self._ts)}.0"
        self.messages[ts] = {"key": key, "text": message.text, "thread": thread_ts, "broadcast": broadcast}
        return "C1", ts

    async def find(self, key: str, channel: str, thread_ts: str = "") -> tuple[str, str] | None:
        return next((("C1", ts) for ts, m in self.messages.items() if m["key"] == key), None)

    async def update(self, channel: str, ts: str, message: Outgoing) -> None:
        self._maybe_fail()
        if ts not in self.messages:
            raise Gone("gone")
        self.updates += 1
        self.messages[ts]["text"] = message.text

    async def whisper(self, channel: str, user: str, message: Outgoing, thread_ts: str = "") -> None:
        self.whispers.append((user, message.text))

    async def seed(self, channel: str, ts: str, emoji: Sequence[str]) -> None:
        self.marks.setdefault(ts, set()).update((BOT, e) for e in emoji)

    async def reactions(self, channel: str, ts: str) -> tuple[ReactionRead, ...]:
        if ts not in self.messages:
            raise Gone("message_not_found")
        return tuple(ReactionRead(u, e) for u, e in sorted(self.marks.get(ts, set())))

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
        self.files[key] = {file.name: file.data for file in files}
        return tuple(f"F{n}" for n, _ in enumerate(files))

    async def read(self, channel: str, ts: str) -> MessageRead | None:
        known = self.messages.get(ts)
        return MessageRead(BOT, known["text"], known["thread"], True) if known else None

    def by_key(self, prefix: str) -> list[dict[str, Any]]:
        return [m | {"ts": ts} for ts, m in self.messages.items() if m["key"].startswith(prefix)]


class PlainWords:
    """Rendering that only names what it was asked to render."""

    def __getattr__(self, name: str) -> Any:
        def render(*args: Any) -> Any:
            first = args[0]
            if name == "card":
                first = f"{first.status} {first.stage} {args[2] and args[2].baked}"
            if name == "approval":
                first = f"{first.approval}"
            if name == "report_as_text":
                return (Outgoing(f"{name}: {first}"),)
            plain = name in ("report_line", "chart_line")
            return f"{first.code}" if name == "refusal" else name if plain else Outgoing(f"{name}: {first}")

        return render


class KnownPeople:
    def __init__(self) -> None:
        self.people = {p.user: p for p in (LIN, WANG, CHEN)}

    async def person(self, user: str, fresh: bool = False) -> Person:
        return self.people.get(user, Person(user, known=user == BOT, bot=user == BOT))


class Rig:
    """A bot without its edges. `work()` performs everything that is due, as the worker would."""

    def __init__(self, plan: Plan) -> None:
        self.now = 1_000_000.0
        self.plan = plan
        self.store = MemoryStore()
        self.fleet = FakeFleet(plan.fleet.hosts)
        self.metrics = ScriptedMetrics()
        self.chat = RecordingChat()
        self.people = KnownPeople()
        self.hands = ScriptedHands()
        self.build()

    def build(self) -> None:
        """As a new process would: everything anew but the store and the world."""
        plans, fleets = {SERVICE: self.plan}, {SERVICE: self.fleet}
        self.rollouts = Rollouts(self.store, plans, fleets, bot_user=lambda: BOT, clock=lambda: self.now)
        words: Any = PlainWords()
        self.speaker = speaker = Speaker(self.rollouts, self.store, self.chat, self.people, words)
        release = a_release(self.rollouts, self.store, fleets, self.chat, speaker, words, self.hands)
        self.observer = Observer(self.rollouts, self.store, self.metrics, fleets, lambda: self.now)
        self.performers = Performers(self.rollouts, fleets, speaker, self.observer, release)
        self.worker = Worker(self.store, self.performers.perform, lambda: self.now, "me")
        self.intake = Intake(self.rollouts, self.store)

    async def work(self) -> None:
        while claimed := await self.store.claim("me", self.now, 15.0, 16):
            for one in claimed:
                await self.worker._run(one)

    async def tick(self, seconds: float = 1.0) -> None:
        self.now += seconds
        await self.observer.evaluate(SERVICE)
        await self.observer.tick(SERVICE)
        await self.work()

    async def rollout(self) -> Rollout:
        found = (await self.rollouts.state(SERVICE)).rollout
        assert found is not None
        return found

    async def start(self, version: str = "2.0.0") -> Rollout:
        submitted = await self.rollouts.start(SERVICE, version, LIN, "", None)
        assert submitted.refusal is None
        await self.work()
        return await self.rollout()

    async def react(self, user: str, emoji: str = "white_check_mark") -> None:
        rollout = await self.rollout()
        approval = rollout.approval
        assert approval is not None
        ref = await self.store.message(f"approval:{rollout.id}:{approval.stage}:{approval.attempt}")
        assert ref is not None
        self.chat.marks.setdefault(ref.ts, set()).add((user, emoji))
        event = f"Ev{user}{emoji}{self.now}{len(self.chat.whispers)}"
        await self.intake.reaction(event, rollout.id, approval.stage, approval.attempt, user, emoji, True)
        await self.work()

    def shares(self) -> set[float]:
        served = [self.fleet.served(h.name, SERVICE) for h in self.plan.fleet.hosts]
        return {-1.0 if s is None else {"stable": 0.0, "canary": 100.0}.get(s.mode, s.weight) for s in served}


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    yield Rig(a_plan())


async def baked(rig: Rig, seconds: int = 12) -> None:
    for _ in range(seconds):
        await rig.tick()
