"""Short-lived tokens: trigger ids (3 s, once), response urls (30 min, five uses) and socket tickets (30 s, once)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox.slack.errors import SlackError

Clock = Callable[[], float]


@dataclass
class Timing:
    """How long Slack waits, in seconds. The defaults are Slack's; tests shorten them.

    `retry_after` holds the pause before each redelivery, so its length is how often one is tried again.
    """

    ack: float = 3.0
    retry_after: tuple[float, ...] = (0.5, 60.0, 300.0)
    trigger: float = 3.0
    response_url: float = 1800.0
    response_uses: int = 5
    ticket: float = 30.0


@dataclass
class Triggers:
    """Trigger ids and who caused them. A view may be opened once with each, within `timing.trigger` seconds."""

    clock: Clock
    timing: Timing
    _known: dict[str, tuple[str, float, bool]] = field(default_factory=dict)

    def issue(self, user: str) -> str:
        trigger = f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._known[trigger] = (user, self.clock(), False)
        return trigger

    def redeem(self, trigger: str) -> str:
        """The user the trigger belongs to. Raises SlackError: invalid_trigger_id, expired_, exchanged_trigger_id."""
        if trigger not in self._known:
            raise SlackError("invalid_trigger_id")
        user, born, used = self._known[trigger]
        if used:
            raise SlackError("exchanged_trigger_id")
        if self.clock() - born > self.timing.trigger:
            raise SlackError("expired_trigger_id")
        self._known[trigger] = (user, born, True)
        return user


@dataclass
class ResponseUrl:
    """Where one answer may go: `channel`, for `user`; `message_ts` when a button of that message was pressed."""

    id: str
    channel: str
    user: str
    born: float
    message_ts: str | None = None
    thread_ts: str | None = None
    uses: int = 0
    posted: list[str] = field(default_factory=list)


@dataclass
class ResponseUrls:
    clock: Clock
    timing: Timing
    _known: dict[str, ResponseUrl] = field(default_factory=dict)

    def issue(self, channel: str, user: str, *, message_ts: str | None = None, thread_ts: str | None = None) -> str:
        key = secrets.token_hex(12)
        self._known[key] = ResponseUrl(key, channel, user, self.clock(), message_ts, thread_ts)
        return key

    def known(self, key: str) -> ResponseUrl:
        """Where it leads, without counting a use. Raises SlackError expired_url."""
        place = self._known.get(key)
        if place is None or self.clock() - place.born > self.timing.response_url:
            raise SlackError("expired_url")
        return place

    def use(self, key: str) -> ResponseUrl:
        """Count one use. Raises SlackError `used_url` or `expired_url`, which Slack answers with HTTP 404."""
        place = self.known(key)
        if place.uses >= self.timing.response_uses:
            raise SlackError("used_url")
        place.uses += 1
        return place


@dataclass
class SocketTickets:
    clock: Clock
    timing: Timing
    _known: dict[str, float] = field(default_factory=dict)

    def issue(self) -> str:
        ticket = secrets.token_hex(16)
        self._known[ticket] = self.clock()
        return ticket

    def redeem(self, ticket: str) -> bool:
        """Whether the ticket was fresh and unused; it is spent either way."""
        born = self._known.pop(ticket, None)
        return born is not None and self.clock() - born <= self.timing.ticket
