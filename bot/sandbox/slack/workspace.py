"""The workspace: everything a team has, in memory, and the events that follow from a change."""

from __future__ import annotations

import re
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.eventlog import Entry, EventLog, Predicate
from bot.sandbox.slack.faults import Faults
from bot.sandbox.slack.models import Channel, Json, Message, StoredFile, User, UserGroup, View
from bot.sandbox.slack.tickets import ResponseUrls, SocketTickets, Timing, Triggers

ALL_SCOPES = frozenset(
    {
        *("app_mentions:read", "chat:write", "commands", "pins:write", "team:read", "usergroups:read"),
        *("channels:history", "channels:join", "channels:read", "groups:history", "groups:read"),
        *("im:history", "im:read", "im:write", "mpim:history", "mpim:read"),
        *("files:read", "files:write", "reactions:read", "reactions:write"),
        *("users.profile:read", "users:read", "users:read.email"),
    }
)
EVENTS = frozenset(["message", "reaction_added", "reaction_removed", "app_mention", "app_home_opened"])


@dataclass
class App:
    """The installed app. `events` are the subscribed event types, `scopes` those of the bot token."""

    id: str = "A0ROLLOUT1"
    name: str = "rollout-bot"
    bot_id: str = "B0ROLLOUT1"
    bot_user: str = "U0BOT00001"
    bot_token: str = "xoxb-sandbox-bot-token"
    app_token: str = "xapp-sandbox-app-token"
    signing_secret: str = "sandbox-signing-secret"
    verification_token: str = "sandbox-verification-token"
    commands: set[str] = field(default_factory=lambda: {"/rollout"})
    scopes: set[str] = field(default_factory=lambda: set(ALL_SCOPES))
    events: set[str] = field(default_factory=lambda: set(EVENTS))


@dataclass
class Team:
    id: str = "T0SANDBOX1"
    name: str = "Sandbox"
    domain: str = "sandbox"


class Workspace:
    """State of one Slack-like workspace. Not for several threads: all calls come from one event loop.

    `clock` gives unix seconds; `deliver(kind, payload)` is set by the server and takes what goes to the app.
    """

    def __init__(
        self,
        *,
        team: Team | None = None,
        app: App | None = None,
        timing: Timing | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.team = team or Team()
        self.app = app or App()
        self.timing = timing or Timing()
        self.clock = clock
        self.log = EventLog(clock)
        self.faults = Faults()
        self.triggers = Triggers(clock, self.timing)
        self.response_urls = ResponseUrls(clock, self.timing)
        self.socket_tickets = SocketTickets(clock, self.timing)
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.groups: dict[str, UserGroup] = {}
        self.views: dict[str, View] = {}
        self.homes: dict[str, str] = {}
        self.files: dict[str, StoredFile] = {}
        self.custom_emoji: set[str] = set()
        self.calls: Counter[str] = Counter()
        self.posts: Counter[str] = Counter()
        self.deliver: Callable[[str, Json], None] | None = None
        self.base_url = ""
        self._last_micros = 0
        self._bot_profile_made = int(clock())
        self.add_user(User(self.app.bot_user, self.app.name, self.app.name, self.team.id, is_bot=True))
        self.users[self.app.bot_user].bot_id = self.app.bot_id

    # -- building -------------------------------------------------------------------------------------------------

    def add_user(self, user: User) -> User:
        self.users[user.id] = user
        return user

    def add_channel(self, channel_id: str, name: str, members: Iterable[str], *, private: bool = False) -> Channel:
        """Create a channel. `members` are user ids; the first is its creator."""
        people = list(dict.fromkeys(members))
        channel = Channel(channel_id, name, self.team.id, private, members=people)
        channel.creator = people[0] if people else "USLACKBOT"
        self.channels[channel_id] = channel
        return channel

    def add_group(self, group_id: str, handle: str, name: str, users: Iterable[str]) -> UserGroup:
        self.groups[group_id] = UserGroup(group_id, handle, name, self.team.id, list(users))
        return self.groups[group_id]

    def invite(self, channel: str, *users: str) -> None:
        members = self.channel(channel).members
        members.extend(user for user in users if user not in members)

    def direct_channel(self, user: str) -> Channel:
        """The direct message between the bot and a user; made when there is none."""
        for channel in self.channels.values():
            if channel.im_user == user:
                return channel
        channel_id = "D" + secrets.token_hex(5).upper()
        channel = Channel(channel_id, "", self.team.id, True, im_user=user, members=[user, self.app.bot_user])
        self.channels[channel_id] = channel
        return channel

    # -- finding --------------------------------------------------------------------------------------------------

    def user(self, user_id: str) -> User:
        """Raises SlackError user_not_found."""
        if user_id not in self.users:
            raise SlackError("user_not_found")
        return self.users[user_id]

    def channel(self, ref: str, reader: str | None = None) -> Channel:
        """A channel by id, `#name` or name. One that `reader` cannot see is channel_not_found, as in Slack."""
        found = self.channels.get(ref)
        if found is None:
            name = ref.removeprefix("#")
            found = next((c for c in self.channels.values() if c.name and c.name == name), None)
        if found is None or (reader is not None and found.is_private and reader not in found.members):
            raise SlackError("channel_not_found")
        return found

    def message(self, channel: str, ts: str) -> Message:
        """Raises SlackError channel_not_found or message_not_found."""
        found = self.channel(channel).messages.get(ts)
        if found is None:
            raise SlackError("message_not_found")
        return found

    def messages(self, channel: str, *, viewer: str | None = None) -> list[Message]:
        """All messages in `ts` order, replies too; with `viewer` also those only that person can see."""
        place = self.channel(channel)
        private = [m for m in place.ephemeral if m.visible_to == viewer]
        return sorted([*place.messages.values(), *private], key=lambda m: m.ts)

    # -- making ---------------------------------------------------------------------------------------------------

    def next_ts(self) -> str:
        """A message timestamp, `seconds.micros`: later than every one before it."""
        self._last_micros = max(int(self.clock() * 1_000_000), self._last_micros + 1)
        return f"{self._last_micros // 1_000_000}.{self._last_micros % 1_000_000:06d}"

    @staticmethod
    def next_id(prefix: str) -> str:
        return prefix + secrets.token_hex(5).upper()

    def bot_profile(self) -> Json:
        return {
            "id": self.app.bot_id,
            "app_id": self.app.id,
            "user_id": self.app.bot_user,
            "name": self.app.name,
            "icons": {"image_36": "", "image_48": "", "image_72": ""},
            "deleted": False,
            "updated": self._bot_profile_made,
            "team_id": self.team.id,
        }

    def response_url(self, key: str, path: str = "commands") -> str:
        return f"{self.base_url}/{path}/{self.team.id}/{key}"

    def trigger_of(self, user: str) -> str:
        return self.triggers.issue(user)

    # -- telling the app ------------------------------------------------------------------------------------------

    def emit(self, event: Json, *, channel: Channel | None = None) -> None:
        """Deliver an event if the app subscribes to it and its bot is where it happened."""
        if self.deliver is None or event["type"] not in self.app.events:
            return
        if channel is not None and self.app.bot_user not in channel.members:
            return
        self.deliver("events_api", self._wrapped(event))

    def _wrapped(self, event: Json) -> Json:
        return {
            "token": self.app.verification_token,
            "team_id": self.team.id,
            "context_team_id": self.team.id,
            "context_enterprise_id": None,
            "api_app_id": self.app.id,
            "event": event,
            "type": "event_callback",
            "event_id": self.next_id("Ev0"),
            "event_time": int(self.clock()),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": self.team.id,
                    "user_id": self.app.bot_user,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
            "event_context": "4-" + secrets.token_hex(16),
        }

    # -- waiting and counting -------------------------------------------------------------------------------------

    async def wait_for(self, predicate: Predicate, timeout: float = 5.0, since: int = 0) -> Entry:
        """The first log entry after the cursor `since` which the predicate accepts. Raises TimeoutError."""
        return await self.log.wait_for(predicate, timeout, since)

    async def wait_message(
        self, text: str, *, channel: str | None = None, timeout: float = 5.0, since: int = 0
    ) -> Entry:
        """The first posted, updated or ephemeral message whose text or blocks match the regular expression."""
        place = self.channel(channel).id if channel else None
        kinds = ("message.posted", "message.updated", "message.ephemeral")

        def matches(entry: Entry) -> bool:
            if entry["kind"] not in kinds or (place and entry["channel"] != place):
                return False
            return any(re.search(text, part) for part in texts_of(entry["message"]))

        return await self.wait_for(matches, timeout, since)


def texts_of(value: object) -> list[str]:
    """Every readable string of a message: its text and the texts inside its blocks and attachments."""
    if isinstance(value, dict):
        found = [value[key] for key in ("text", "fallback", "title") if isinstance(value.get(key), str)]
        nested = [part for key, part in value.items() if not isinstance(part, str) and key != "metadata"]
        return found + [text for part in nested for text in texts_of(part)]
    if isinstance(value, list):
        return [text for part in value for text in texts_of(part)]
    return []
