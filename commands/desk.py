"""What a command may ask of the engine, and what it gets to work with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from bot.alerts.explain import Step
from bot.alerts.intents import AlertIntent
from bot.alerts.model import Alert, AlertsState, Group, Silence
from bot.alerts.oncall import Turn
from bot.alerts.plan import AlertPlan, Reach
from bot.engine.ports.rendered import Outgoing
from bot.engine.submitted import Alerted, Submitted
from bot.rollout.effects import Effect
from bot.rollout.intents import Intent, Refusal
from bot.rollout.model import Board, Person, Rollout, ServiceState
from bot.rollout.plan import Plan


class Desk(Protocol):
    @property
    def plans(self) -> Mapping[str, Plan]: ...

    async def submit(self, service: str, intent: Intent, cause: str | None = None) -> Submitted: ...

    async def start(
        self, service: str, version: str, actor: Person, reason: str, cause: str | None, salt: str = ""
    ) -> Submitted: ...

    async def record(self, service: str, cause: str | None, effects: tuple[Effect, ...]) -> bool: ...

    async def state(self, service: str) -> ServiceState: ...

    async def board(self, service: str) -> Board | None: ...

    async def history(self, service: str | None, limit: int = 10) -> tuple[Rollout, ...]: ...

    async def diff(self, service: str, version: str, salt: str = "") -> Mapping[str, str]: ...

    def now(self) -> float: ...

    def today(self) -> date:
        """In the bot's time zone."""
        ...


class AlertDesk(Protocol):
    @property
    def plan(self) -> AlertPlan: ...

    async def state(self) -> AlertsState: ...

    async def submit(self, intent: AlertIntent, cause: str | None = None) -> Alerted: ...

    def now(self) -> float: ...


class Words(Protocol):
    """Rendering of answers, pure: bot.slack.messages."""

    def refusal(self, refusal: Refusal, rollout: Rollout | None, plan: Plan | None) -> str: ...

    def status(
        self, states: Sequence[tuple[Rollout, Plan, Board | None]], services: Sequence[str], now: float
    ) -> Outgoing: ...

    def history(self, rollouts: Sequence[Rollout], now: float) -> Outgoing: ...

    def plan(self, rollout: Rollout, plan: Plan, per_host: Mapping[str, str] | None, error: str) -> Outgoing: ...

    def checks(self, rollout: Rollout, plan: Plan, now: float) -> Outgoing: ...

    def follow_ups(self, rollout: Rollout, plan: Plan, now: float) -> Outgoing: ...

    def help(self, commands: Sequence[tuple[str, str, str]]) -> Outgoing: ...

    def done(self, kind: str, **facts: object) -> Outgoing: ...

    def did_you_mean(self, word: str, suggestion: str, usage: str) -> Outgoing: ...

    def usage_error(self, what_code: str, usage: str, **facts: object) -> Outgoing: ...

    def alerts(
        self, groups: Sequence[tuple[Group, Sequence[Alert]]], silences: Sequence[Silence], now: float
    ) -> Outgoing: ...

    def why(self, group: Group, explained: Sequence[tuple[Alert, Sequence[Step]]], now: float) -> Outgoing: ...

    def oncall(self, rows: Sequence[tuple[str, Turn, Reach | None, Turn, Reach | None]], now: float) -> Outgoing: ...

    def home(self, parts: Sequence[Outgoing], now: float) -> Outgoing: ...

    def unavailable(self, why: str) -> Outgoing: ...

    def error(self, text: str) -> Outgoing: ...


@dataclass(frozen=True, slots=True)
class Call:
    """One command as typed. cause: what makes a redelivery known (Slack's trigger id)."""

    text: str
    actor: Person
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """Everything a handler works with. words: the rest of the line, tidied. usage: the handler's own.

    alerts: None where there is no alerts.yaml.
    """

    desk: Desk
    messages: Words
    call: Call
    words: tuple[str, ...]
    usage: str
    alerts: AlertDesk | None = None


async def answer(room: Room, service: str, submitted: Submitted, kind: str, **facts: object) -> Outgoing:
    """The private answer to an act: what was done, or why not and the mend."""
    plan = room.desk.plans[service]
    if submitted.duplicate:
        # What came of it the first time is not kept; what is true now is.
        last = submitted.state.rollout
        states = [(last, plan, await room.desk.board(service))] if last else []
        return room.messages.status(states, [service], room.desk.now())
    if submitted.refusal:
        return room.messages.error(room.messages.refusal(submitted.refusal, submitted.state.rollout, plan))
    rollout = submitted.state.rollout
    known = {"service": service, "rollout": rollout.id, "version": rollout.version} if rollout else {"service": service}
    if rollout:
        known |= {"stage": rollout.stage, "stable_version": rollout.stable_version}
    return room.messages.done(kind, **(known | facts))
