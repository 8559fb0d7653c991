"""The workspace of the demo: a small team, its channels and its release managers."""

from __future__ import annotations

import time
from collections.abc import Callable

from bot.sandbox.slack.models import User
from bot.sandbox.slack.tickets import Timing
from bot.sandbox.slack.workspace import App, Team, Workspace

PEOPLE: dict[str, str] = {
    "lin": "U0LIN00001",
    "wang": "U0WANG0001",
    "zhao": "U0ZHAO0001",
    "chen": "U0CHEN0001",
    "sun": "U0SUN00001",
    "zhou": "U0ZHOU0001",
    "wu": "U0WU000001",
    "guest": "U0GUEST001",
    "gone": "U0GONE0001",
    "external": "U0EXT00001",
}
CHANNELS: dict[str, str] = {
    "releases": "C0RELEASE1",
    "warnings": "C0WARNING1",
    "critical": "C0CRITICL1",
    "private": "C0PRIVATE1",
}
RELEASE_MANAGERS = "S0RELMGR01"
BOT_USER = "U0BOT00001"
OTHER_TEAM = "T0PARTNER1"


def demo_workspace(
    *, app: App | None = None, timing: Timing | None = None, clock: Callable[[], float] = time.time
) -> Workspace:
    """A fresh workspace.

    Everyone but the deactivated one is in `releases`, `warnings` and `critical`; lin and wang alone are in the private
    channel, named `war-room`, which the bot cannot see until somebody invites it.
    """
    ws = Workspace(team=Team(), app=app or App(bot_user=BOT_USER), timing=timing, clock=clock)
    home = ws.team.id
    for user in (
        User(PEOPLE["lin"], "lin", "林晓 Lin Xiao", home, "lin@example.com", is_admin=True),
        User(PEOPLE["wang"], "wang", "王伟 Wang Wei", home, "wang@example.com"),
        User(PEOPLE["zhao"], "zhao", "赵敏 Zhao Min", home, "zhao@example.com"),
        User(PEOPLE["chen"], "chen", "陈晨 Chen Chen", home, "chen@example.com"),
        User(PEOPLE["sun"], "sun", "孙颖 Sun Ying", home, "sun@example.com"),
        User(PEOPLE["zhou"], "zhou", "周凯 Zhou Kai", home, "zhou@example.com"),
        User(PEOPLE["wu"], "wu", "吴桐 Wu Tong", home, "wu@example.com"),
        User(PEOPLE["guest"], "guest", "Gina Guest", home, "guest@example.com", is_restricted=True),
        User(PEOPLE["gone"], "gone", "Gordon Gone", home, "gone@example.com", deleted=True),
        User(PEOPLE["external"], "external", "Erin External", OTHER_TEAM, is_stranger=True),
    ):
        ws.add_user(user)
    members = ("lin", "wang", "zhao", "chen", "sun", "zhou", "wu", "guest", "external")
    everyone = [PEOPLE[name] for name in members] + [ws.app.bot_user]
    for name in ("releases", "warnings", "critical"):
        ws.add_channel(CHANNELS[name], name, everyone)
    ws.add_channel(CHANNELS["private"], "war-room", [PEOPLE["lin"], PEOPLE["wang"]], private=True)
    managers = [PEOPLE[name] for name in ("lin", "wang", "zhao")]
    ws.add_group(RELEASE_MANAGERS, "release-managers", "Release managers", managers)
    return ws
