"""A short plan on a whole stand, and what the scenarios do and look at. Nothing depends on how a sentence reads."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import io
import os
import signal
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Literal, Self

import aiohttp
from ruamel.yaml import YAML

from bot.fleet.nginx import parse_status
from bot.rollout.events import Event
from bot.rollout.model import Rollout, Status
from bot.sandbox.demo.people import Team, Witness, ended, message_key
from bot.sandbox.demo.stand import CHANNEL, SERVICE, Stand
from bot.sandbox.production.world import Scale
from bot.sandbox.slack.models import Message
from bot.sandbox.slack.person import Outcome, Person

Delivery = Literal["socket", "http"]
DELIVERIES: tuple[Delivery, ...] = ("socket", "http")
Change = Callable[[Any], object]
OLD, NEW = "2.0.0", "2.1.0"
FIRST, LAST = "10%", "100%"
APPROVE, VETO = "white_check_mark", "x"


def on_both(scenario: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Coroutine[Any, Any, None]]:
    """A scenario of one `play`, as a test that plays it in Socket Mode and in HTTP mode beside each other.

    Both are waiting most of the time. A failure says in which mode it was.
    """

    @functools.wraps(scenario)
    async def test(plays: tuple[Play, ...], **given: Any) -> None:
        outcomes = await asyncio.gather(*(scenario(play, **given) for play in plays), return_exceptions=True)
        failed = []
        for play, outcome in zip(plays, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                outcome.add_note(f"in {play.stand.delivery} mode; the bot's log: {play.stand.root}/bot.log")
                failed.append(outcome)
        if failed:
            raise failed[0] if len(failed) == 1 else BaseExceptionGroup("in both modes", failed)

    signature = inspect.signature(scenario)
    others = [p for name, p in signature.parameters.items() if name != "play"]
    first = inspect.Parameter("plays", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    test.__signature__ = signature.replace(parameters=[first, *others])  # type: ignore[attr-defined]
    return test


def short_plan(plan: Any, root: Path) -> None:
    """Two stages of a second, judged by a metric that needs no load; every nginx test can be held up by a file."""
    gate = "open_critical_alerts == 0"
    plan["metrics"]["open_critical_alerts"]["query"] = 'max(app_open_critical_alerts{service="$service"})'  # dialled
    plan["stages"] = [
        {"name": name, "weight": weight, "bake": "1s", "max_bake": "60s", "min_readings": 1, "gates": [gate]}
        for name, weight in ((FIRST, 10), (LAST, 100))
    ]
    plan.update(interval="200ms", watch="1s", drift_interval="1s", blind_warning="3s")
    plan["fleet"]["host_deadline"] = "5s"
    for host in plan["fleet"]["hosts"]:
        host["nginx"] = str(_held_up(root, host["name"], host["nginx"]))


def _held_up(root: Path, name: str, nginx: str) -> Path:
    """nginx behind a door: while `hold-<host>` exists, the first to come takes it along and waits for half a minute."""
    script = root / f"nginx-{name}"
    taken = f'if mv "{root}/hold-{name}" "{root}/held-{name}" 2>/dev/null; then sleep 30; fi'
    script.write_text(f'#!/bin/sh\n{taken}\nexec {nginx} "$@"\n')
    script.chmod(0o755)
    return script


def edit_yaml(file: Path, change: Change) -> None:
    yaml = YAML()
    yaml.width = 1000
    yaml.preserve_quotes = True
    data = yaml.load(file.read_text("utf-8"))
    change(data)
    text = io.StringIO()
    yaml.dump(data, text)
    file.write_text(text.getvalue(), "utf-8")


class ShortStand(Stand):
    """The demo's stand with the short plan, `change` made to it. zhao is a release manager by the Slack group alone."""

    bot_command = (sys.executable, "-m", "tests.scenarios.brisk_bot")

    def __init__(self, root: Path, delivery: Delivery, change: Change = lambda _: None) -> None:
        super().__init__(root, canary_version=NEW, scale=Scale(hosts=2, rps=0), delivery=delivery)
        self.delivery = delivery
        self._change = change
        self._adapted = False

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.workspace.timing.ack = 60.0  # what a busy machine needs is no finding about the bot
        self.play = Play(self)
        return self

    @property
    def plan_file(self) -> Path:
        return self.config_dir / "services" / f"{SERVICE}.yaml"

    def adapt(self) -> None:
        """Makes the plan the short one, once."""
        if not self._adapted:
            edit_yaml(self.plan_file, lambda plan: short_plan(plan, self.root))
            edit_yaml(self.plan_file, self._change)
            edit_yaml(self.config_dir / "people.yaml", _zhao_by_group_alone)
            self._adapted = True

    async def start_bot(self) -> None:
        self.adapt()
        await super().start_bot()


def _zhao_by_group_alone(people: Any) -> None:
    people["roles"]["release-managers"]["users"] = ["lin", "wang"]


class Play:
    """One stand and everybody in it. `end()` after each test leaves the old version everywhere and nothing broken."""

    def __init__(self, stand: ShortStand) -> None:
        self.stand = stand
        self.world = stand.world
        self.workspace = stand.workspace
        self.log = stand.workspace.log
        self.faults = stand.workspace.faults
        self.witness = Witness(stand)
        self.team = Team(stand, self.witness)

    def person(self, name: str) -> Person:
        return self.stand.slack.person(name)

    # What people do

    async def type(self, who: str, line: str) -> Outcome:
        return await self.person(who).command(line, CHANNEL)

    async def start(self) -> Rollout:
        """lin starts; returns once the first stage waits for its approval."""
        before = await self.witness.rollout()
        outcome = await self.type("lin", f'/rollout start {SERVICE} "{NEW}"')
        assert outcome.ok, outcome
        old = before.id if before else ""
        return await self.witness.until(lambda r: r.id != old, f"a rollout after {old or 'none'} ({outcome.text})", 60)

    async def asking(self, rollout: Rollout | None = None, timeout: float = 60) -> Message:
        """The message that asks for the approval now open (or last open)."""
        rollout = rollout or await self.now()
        assert rollout.approval
        key = f"approval:{rollout.id}:{rollout.approval.stage}:{rollout.approval.attempt}"
        return await self.posted(key, timeout)

    async def react(self, who: str, emoji: str = APPROVE, message: Message | None = None) -> Message:
        message = message or await self.asking()
        await self.person(who).react(CHANNEL, message.ts, emoji)
        return message

    async def unreact(self, who: str, message: Message, emoji: str = APPROVE) -> None:
        await self.person(who).unreact(CHANNEL, message.ts, emoji)

    async def live(self) -> Rollout:
        """wang approves the stage that asks; returns once its share is on every host."""
        stage = (await self.now()).stage
        await self.react("wang")
        return await self.until(lambda r: r.live_stage == stage and r.status is not Status.SHIFTING, f"{stage} live")

    async def passed(self) -> Rollout:
        return await self.status(Status.PASSED)

    async def through_first(self) -> Rollout:
        """From the start to where the last stage asks."""
        await self.start()
        await self.live()
        await self.passed()
        await self.type("lin", "/rollout promote")
        return await self.until(lambda r: r.stage == LAST and r.status is Status.AWAITING_APPROVAL, "the last asking")

    async def press(self, who: str, rollout: Rollout, verb: str, *, confirmed: bool = False) -> Outcome:
        """Presses a button of the card once it is there."""
        action = f"rollout.{verb}"
        await self.card_with(rollout, action)
        return await self.person(who).click(CHANNEL, self.card(rollout).ts, action, confirmed=confirmed, wait=2.0)

    # What can be seen

    async def now(self) -> Rollout:
        rollout = await self.witness.rollout()
        assert rollout
        return rollout

    async def until(self, wanted: Callable[[Rollout], bool], what: str, timeout: float = 60) -> Rollout:
        return await self.witness.until(wanted, what, timeout)

    async def status(self, *wanted: Status, timeout: float = 60) -> Rollout:
        return await self.until(lambda r: r.status in wanted, " or ".join(wanted), timeout)

    async def events(self, since: int = 0) -> list[Event]:
        return [event for seq, event in await self.witness.events() if seq > since]

    async def seq(self) -> int:
        """Of the last event; `events(since)` are those after it."""
        return max((seq for seq, _ in await self.witness.events()), default=0)

    def whispers(self, who: str, since: int) -> list[dict[str, Any]]:
        """What was said to one person alone after a cursor of the log."""
        user = self.person(who).id
        return [e["message"] for e in self.log.since(since) if e["kind"] == "message.ephemeral" and e["user"] == user]

    async def whispered(self, who: str, since: int, timeout: float = 60) -> dict[str, Any]:
        user = self.person(who).id
        entry = await self.log.wait_for(
            lambda e: e["kind"] == "message.ephemeral" and e["user"] == user, timeout, since
        )
        return dict(entry["message"])

    def card(self, rollout: Rollout) -> Message:
        cards = self.team.cards(rollout)
        assert len(cards) == 1, f"{len(cards)} cards"
        return cards[0]

    async def card_with(self, rollout: Rollout, action: str, timeout: float = 60) -> None:
        await self.workspace_until(lambda: action in _actions(self.card(rollout)), f"{action} on the card", timeout)

    def keyed(self, key: str) -> list[Message]:
        return [m for m in self.workspace.messages(CHANNEL) if message_key(m) == key]

    async def posted(self, key: str, timeout: float = 60) -> Message:
        await self.workspace_until(lambda: bool(self.keyed(key)), key, timeout)
        return self.keyed(key)[-1]

    async def workspace_until(self, true: Callable[[], bool], what: str, timeout: float = 60) -> None:
        """Looks again whenever something happens in the workspace. Raises TimeoutError naming `what`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            cursor = self.log.cursor
            with contextlib.suppress(AssertionError):
                if true():
                    return
            if loop.time() >= deadline:
                raise TimeoutError(f"waited {timeout:g} s for {what}")
            await self.log.more(cursor, 0.5)

    async def settled(self) -> None:
        """Until every effect is done: nothing more will be said about what has happened."""
        waiting = "SELECT count(*) FROM effects WHERE state IN ('pending', 'claimed')"
        with contextlib.closing(sqlite3.connect(f"file:{self.stand.database}?mode=ro", uri=True)) as database:

            async def nothing_waits() -> bool:
                return bool(database.execute(waiting).fetchone() == (0,))

            await self.poll(nothing_waits, "the outbox to be empty")

    async def poll(self, true: Callable[[], Awaitable[bool]], what: str, timeout: float = 60) -> None:
        """For what no event tells of. Raises TimeoutError naming `what`."""
        try:
            async with asyncio.timeout(timeout):
                while not await true():  # noqa: ASYNC110 what is waited for is in another process
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise TimeoutError(f"waited {timeout:g} s for {what}") from None

    async def served(self) -> dict[str, tuple[str, float] | None]:
        """host -> (mode, percent) as its nginx answers now; None where it serves no file of the bot's, or is down."""
        return {host.name: await _served(host.status) for host in self.world.hosts}

    async def versions(self) -> set[str]:
        """Every version that visitors of every kind get on every host that is up."""
        kinds: list[dict[str, str]] = [{"Cookie": f"uid=u{n}"} for n in range(40)]
        kinds += [{"Cookie": "gray_release=true"}, {"X-Internal-User": "1"}]
        found = set()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            for name, url in zip(self.world.nginx, self.world.urls, strict=True):
                if not self.world.nginx[name].running:
                    continue
                for headers in kinds:
                    async with session.get(f"{url}/report", headers=headers) as answer:
                        found.add(answer.headers["X-Version"])
        return found

    async def back_on_old(self, *, untouched: bool = False) -> None:
        """All traffic is on the old version, as nginx itself says and as visitors see it."""
        assert set((await self.served()).values()) == {None if untouched else ("stable", 0.0)}
        assert await self.versions() == {OLD}

    # What goes wrong

    @contextlib.contextmanager
    def frozen_nginx(self, name: str) -> Any:
        """A master that takes no reload; its workers go on serving."""
        pid = self.world.nginx[name].pid
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def hold_up(self, name: str) -> None:
        (self.stand.root / f"hold-{name}").touch()

    def held_up(self, name: str) -> bool:
        return (self.stand.root / f"held-{name}").exists()

    async def replan(self, change: Change) -> None:
        """Another plan on the disk, and the bot started with it."""
        edit_yaml(self.stand.plan_file, change)
        await self.restart()

    async def restart(self) -> None:
        await self.stand.kill_bot()
        await self.stand.start_bot()

    async def end(self) -> None:
        """Everything mended, and the rollout taken back, completed or not."""
        self.faults.clear()
        for mark in self.stand.root.glob("h[oe]ld-*"):
            mark.unlink()
        for name, host in self.world.nginx.items():
            if not host.running:
                await self.world.bring_host_up(name)
        await self.world.dial("canary", critical_alerts=0)
        if self.stand.bot is None or not self.stand.bot.running:
            await self.stand.start_bot()
        rollout = await self.witness.rollout()
        if rollout is None or rollout.status in (Status.ROLLED_BACK, Status.CANCELLED):
            return
        if rollout.status is not Status.ROLLING_BACK:
            await self.type("lin", f"/rollout rollback {SERVICE}")
        await self.until(lambda r: ended(r) and r.status is not Status.COMPLETED, "the end", 40)

    async def close(self) -> None:
        await self.witness.close()


def _actions(message: Message) -> set[str]:
    elements = [e for block in message.blocks for e in (*block.get("elements", ()), block.get("accessory"))]
    return {e["action_id"] for e in elements if isinstance(e, dict) and "action_id" in e}


async def _served(status: str) -> tuple[str, float] | None:
    headers = {"Host": f"rollout-{SERVICE}", "Connection": "close"}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.get(f"http://{status}/rollout/{SERVICE}", headers=headers) as answer,
        ):
            serving, _ = parse_status(await answer.text())
    except (aiohttp.ClientError, TimeoutError):
        return None
    return serving.mode, serving.weight
