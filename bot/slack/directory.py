"""bot.engine.ports.chat.Directory: who somebody is, from users.info, user groups and people.yaml. Fails closed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.engine.ports.errors import Final, Retryable
from bot.rollout.model import Person
from bot.slack.errors import Refused, call
from config.people import People

log = structlog.get_logger()
CACHE = 300.0  # seconds
FRESH = 1.0  # seconds a group's members count as just read: ten people react, one list answers for all
PATIENCE = 1.2  # seconds to say who typed a command: it has to be committed before Slack's three are over
PATIENCE_FRESH = 10.0  # seconds where a reaction is judged; there a missing answer costs somebody's word


class SlackDirectory:
    def __init__(
        self,
        client: AsyncWebClient,
        people: People,
        team: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._people = people
        self._team = team
        self._clock = clock
        self._wait = wait
        self._persons: dict[str, tuple[float, Person]] = {}
        self._groups: dict[str, tuple[float, frozenset[str]]] = {}
        self._said: set[str] = set()

    async def person(self, user: str, fresh: bool = False) -> Person:
        """Roles and standing, at most CACHE old. Never raises; `known=False` where Slack could not be asked in time.

        fresh: asked now (a group's members: within FRESH), with more patience.
        """
        kept = self._persons.get(user)
        if kept and not fresh and self._clock() - kept[0] < CACHE:
            return kept[1]
        try:
            async with asyncio.timeout(PATIENCE_FRESH if fresh else PATIENCE):
                person = await (self._ask_again(user) if fresh else self._ask(user, fresh))
        except Exception as error:  # also an answer of another shape than Slack's: it must not let anybody through
            log.warning("a person could not be checked", user=user, error=repr(error))
            return Person(user, known=False)
        self._persons[user] = (self._clock(), person)
        return person

    async def _ask_again(self, user: str) -> Person:
        """Waits once where Slack asks for it: no answer would cost somebody's word."""
        try:
            return await self._ask(user, True)
        except Retryable as error:
            if error.after is None:
                raise
            await self._wait(error.after)
        return await self._ask(user, True)

    async def _ask(self, user: str, fresh: bool) -> Person:
        response = await call(self._client.users_info(user=user))
        info: Mapping[str, Any] = response.get("user") or {}
        if info.get("id") != user:
            raise Final(f"Slack answered about somebody else than {user}")
        return Person(
            user=user,
            bot=bool(info.get("is_bot") or info.get("is_workflow_bot") or user == "USLACKBOT"),
            guest=bool(info.get("is_restricted") or info.get("is_ultra_restricted")),
            deactivated=bool(info.get("deleted")),
            external=self._external(info),
            roles=await self._roles(user, fresh),
        )

    def _external(self, info: Mapping[str, Any]) -> bool:
        """Of another workspace. In an Enterprise Grid people have one home and belong to several."""
        team = self._team()
        if info.get("is_stranger") or not team:
            return bool(info.get("is_stranger"))
        return team not in (info.get("team_id", team), *((info.get("enterprise_user") or {}).get("teams") or ()))

    async def _roles(self, user: str, fresh: bool) -> frozenset[str]:
        found = set()
        for name, role in self._people.roles.items():
            if user in role.users:
                found.add(name)
                continue
            for group in sorted(role.groups):
                if user in await self._members(group, fresh):
                    found.add(name)
                    break
        return frozenset(found)

    async def _members(self, group: str, fresh: bool) -> frozenset[str]:
        kept = self._groups.get(group)
        if kept and self._clock() - kept[0] < (FRESH if fresh else CACHE):
            return kept[1]
        try:
            data = await call(self._client.usergroups_users_list(usergroup=group))
            members = frozenset(str(u) for u in data.get("users") or ())
        except Refused as error:
            # A server may lack user groups: the ids in people.yaml still count, and nobody else does.
            if group not in self._said:
                self._said.add(group)
                log.warning("a user group cannot be read; only configured ids count", group=group, error=str(error))
            members = frozenset()
        self._groups[group] = (self._clock(), members)
        return members
