"""The bot's parts with crash points around what they do. Each behaves as what it taps, until the process is gone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from bot.alerts.intents import AlertIntent
from bot.engine.alerting import Alerting
from bot.engine.performers import Performers
from bot.engine.ports.chat import Chat
from bot.engine.ports.records import Claimed, Commit
from bot.engine.ports.store import Store
from bot.engine.rollouts import Rollouts
from bot.engine.submitted import Alerted, Submitted
from bot.fleet.nginx import file_name
from bot.fleet.transport import RunResult, Transport
from bot.fleet.verbs import HostVerbs
from bot.rollout.effects import DoWork
from bot.rollout.intents import Intent
from bot.rollout.plan import Host
from bot.sandbox.crash.ledger import Points
from bot.sandbox.crash.names import RECORD, SWAPPING, acts, around, of_effect

submitted: ContextVar[str] = ContextVar("submitted")  # what is being committed
effect: ContextVar[str] = ContextVar("effect", default="listener")  # what is being performed
LOOK_EVERY = 0.001  # seconds between looks at the file a host program is about to swap
ENDS = ("finish", "retry", "fail")  # of an effect, beside the commit of its outcome
VERB = 6  # its place among the host program's arguments


class TappedRollouts(Rollouts):
    """Names the intent, which a commit does not carry."""

    async def submit(self, service: str, intent: Intent, *args: Any, **named: Any) -> Submitted:
        with _being(submitted, type(intent).__name__):
            return await super().submit(service, intent, *args, **named)

    async def start(self, *args: Any, **named: Any) -> Submitted:
        with _being(submitted, "Start"):
            return await super().start(*args, **named)

    async def record(self, *args: Any, **named: Any) -> bool:
        with _being(submitted, RECORD):
            return await super().record(*args, **named)


class TappedAlerting(Alerting):
    """The same of alerts. A commit is written in a task of its own, which has the name from whoever begins it."""

    async def submit(self, intent: AlertIntent, *args: Any, **named: Any) -> Alerted:
        with _being(submitted, type(intent).__name__):
            return await super().submit(intent, *args, **named)


def tapped_performers(points: Points) -> type[Performers]:
    class Tapped(Performers):
        async def perform(self, claimed: Claimed) -> bool:
            kind = type(claimed.effect).__name__
            with _being(effect, kind):
                points.reach(*(of_effect(one)[0] for one in _kinds_of(claimed.effect)))
                return await super().perform(claimed)

    return Tapped


class Tap:
    """An object whose acts have points around them; everything else is the inner one's."""

    def __init__(self, inner: Any, points: Points, protocol: type) -> None:
        self._inner = inner
        self._points = points
        self._acts = frozenset(acts(protocol))

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return self._around(name, found) if name in self._acts else found

    def _around(self, name: str, act: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def tapped(*args: Any, **named: Any) -> Any:
            pairs = [around(point) for point in self._names(name, args)]
            before, after = self._ends(name, args)
            self._points.reach(*before, *(first for first, _ in pairs))
            result = await act(*args, **named)
            self._points.reach(*(last for _, last in pairs), *after)
            return result

        return tapped

    def _ends(self, name: str, args: tuple[Any, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Further names of the instants before and after."""
        return (), ()

    def _names(self, name: str, args: tuple[Any, ...]) -> list[str]:
        """From the general to the particular."""
        raise NotImplementedError


class TappedStore(Tap):
    def __init__(self, inner: Store, points: Points) -> None:
        super().__init__(inner, points, Store)
        self._kinds: dict[int, tuple[str, ...]] = {}

    async def claim(self, *args: Any, **named: Any) -> tuple[Claimed, ...]:
        claimed: tuple[Claimed, ...] = await self._around("claim", self._inner.claim)(*args, **named)
        self._kinds |= {c.id: _kinds_of(c.effect) for c in claimed}
        return claimed

    def _ends(self, name: str, args: tuple[Any, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """An effect is performed when what ends it is about to be written, by itself or with its outcome."""
        ids = args[0].finish if name == "commit" else args[:1] if name in ENDS else ()
        points = [of_effect(kind) for kind in dict.fromkeys(k for id in ids for k in self._kinds.get(id, ()))]
        return tuple(p[1] for p in points), tuple(p[2] for p in points)

    def _names(self, name: str, args: tuple[Any, ...]) -> list[str]:
        if name == "commit":
            commit: Commit = args[0]
            what = f"commit.{submitted.get()}"
            return [what, *(f"{what}.{kind}" for kind in dict.fromkeys(type(e).__name__ for e in commit.events))]
        if name == "put_message":
            return ["store.put_message", f"store.put_message.{_message_kind(args[0].key)}"]
        return [f"store.{name}"]


def _kinds_of(effect: object) -> tuple[str, ...]:
    """A look, a backup and a step are safe to ask for again for different reasons: each has points of its own."""
    name = type(effect).__name__
    return (name, f"{name}.{effect.ref.kind}") if isinstance(effect, DoWork) else (name,)


class TappedChat(Tap):
    def __init__(self, inner: Chat, points: Points) -> None:
        super().__init__(inner, points, Chat)

    def _names(self, name: str, args: tuple[Any, ...]) -> list[str]:
        what = _message_kind(args[0]) if name in ("post", "upload") else effect.get()
        return [f"chat.{name}", f"chat.{name}.{what}"]


def _message_kind(key: str) -> str:
    """card, approval, tell; and what hangs on an asking: approval-open, approval-diff."""
    first, *rest = key.split(":")
    return f"{first}-{rest[-1]}" if rest and rest[-1] in ("open", "diff") else first


class TappedTransport:
    """Counts the hosts of an order: `host.commit.2of3.after` is the second host that answered.

    `host.commit.swapped`: the new file is live and nobody has heard of it. Seen only where the hosts' files are here.
    """

    def __init__(self, inner: Transport, points: Points, hosts: int) -> None:
        self._inner = inner
        self._points = points
        self._hosts = hosts
        self._verbs = frozenset(acts(HostVerbs))
        self._counts: Counter[tuple[str, ...]] = Counter()
        self._sent: set[asyncio.Future[RunResult]] = set()

    async def run(self, host: Host, argv: tuple[str, ...], stdin: bytes, timeout: float) -> RunResult:
        verb = argv[VERB]
        assert verb in self._verbs, f"the verb is no longer argument {VERB} of the host program"
        order = argv[VERB : VERB + 4]
        frozen = self._reach(verb, "before", order)
        asking = asyncio.ensure_future(self._ask(host, argv, stdin, timeout))
        if frozen:
            # It was on its way when the process stood still: nothing that the process learns now calls it back.
            self._sent.add(asking)
            asking.add_done_callback(self._sent.discard)
            result = await asyncio.shield(asking)
        else:
            result = await asking
        self._reach(verb, "after", order)
        return result

    async def _ask(self, host: Host, argv: tuple[str, ...], stdin: bytes, timeout: float) -> RunResult:
        verb = argv[VERB]
        if verb not in SWAPPING:
            return await self._inner.run(host, argv, stdin, timeout)
        async with self._watching(verb, _live_file(host, argv[VERB + 1])):
            result = await self._inner.run(host, argv, stdin, timeout)
        with contextlib.suppress(ValueError):
            self._points.answered(*argv[VERB : VERB + 4], json.loads(result.stdout)["code"])
        return result

    def _reach(self, verb: str, when: str, order: tuple[str, ...]) -> bool:
        which = self._counts[when, *order] % self._hosts + 1
        self._counts[when, *order] += 1
        names = [f"host.{verb}.{when}"]
        if verb != "read":  # a read is of no order, so nothing tells where a round of it begins
            names.append(f"host.{verb}.{which}of{self._hosts}.{when}")
        return self._points.reach(*names)

    @asynccontextmanager
    async def _watching(self, verb: str, file: Path) -> AsyncIterator[None]:
        before = _identity(file)

        def swapped() -> bool:
            return _identity(file) != before

        async def watch() -> None:
            while not swapped():  # noqa: ASYNC110 it is another process that changes it
                await asyncio.sleep(LOOK_EVERY)
            self._points.reach(f"host.{verb}.swapped")

        task = asyncio.create_task(watch(), name=f"watching {file}")
        try:
            yield
            if swapped():  # also where a busy machine let us look only now: nobody has heard of it yet
                self._points.reach(f"host.{verb}.swapped")
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _live_file(host: Host, service: str) -> Path:
    return Path(host.conf_dir) / file_name(service)


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(file)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


@contextlib.contextmanager
def _being(variable: ContextVar[str], what: str) -> Any:
    token = variable.set(what)
    try:
        yield
    finally:
        variable.reset(token)
