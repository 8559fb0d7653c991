"""Channel names to ids, and getting into a public channel."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.engine.ports.errors import Final
from bot.slack.errors import LACKING, Refused, call

CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{6,}")
PERSON_ID = re.compile(r"[UW][A-Z0-9]{6,}")


class Channels:
    """once: says a sentence to the operator the first time it is given."""

    def __init__(self, client: AsyncWebClient, once: Callable[[str], None]) -> None:
        self._client = client
        self._once = once
        self._ids: dict[str, str] = {}
        self._joined: set[str] = set()

    async def id_of(self, name: str) -> str:
        """The id of a channel by name, or the name itself where the server lists none; a person's (U…) direct channel.

        Raises Refused with the mend.
        """
        bare = name.removeprefix("#")
        if CHANNEL_ID.fullmatch(bare):
            return bare
        if PERSON_ID.fullmatch(bare):
            return await self._direct(bare)
        if bare not in self._ids:
            try:
                await self._look_for(bare)
            except Refused as error:
                if error.code not in LACKING:
                    raise
                self._once(f"channels cannot be listed, names are used as they are ({error})")
                return f"#{bare}"
        if bare not in self._ids:
            mend = f"channel #{bare}: there is none the bot can see: correct `channel:` or /invite the bot"
            raise Refused("channel_not_found", mend)
        return self._ids[bare]

    async def _direct(self, person: str) -> str:
        """The conversation of the bot with one person; it needs im:write."""
        if person not in self._ids:
            data: Any = await call(self._client.conversations_open(users=person))
            self._ids[person] = str(data["channel"]["id"])
        return self._ids[person]

    def forget(self, name: str) -> None:
        """The name may belong to another channel by now: it is looked up anew when it is next needed."""
        self._ids.pop(name.removeprefix("#"), None)

    async def _look_for(self, bare: str) -> None:
        try:
            await self._list(bare, "public_channel,private_channel")
        except Refused as error:
            if error.code != "missing_scope":
                raise
            self._once(f"private channels cannot be listed ({error})")
            await self._list(bare, "public_channel")

    async def _list(self, bare: str, types: str) -> None:
        cursor = ""
        while True:
            data: Any = await call(
                self._client.conversations_list(types=types, exclude_archived=True, limit=200, cursor=cursor)
            )
            for channel in data["channels"]:
                self._ids[str(channel["name"])] = str(channel["id"])
            cursor = (data.get("response_metadata") or {}).get("next_cursor", "")
            if not cursor or bare in self._ids:
                return

    async def join(self, channel: str) -> bool:
        """Whether it is worth trying again. Only a public channel can be joined, and only one attempt is made."""
        if channel in self._joined:
            return False
        self._joined.add(channel)
        try:
            await call(self._client.conversations_join(channel=channel))
        except Final as error:
            self._once(f"{channel}: the bot is not in the channel and cannot join it ({error}): /invite it")
            return False
        return True
