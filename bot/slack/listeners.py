"""Slack's requests in: commit first, acknowledge then (DESIGN §7). Nothing is decided here."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.engine.ports.chat import Chat, Directory
from bot.engine.ports.errors import Away, Final, Retryable
from bot.engine.ports.records import MessageRef
from bot.engine.ports.rendered import Outgoing
from bot.rollout.approval import canonical_emoji
from bot.rollout.intents import refuse
from bot.slack import noting
from bot.slack.answers import PATIENCE, Answers
from commands.desk import AlertDesk, Call, Desk, Words
from commands.home import home
from commands.registry import run

log = structlog.get_logger()
ACTIONS = re.compile(r"rollout\.(promote|pause|resume|retry|adopt|restore|rollback)")
CHECKLIST_ACTIONS = re.compile(r"checklist\.(done|undo)")
TICKING = {"checklist.done": "tick", "checklist.undo": "untick"}
ALERT_ACTIONS = re.compile(r"alert\.(ack|silence)")
BY_BUTTON = "1h"  # how long the button silences
EVERYTHING = re.compile(".*")
WAITS = (1.0, 3.0, 10.0)  # seconds before a private sentence is tried again, where Slack names none
HINTS = 1000  # hints remembered, so that each is given once


class Intake(noting.Intake, Protocol):
    async def reaction(
        self, event_id: str, rollout: str, stage: str, attempt: int, user: str, emoji: str, added: bool
    ) -> bool: ...

    async def signature(
        self, event_id: str, rollout: str, edition: int, user: str, emoji: str, added: bool
    ) -> bool: ...


class Homes(Protocol):
    async def publish_home(self, user: str, message: Outgoing) -> None: ...


class Ledger(noting.Ledger, Protocol):
    async def message_at(self, channel: str, ts: str) -> MessageRef | None: ...


class Listeners:
    """Everything a listener needs; `register` hangs it into an app.

    patience: seconds an acknowledgement waits for the answer it may carry.
    """

    def __init__(
        self,
        desk: Desk,
        words: Words,
        directory: Directory,
        intake: Intake,
        ledger: Ledger,
        chat: Chat,
        patience: float = PATIENCE,
        alerts: AlertDesk | None = None,
        homes: Homes | None = None,
    ) -> None:
        self._desk = desk
        self._words = words
        self._directory = directory
        self._intake = intake
        self._ledger = ledger
        self._chat = chat
        self._alerts = alerts
        self._noting = noting.Noting(desk, directory, intake, ledger, chat)
        self._homes = homes
        self._answers = Answers(patience)
        self._hinted: set[tuple[str, str, int]] = set()
        self._stopping = False

    def register(self, app: AsyncApp) -> None:
        app.command("/rollout")(self.command)
        app.action(ACTIONS)(self.action)
        app.action(CHECKLIST_ACTIONS)(self.action)
        app.action(ALERT_ACTIONS)(self.alert_action)
        app.event("reaction_added")(self.reaction)
        app.event("reaction_removed")(self.reaction)
        app.event("app_mention")(self.mention)
        app.event("app_home_opened")(self.home)
        # Events that nobody handles are never acknowledged by Bolt, and Slack would send them again and again.
        app.event(EVERYTHING)(_nothing)
        for kind in (app.action, app.shortcut, app.view):
            kind(EVERYTHING)(_acknowledged)
        app.error(_logged)

    async def stop(self) -> None:
        """Takes nothing more, and lets what is under way end."""
        self._stopping = True
        await self._answers.stop()

    async def command(self, ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        cause, user, text = f"slack:{body['trigger_id']}", body["user_id"], body.get("text") or ""
        work = self._begin(cause, user, partial(self._typed, user, text, cause))
        await self._answers.in_ack(work, ack, respond)

    async def action(self, ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        """A button is the same line as its command, for the rollout of its card only."""
        action, user = body["actions"][0], body["user"]["id"]
        cause = f"slack:{body.get('trigger_id') or action['action_ts'] + ':' + user}"
        work = self._begin(cause, user, partial(self._pressed, user, action, cause))
        await self._answers.after_ack(work, ack, respond)

    async def alert_action(self, ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        action, user = body["actions"][0], body["user"]["id"]
        cause = f"slack:{body.get('trigger_id') or action['action_ts'] + ':' + user}"
        work = self._begin(cause, user, partial(self._pressed_alert, user, action, cause))
        await self._answers.after_ack(work, ack, respond)

    async def mention(self, body: dict[str, Any]) -> None:
        """The same line said to the bot in a channel; the answer is private all the same."""
        event, cause = body["event"], f"slack:{body['event_id']}"
        user = event.get("user")
        if not user or event.get("bot_id") or user == self._chat.user_id:
            return
        me = re.escape(self._chat.user_id) or "[UW][A-Z0-9]+"
        text = re.sub(rf"<@{me}(\|[^>]*)?>", " ", event.get("text") or "")
        work = self._begin(cause, user, partial(self._typed, user, text, cause))
        await self._answers.settled(work)

        async def say() -> None:
            await self._whisper(event["channel"], user, await work, event.get("thread_ts", ""))

        self._answers.watch(say(), f"answer to {cause}")

    async def reaction(self, body: dict[str, Any]) -> None:
        """Commits that somebody reacted; who counts is read from Slack afterwards."""
        event, item = body["event"], body["event"].get("item", {})
        user = event.get("user", "")
        if item.get("type") != "message" or not user or user == self._chat.user_id:
            return
        ref = await self._ledger.message_at(item["channel"], item["ts"])
        kind, rollout, rest = (*(ref.key if ref else "").split(":", 2), "", "")[:3]
        stage, _, attempt = rest.rpartition(":")
        added = event["type"] == "reaction_added"
        if kind == "approval" and attempt.isdecimal():
            await self._intake.reaction(body["event_id"], rollout, stage, int(attempt), user, event["reaction"], added)
        elif kind == "signoff" and rest.isdecimal():
            await self._intake.signature(body["event_id"], rollout, int(rest), user, event["reaction"], added)
        elif ref and added:
            await self._elsewhere(rollout, event["reaction"], user, item["channel"])
        elif added:
            await self._noting.marked(item["channel"], item["ts"], user, event["reaction"])

    async def home(self, body: dict[str, Any]) -> None:
        """Nothing is recorded: who opens it again sees it anew."""
        event = body["event"]
        if event.get("tab") == "home" and event.get("user") and self._homes and not self._stopping:
            self._answers.watch(self._publish(self._homes, event["user"]), f"home of {event['user']}")

    async def _publish(self, homes: Homes, user: str) -> None:
        actor = await self._directory.person(user)
        try:
            await homes.publish_home(user, await home(actor, self._desk, self._words, self._alerts))
        except (Retryable, Final) as error:
            log.warning("the app's home could not be shown", user=user, error=str(error))

    async def _elsewhere(self, rollout_id: str, emoji: str, user: str, channel: str) -> None:
        """An approval put on another message than the asking: it counts for nothing, and that is said once."""
        for service, plan in self._desk.plans.items():
            rollout = (await self._desk.state(service)).active
            approval = rollout.approval if rollout and rollout.id == rollout_id else None
            if rollout is None or approval is None or approval.decided:
                continue
            rule = next((s.approval for s in plan.stages if s.name == approval.stage), None)
            asked = (user, f"{rollout.id}:{approval.stage}", approval.attempt)
            if rule is None or asked in self._hinted:
                continue
            if canonical_emoji(emoji) in (canonical_emoji(rule.emoji), canonical_emoji(rule.veto)):
                if len(self._hinted) >= HINTS:
                    self._hinted.clear()
                self._hinted.add(asked)
                text = self._words.refusal(refuse("wrong_message", stage=approval.stage), rollout, plan)
                self._answers.watch(self._whisper(channel, user, self._words.error(text)), f"hint to {user}")

    async def _whisper(self, channel: str, user: str, outgoing: Outgoing, thread_ts: str = "") -> None:
        """Again while Slack wants a moment; raises Retryable when it went on wanting one."""
        for wait in WAITS:
            try:
                return await self._chat.whisper(channel, user, outgoing, thread_ts)
            except Retryable as error:
                await asyncio.sleep(error.after or wait)
        await self._chat.whisper(channel, user, outgoing, thread_ts)

    async def _typed(self, user: str, text: str, cause: str) -> Outgoing:
        return await run(Call(text, await self._directory.person(user), cause), self._desk, self._words, self._alerts)

    async def _pressed(self, user: str, action: dict[str, Any], cause: str) -> Outgoing:
        verb = TICKING.get(action["action_id"], action["action_id"].removeprefix("rollout."))
        service, rollout, item = (*str(action.get("value", "")).split("|", 2), "", "")[:3]
        plan = self._desk.plans.get(service)
        current = (await self._desk.state(service)).rollout if plan else None
        if plan is None or current is None or current.id != rollout:
            refusal = refuse("older_card", rollout=rollout, service=service)
            return self._words.error(self._words.refusal(refusal, current, plan))
        return await self._typed(user, f'{verb} {service} "{item}"' if item else f"{verb} {service}", cause)

    async def _pressed_alert(self, user: str, action: dict[str, Any], cause: str) -> Outgoing:
        """The same line as typed, for the alert of this very message."""
        verb = action["action_id"].removeprefix("alert.")
        key, _, life = str(action.get("value", "")).partition("|")
        group = (await self._alerts.state()).groups.get(key) if self._alerts else None
        if group is None or str(group.life) != life:
            return self._words.error(self._words.refusal(refuse("no_alert", alert=key[:6]), None, None))
        return await self._typed(user, f"{verb} {key} {BY_BUTTON}" if verb == "silence" else f"{verb} {key}", cause)

    def _begin(self, cause: str, user: str, work: Callable[[], Awaitable[Outgoing]]) -> asyncio.Task[Outgoing]:
        return self._answers.begin(cause, lambda: self._honest(cause, user, work))

    async def _honest(self, cause: str, user: str, work: Callable[[], Awaitable[Outgoing]]) -> Outgoing:
        """The work's answer, or that it could not be done; what could not be recorded is never passed over."""
        try:
            if self._stopping:
                return self._words.unavailable("stopping")
            return await work()
        except Away as error:
            log.error("the database is away", cause=cause, user=user, error=str(error))
            return self._words.unavailable("database")
        except (Retryable, Final) as error:
            log.error("nothing could be recorded", cause=cause, user=user, error=str(error))
            return self._words.unavailable(str(error))
        except Exception as error:
            # Whether it was recorded before it failed is not known here, so nothing is claimed.
            log.exception("a command failed", cause=cause, user=user)
            return self._words.error(f"{type(error).__name__} · /rollout status")


async def _nothing() -> None:
    """Acknowledged by being here."""


async def _acknowledged(ack: Callable[[], Awaitable[Any]]) -> None:
    await ack()


async def _logged(error: Exception, body: dict[str, Any]) -> None:
    """Not acknowledged, so an event comes again: what it wanted was not recorded."""
    kind = (body.get("event") or {}).get("type") or body.get("type") or body.get("command")
    log.error("a request of Slack's failed", kind=kind, error=repr(error), exc_info=error)


def build_app(client: AsyncWebClient, signing_secret: str) -> AsyncApp:
    """signing_secret: "" in Socket Mode, where Bolt asks for none. No I/O, also not at the first request."""

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        # Bolt would call auth.test before it lets the first request in: a rollback must not wait for that.
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=client.token)

    return AsyncApp(
        client=client,
        authorize=authorize,
        signing_secret=signing_secret or "socket-mode-has-none",
        process_before_response=True,
        request_verification_enabled=bool(signing_secret),
    )
