"""Who somebody is; whoever cannot be checked is not known."""

from __future__ import annotations

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.rollout.model import Person
from bot.sandbox.slack import Workspace
from bot.sandbox.slack.models import User
from bot.slack import directory as module
from bot.slack.directory import SlackDirectory
from config.people import People, Role
from tests.slack.conftest import CHEN, GROUP, LIN, PEOPLE, WANG, ZHAO


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def directory(client: AsyncWebClient, ws: Workspace, clock: Clock) -> SlackDirectory:
    return SlackDirectory(client, PEOPLE, lambda: ws.team.id, clock)


async def test_roles_come_from_the_file_and_from_groups(directory: SlackDirectory) -> None:
    managers = frozenset({"managers"})
    assert await directory.person(LIN) == Person(LIN, roles=managers)
    assert await directory.person(ZHAO) == Person(ZHAO, roles=managers)
    assert await directory.person(CHEN) == Person(CHEN)


@pytest.mark.parametrize(
    ("user", "standing"),
    [
        ("U0GUEST001", {"guest": True}),
        ("U0GONE0001", {"deactivated": True}),
        ("U0EXT00001", {"external": True}),
        ("U0BOT00001", {"bot": True}),
    ],
)
async def test_standing_is_what_slack_says(directory: SlackDirectory, user: str, standing: dict[str, bool]) -> None:
    assert await directory.person(user) == Person(user, **standing)


async def test_more_kinds_of_people(directory: SlackDirectory, ws: Workspace) -> None:
    home = ws.team.id
    ws.add_user(User("U0FLOW0001", "flow", "Flow", home, is_workflow_bot=True))
    ws.add_user(User("U0SINGLE01", "single", "Single", home, is_ultra_restricted=True))
    ws.add_user(User("USLACKBOT", "slackbot", "Slackbot", home))
    ws.add_user(User("U0PARTNER1", "partner", "Partner", "T0ELSEWHERE"))
    assert (await directory.person("U0FLOW0001")).bot
    assert (await directory.person("USLACKBOT")).bot
    assert (await directory.person("U0SINGLE01")).guest
    assert (await directory.person("U0PARTNER1")).external


async def test_who_belongs_to_us_in_a_grid_is_not_external(
    directory: SlackDirectory, ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = ws.add_user(User("U0GRID0001", "grid", "Grid", "T0ELSEWHERE"))
    shown = person.to_slack() | {"enterprise_user": {"teams": ["T0ELSEWHERE", ws.team.id]}}
    monkeypatch.setattr(User, "to_slack", lambda self: shown)
    assert not (await directory.person("U0GRID0001")).external


async def test_a_person_is_asked_about_every_five_minutes_and_at_once_where_it_counts(
    directory: SlackDirectory, ws: Workspace, clock: Clock
) -> None:
    await directory.person(LIN)
    ws.users[LIN].deleted = True
    assert not (await directory.person(LIN)).deactivated
    assert (await directory.person(LIN, fresh=True)).deactivated
    assert (await directory.person(LIN)).deactivated
    ws.users[LIN].deleted = False
    clock.now += 301
    assert not (await directory.person(LIN)).deactivated


async def test_a_group_is_read_anew_where_it_counts_but_not_for_each_of_ten(
    directory: SlackDirectory, ws: Workspace, clock: Clock
) -> None:
    await directory.person(ZHAO)
    ws.groups[GROUP].users.remove(ZHAO)
    assert (await directory.person(ZHAO)).roles
    clock.now += 6
    assert not (await directory.person(ZHAO, fresh=True)).roles
    for _ in range(10):
        await directory.person(ZHAO, fresh=True)
    assert ws.calls["usergroups.users.list"] == 2


async def test_a_named_person_needs_no_group(directory: SlackDirectory, ws: Workspace) -> None:
    ws.faults.outage = ""
    ws.faults.rate_limit("usergroups.users.list", retry_after=30)
    assert (await directory.person(WANG)).roles == {"managers"}
    assert not (await directory.person(ZHAO)).known


async def test_a_server_without_groups_leaves_the_configured_ids(directory: SlackDirectory, ws: Workspace) -> None:
    ws.faults.disable("usergroups.users.list")
    assert (await directory.person(WANG, fresh=True)).roles == {"managers"}
    assert await directory.person(ZHAO, fresh=True) == Person(ZHAO)


@pytest.mark.parametrize("fault", [{"outage": "503"}, {"outage": "reset"}, {"errors": {"users.info": "missing_scope"}}])
async def test_who_cannot_be_checked_is_not_known_and_not_kept(
    directory: SlackDirectory, ws: Workspace, fault: dict[str, object]
) -> None:
    ws.faults.apply(fault)
    assert await directory.person(LIN) == Person(LIN, known=False)
    ws.faults.clear()
    assert (await directory.person(LIN)).known


async def test_who_is_kept_but_cannot_be_checked_where_it_counts_is_not_known(
    directory: SlackDirectory, ws: Workspace
) -> None:
    await directory.person(LIN)
    ws.faults.outage = "503"
    assert not (await directory.person(LIN, fresh=True)).known


async def test_nobody_by_that_id_is_not_known(directory: SlackDirectory) -> None:
    assert await directory.person("U0NOBODY01") == Person("U0NOBODY01", known=False)


async def test_a_slow_answer_is_not_waited_for(
    client: AsyncWebClient, ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    directory = SlackDirectory(client, People({"managers": Role(frozenset({LIN}))}), lambda: ws.team.id)
    assert not (await directory.person(LIN)).known
    assert (await directory.person(LIN, fresh=True)).known
