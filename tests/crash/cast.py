"""People who do not give up: they look where it stands, act, and act again when nothing came of it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bot.alerts.model import STREAM, AlertsState
from bot.engine import replay
from bot.engine.ports.errors import Retryable
from bot.engine.ports.records import Claimed
from bot.rollout.events import Event
from bot.rollout.model import Approval, Rollout
from bot.sandbox.crash.ledger import Ledger
from bot.sandbox.demo.people import Witness, message_key
from bot.sandbox.demo.stand import CHANNEL, SERVICE
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.models import Message
from bot.sandbox.slack.person import Outcome
from bot.sandbox.slack.workspace import texts_of
from tests.scenarios.kit import APPROVE, ShortStand

PATIENCE = 300.0  # seconds for one step; a machine that is slow and kills at fifty points in it may need them
ALERTS_TOKEN = "whoever-has-it-may-post"
AGAIN = 2.0  # seconds until somebody who was heard, and to whom nothing happened, acts once more


@dataclass(frozen=True)
class Look:
    """Where it stands."""

    rollout: Rollout | None
    events: tuple[Event, ...]
    waiting: tuple[Claimed, ...]
    given_up: tuple[str, ...]  # kinds of effects that failed for good
    alerts: AlertsState

    @property
    def approval(self) -> Approval | None:
        return self.rollout.approval if self.rollout else None

    def has(self, kind: type[Event]) -> bool:
        return any(isinstance(event, kind) for event in self.events)


Done = Callable[[Look], bool]
Act = Callable[[], Awaitable[Outcome | None]]


class CrashStand(ShortStand):
    """A stand whose bot is killed at the points that its ledger has armed."""

    bot_ready_within = PATIENCE

    def __init__(self, root: Path, change: Callable[[Any, Path], None], database_url: str = "") -> None:
        """change: of the plan, given it and the root. database_url: of an empty database; "" = a file."""
        super().__init__(root, "http", lambda plan: change(plan, root))
        self._database_url = database_url
        folder = root / "ledger"
        folder.mkdir(parents=True)
        self.ledger = Ledger(folder)
        self.bot_command = (sys.executable, "-m", "bot.sandbox.crash", str(folder))

    @property
    def database_url(self) -> str:
        return self._database_url or super().database_url

    def bot_env(self, http_port: int) -> dict[str, str]:
        return super().bot_env(http_port) | {"ALERTS_TOKEN": ALERTS_TOKEN}


class Cast:
    def __init__(self, stand: ShortStand) -> None:
        self.stand = stand
        self.log = stand.workspace.log
        self.witness = Witness(stand)

    async def look(self) -> Look:
        store: Any = await self.witness.reader()  # what was given up is no matter of the port's
        events = tuple(event for _, event in await self.witness.events())
        given_up = tuple(type(claimed.effect).__name__ for claimed, _ in await store.failed())
        alerts = replay.alerting(await store.load(STREAM))
        return Look(await self.witness.rollout(), events, await store.pending(), given_up, alerts)

    async def until(self, what: str, done: Done, act: Act | None = None) -> None:
        """Until it is done; whoever acts does so again when the bot did not take it, or took it and nothing came of it.

        Raises TimeoutError saying what was waited for and what was there.
        """
        loop = asyncio.get_running_loop()
        deadline, next_act = loop.time() + PATIENCE, 0.0
        while True:
            cursor, look = self.log.cursor, None
            with contextlib.suppress(Retryable):  # the database is away for a moment
                look = await self.look()
            if look and done(look):
                return
            now = loop.time()
            if now > deadline:
                raise TimeoutError(
                    f"waited {PATIENCE:g} s for {what}; there is {look.rollout if look else 'no database'}"
                )
            if act and now >= next_act:
                next_act = loop.time() + (AGAIN if await _taken(act) else 0.1)
            else:
                await self.log.more(cursor, 0.1)

    async def settled(self) -> None:
        """Until nothing more will be done about what has happened."""
        await self.until("the outbox to be empty", lambda look: not look.waiting)

    def type(self, who: str, line: str) -> Act:
        async def act() -> Outcome:
            return await self.stand.slack.person(who).command(line, CHANNEL, wait=0)

        return act

    def unsilence(self, who: str) -> Act:
        """Ends the first there is."""

        async def act() -> Outcome | None:
            silences = list((await self.look()).alerts.silences)
            return await self.type(who, f"/rollout unsilence {silences[0]}")() if silences else None

        return act

    def post_alert(self, name: str, status: str, began: str) -> Act:
        """As Alertmanager would: the same again until it is taken. began: ISO, with its zone."""
        labels = {"alertname": name, "service": SERVICE, "severity": "critical"}
        alert = {"status": status, "labels": labels, "annotations": {"summary": name}, "startsAt": began}
        url = f"http://127.0.0.1:{self.stand.http_port}/alerts"
        headers = {"Authorization": f"Bearer {ALERTS_TOKEN}"}

        async def act() -> None:
            try:
                async with aiohttp.request(
                    "POST", url, json={"version": "4", "alerts": [alert]}, headers=headers
                ) as answer:
                    answer.raise_for_status()
            except aiohttp.ClientError as error:
                raise LookupError("nobody took it") from error

        return act

    def react(self, who: str, attempt: int, emoji: str = APPROVE, *, anew: bool = False) -> Act:
        """On the asking of that attempt. A reaction stays, whatever happens to the bot; anew: taken off and put on."""
        person = self.stand.slack.person(who)

        async def act() -> None:
            asking = self.asking(attempt)
            there = person.id in asking.reactions.get(emoji, [])
            if there and anew:
                await person.unreact(CHANNEL, asking.ts, emoji)
            if not there or anew:
                await person.react(CHANNEL, asking.ts, emoji)

        return act

    def react_to(self, who: str, kind: str, emoji: str = APPROVE) -> Act:
        """On the last message whose key begins so."""
        person = self.stand.slack.person(who)

        async def act() -> None:
            found = [m for m in self.messages() if key_of(m).startswith(kind)]
            if not found:
                raise LookupError(f"there is no {kind} yet")
            if person.id not in found[-1].reactions.get(emoji, []):
                await person.react(CHANNEL, found[-1].ts, emoji)

        return act

    def asking(self, attempt: int) -> Message:
        """Raises LookupError while it is not there."""
        found = [m for m in self.messages() if _is_asking(message_key(m), attempt)]
        if not found:
            raise LookupError(f"attempt {attempt} is not asked yet")
        return found[-1]

    def messages(self) -> list[Message]:
        return [m for m in self.stand.workspace.messages(CHANNEL) if key_of(m)]

    def card(self) -> str:
        """What the card says."""
        cards = [m for m in self.messages() if key_of(m).startswith("card:")]
        return " ".join(texts_of(cards[-1].blocks)) if cards else ""

    def whispered(self, who: str) -> bool:
        user = self.stand.slack.person(who).id
        return any(e["kind"] == "message.ephemeral" and e["user"] == user for e in self.log.since(0))

    async def start(self, version: str) -> None:
        line = f'/rollout start {SERVICE} "{version}"'
        await self.until("the start", lambda look: look.rollout is not None, self.type("lin", line))

    async def asked(self, attempt: int) -> None:
        """Until it is asked, its emoji are under it, and nothing is left to be done about it."""
        await self.until(f"attempt {attempt}", lambda look: bool((a := look.approval) and a.attempt == attempt))
        await self.settled()
        self.asking(attempt)

    async def close(self) -> None:
        await self.witness.close()


def key_of(message: Message) -> str:
    """A shared file has no metadata: the bot's key is its block's id there."""
    shared = (str(block.get("block_id", "")) for block in message.blocks) if message.files else ()
    return message_key(message) or next(iter(shared), "")


def _is_asking(key: str, attempt: int) -> bool:
    return key.startswith("approval:") and key.endswith(f":{attempt}")


async def _taken(act: Act) -> bool:
    """Whether the act was heard. One that the bot's death cut off was not."""
    try:
        outcome: Any = await act()
    except (LookupError, SlackError):
        return False
    return outcome is None or outcome.ok
