"""bot.engine.ports.chat.Chat over Slack's Web API."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.engine.ports.chat import MessageRead, ReactionRead
from bot.engine.ports.errors import Final
from bot.engine.ports.rendered import Attachment, Outgoing
from bot.slack import files as sharing
from bot.slack.channels import Channels
from bot.slack.errors import BLOCKS, LACKING, Refused, call, until_mended
from bot.slack.pace import Bucket
from bot.slack.scopes import check_scopes

log = structlog.get_logger()
EVENT_TYPE = "rollout_bot"
PAGE = 200  # messages a call looks through for an earlier try of the same post
THREAD_PAGES = 10  # a thread is listed from its oldest reply, and the one looked for is among the newest


def new_client(token: str, api_url: str) -> AsyncWebClient:
    """Retries are the outbox's business: the library's own would hide them from the lease."""
    return AsyncWebClient(token=token, base_url=api_url, timeout=10, retry_handlers=[])


class SlackChat:
    """clock, wait: monotonic seconds and a sleep, for the pace. One instance per token: the pace is its own."""

    def __init__(
        self,
        client: AsyncWebClient,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._posts: dict[str, Bucket] = defaultdict(lambda: Bucket(1.0, 4.0, clock, wait))
        self._edits: dict[str, Bucket] = defaultdict(lambda: Bucket(50 / 60, 6.0, clock, wait))
        self._said: set[str] = set()
        self._channels = Channels(client, self._once)
        self.user_id = ""
        self.team_id = ""

    async def check_token(self) -> None:
        """At boot. Raises Final with the mend, Retryable when Slack is away."""
        who = await call(self._client.auth_test())
        check_scopes(who.headers, self._once)
        self.user_id, self.team_id = str(who["user_id"]), str(who.get("team_id", ""))

    async def post(
        self,
        key: str,
        channel: str,
        message: Outgoing,
        thread_ts: str = "",
        broadcast: bool = False,
    ) -> tuple[str, str]:
        """Retryable also where somebody has to mend something first: no asking is lost for a missing invite."""
        with until_mended():
            place = await self._channels.id_of(channel)
        await self._posts[place].take()
        arguments: dict[str, Any] = {
            "channel": place,
            "text": message.text,
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": key}},
            "unfurl_links": False,
            "unfurl_media": False,
        }
        if thread_ts:
            arguments |= {"thread_ts": thread_ts, "reply_broadcast": broadcast}
        with until_mended():
            try:
                data = await self._with_blocks(self._client.chat_postMessage, arguments, message)
            except Refused as error:
                if error.code in ("channel_not_found", "is_archived"):
                    self._channels.forget(channel)
                raise
        return str(data["channel"]), str(data["ts"])

    async def update(self, channel: str, ts: str, message: Outgoing) -> None:
        """Raises Gone where the message is no longer there or no longer ours."""
        await self._edits[channel].take()
        arguments = {"channel": channel, "ts": ts, "text": message.text}
        with until_mended(unless="is_archived"):  # what is filed away is not brought up to date
            await self._with_blocks(self._client.chat_update, arguments, message)

    async def whisper(self, channel: str, user: str, message: Outgoing, thread_ts: str = "") -> None:
        """Only Retryable is raised: somebody who has left the channel cannot be whispered to, and is let go."""
        arguments: dict[str, Any] = {"channel": channel, "user": user, "text": message.text}
        if thread_ts:
            arguments["thread_ts"] = thread_ts
        try:
            await self._with_blocks(self._client.chat_postEphemeral, arguments, message)
        except Final as error:
            log.warning("a private sentence could not be said", user=user, error=str(error))

    async def publish_home(self, user: str, message: Outgoing) -> None:
        """The app's home as this person sees it. Raises Retryable or Final."""
        view = {"type": "home", "blocks": list(message.blocks)}
        try:
            await call(self._client.views_publish(user_id=user, view=view))
        except Refused as error:
            if error.code not in LACKING:
                raise
            self._once(f"the app's home stays empty ({error})")

    async def seed(self, channel: str, ts: str, emoji: Sequence[str]) -> None:
        """Raises Retryable not_in_channel: without being there the bot hears of no reaction either."""
        for name in emoji:
            with until_mended():
                try:
                    await self._inside(self._client.reactions_add, channel=channel, timestamp=ts, name=name)
                except Refused as error:
                    if error.code == "already_reacted":
                        continue
                    if error.code not in (*LACKING, "invalid_name"):
                        raise
                    self._once(f"emoji cannot be put under an asking; people add them themselves ({error})")

    async def reactions(self, channel: str, ts: str) -> tuple[ReactionRead, ...]:
        """Everybody's, as of now. Who is not listed does not count, and that is said in the log."""
        with until_mended():
            data = await self._inside(self._client.reactions_get, channel=channel, timestamp=ts, full=True)
        found = (data.get("message") or {}).get("reactions") or []
        for reaction in found:
            if int(reaction.get("count", 0)) > len(reaction.get("users", [])):
                log.warning("not everybody who reacted is listed", emoji=reaction.get("name"), channel=channel, ts=ts)
        return tuple(ReactionRead(str(user), str(r["name"])) for r in found for user in r.get("users", []))

    async def permalink(self, channel: str, ts: str) -> str:
        """ "" where the server has no links."""
        try:
            data = await call(self._client.chat_getPermalink(channel=channel, message_ts=ts))
        except Refused as error:
            if error.code not in LACKING:
                raise
            self._once(f"messages cannot be linked ({error})")
            return ""
        return str(data["permalink"])

    async def find(self, key: str, channel: str, thread_ts: str = "") -> tuple[str, str] | None:
        """Where a try that was cut off posted this key; None also where the server cannot be asked."""
        with until_mended():
            place = await self._channels.id_of(channel)
        method = self._client.conversations_replies if thread_ts else self._client.conversations_history
        arguments: dict[str, Any] = {"channel": place, "limit": PAGE, "include_all_metadata": True}
        if thread_ts:
            arguments["ts"] = thread_ts
        for _ in range(THREAD_PAGES if thread_ts else 1):
            try:
                data = await self._inside(method, **arguments)
            except Final as error:
                self._once(f"an earlier try cannot be looked for; a message may appear twice after a crash ({error})")
                return None
            for message in data.get("messages", []):
                if self._is_ours(message, key):
                    return place, str(message["ts"])
            arguments["cursor"] = (data.get("response_metadata") or {}).get("next_cursor", "")
            if not arguments["cursor"]:
                break
        return None

    async def upload(
        self,
        key: str,
        channel: str,
        thread_ts: str,
        files: Sequence[Attachment],
        text: str,
        instead: Sequence[Outgoing] = (),
    ) -> tuple[str, ...]:
        """Raises Retryable or Final. A server without files gets `instead`, the last of it under the key itself."""
        await self._posts[channel].take()
        try:
            with until_mended():
                return await sharing.share(self._client, key, channel, thread_ts, files, text)
        except sharing.NoFiles as error:
            self._once(f"files cannot be shared; what they say is posted as text ({error})")
        for n, message in enumerate(instead, 1):
            part = key if n == len(instead) else f"{key}:{n}"
            if n == len(instead) or await self.find(part, channel, thread_ts) is None:
                await self.post(part, channel, message, thread_ts=thread_ts)
        return ()

    async def read(self, channel: str, ts: str) -> MessageRead | None:
        """Raises Retryable."""
        try:
            data = await call(self._client.conversations_replies(channel=channel, ts=ts, latest=ts, inclusive=True))
        except Final as error:
            self._once(f"a message cannot be read, so no note is made of it ({error})")
            return None
        messages: list[dict[str, Any]] = data.get("messages", [])
        found = next((m for m in messages if str(m.get("ts")) == ts), None)
        if found is None:
            return None
        by_bot = bool(found.get("bot_id")) or found.get("user") in (None, self.user_id)
        text = str(found.get("text") or "")
        return MessageRead(str(found.get("user", "")), text, str(found.get("thread_ts") or ""), by_bot)

    def _is_ours(self, message: dict[str, Any], key: str) -> bool:
        """Any app can write any metadata: the author counts too."""
        metadata = message.get("metadata") or {}
        same = metadata.get("event_type") == EVENT_TYPE and metadata.get("event_payload", {}).get("key") == key
        same = same or sharing.keyed(message, key)
        return same and (not self.user_id or message.get("user", self.user_id) == self.user_id)

    async def _with_blocks(self, method: Any, arguments: dict[str, Any], message: Outgoing) -> Any:
        """A card without its looks still says the truth: text alone where Slack refuses the blocks."""
        try:
            return await self._inside(method, **arguments, blocks=list(message.blocks))
        except Refused as error:
            if not message.blocks or error.code not in BLOCKS:
                raise
            log.error("Slack refused the blocks; sending the text alone", error=str(error.__cause__))
            return await self._inside(method, **arguments, blocks=[])

    async def _inside(self, method: Any, **arguments: Any) -> Any:
        """The call; once more after joining where it needed the bot to be in the channel."""
        try:
            return await call(method(**arguments))
        except Refused as error:
            if error.code != "not_in_channel" or not await self._channels.join(str(arguments["channel"])):
                raise
            return await call(method(**arguments))

    def _once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            log.warning(text)
